"""A Ray cluster to run functions on: one that is there, or one of this machine alone.

Whoever calls :meth:`RayCluster.run` waits for the result, so calls that shall run at the same time come from
several threads. A call whose worker is lost is tried again. A cluster whose head is gone is noticed within
seconds, where Ray itself would end this process without a word of what to do.
"""

import logging
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import psutil

from contrastive_nas.errors import InputError
from contrastive_nas.processes import KilledError, usable_processors

Result = TypeVar("Result")
logger = logging.getLogger(__name__)
LOCAL = "local"
# A call that no machine has room for would wait for ever; clusters that grow on demand need some time.
SECONDS_FOR_ROOM = 20.0
# A head that is busy may leave one or two of these unanswered.
_HEAD_TRIALS = 3
_HEAD_SECONDS = 2.0
_LOOK_SECONDS = 1.0
# Ray gives its own processes 30 seconds to start, which a machine under load may exceed.
_STARTS = 3
_RESOURCES = {"cpus": "CPU", "gpus": "GPU", "memory_gb": "memory"}
_GB = 10**9
_HOST_AND_PORT = re.compile(r"[^/]+:\d+")
# The one column of a table that stands for what a function raised.
_FAILURE = "contrastive_nas_failure"


class HeadLostError(InputError):
    """The head of the cluster does not answer any more."""


class GivenUpError(RuntimeError):
    """Nobody waits for the result any more."""


@dataclass(frozen=True)
class Needs:
    """What one call occupies of a machine.

    Attributes:
        cpus: processors; parts of one let several calls share it.
        gpus: GPUs, parts of one likewise.
        memory_gb: memory that is set aside, in GB; 0 sets none aside.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory_gb: float = 0.0

    def __str__(self) -> str:
        words = {"cpus": "CPUs", "gpus": "GPUs", "memory_gb": "GB of memory"}
        asked = ((getattr(self, name), word) for name, word in words.items())
        return ", ".join(f"{value:g} {word}" for value, word in asked if value) or "nothing"

    @property
    def options(self) -> dict[str, float]:
        """Return them as Ray takes them."""
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, "memory": round(self.memory_gb * _GB)}

    def fit(self, resources: Mapping[str, float]) -> bool:
        """Tell whether a machine with these resources is large enough."""
        return all(amount <= resources.get(name, 0.0) for name, amount in self._amounts())

    def how_often(self, resources: Mapping[str, float]) -> int:
        """Count such calls that a machine with these resources runs at once."""
        amounts = [resources.get(name, 0.0) // amount for name, amount in self._amounts() if amount]
        return int(min(amounts, default=1))

    def _amounts(self) -> list[tuple[str, float]]:
        return [
            (key, getattr(self, name) * (_GB if name == "memory_gb" else 1))
            for name, key in _RESOURCES.items()
        ]


class _Place(NamedTuple):
    """What a worker takes over from this process."""

    paths: list[str]
    folder: str
    threads: str | None


class RayCluster:
    """A connection to a cluster; a context manager that ends what it has begun.

    Args:
        address: ``local`` starts a cluster of this machine's processors that lives as long as the connection;
            ``auto`` takes the one that runs on this machine, ``host:port`` any other. A process that is
            connected already keeps its connection.

    Raises:
        InputError: Ray is not installed, or there is no such cluster.
    """

    def __init__(self, address: str) -> None:
        self._ray = import_ray()
        self._own = not self._ray.is_initialized()
        if self._own:
            _start(self._ray, address)
        context = self._ray.get_runtime_context()
        self._head = str(context.gcs_address)
        here = next(one for one in self._ray.nodes() if one["NodeID"] == context.get_node_id())
        self._ports = (self._head, f"{here['NodeManagerAddress']}:{here['NodeManagerPort']}")
        self._lock = threading.Lock()
        self._asked, self._unanswered = time.monotonic(), 0
        self._lost = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, and the cluster if it was started by it."""
        if self._own and not self._lost:
            self._ray.shutdown()

    def share(self, value: Any) -> Any:
        """Return a reference to a value that many calls take: it travels to every machine once."""
        return self._ray.put(value)

    def room_for(self, needs: Needs) -> int:
        """Count such calls that run at once.

        Raises:
            InputError: no machine of the cluster is large enough for one.
        """
        deadline = time.monotonic() + SECONDS_FOR_ROOM
        while True:
            machines = [one["Resources"] for one in self._ray.nodes() if one["Alive"]]
            room = sum(needs.how_often(one) for one in machines if needs.fit(one))
            if room:
                return room
            if time.monotonic() > deadline:
                raise InputError(
                    f"no machine of the Ray cluster at {self._head} has {needs}, which are asked for: its "
                    f"machines have {_described(machines)}"
                )
            time.sleep(_LOOK_SECONDS)

    def run(
        self,
        what: str,
        function: Callable[..., Result],
        *arguments: Any,
        needs: Needs,
        retries: int = 1,
        fresh: bool = False,
        given_up: threading.Event | None = None,
    ) -> Result:
        """Call a function of an importable module in a worker of the cluster.

        Args:
            what: said of it in messages and in Ray's own views.
            function: is imported by the worker from where this process has it.
            arguments: of the function; those that were shared arrive as their values.
            needs: of one call.
            retries: how often it is tried again after its worker was lost.
            fresh: whether its worker is a process that has done nothing before and does nothing after.
            given_up: ends the waiting, and the work, when it is set.

        Raises:
            KilledError: the worker was lost every time.
            HeadLostError: the cluster is gone.
            GivenUpError: ``given_up`` was set.
            InputError: the arguments cannot be sent to another process.
            Exception: what the function raises.
        """
        call = self._ray.remote(max_calls=int(fresh))(_call).options(
            name=what, max_retries=0, **needs.options
        )
        self._check_head()
        try:
            work = self._ray.put((function, arguments))
        except TypeError as error:
            raise InputError(f"{what} cannot be sent to a Ray worker: {_first_line(error)}") from error
        lost = self._ray.exceptions
        for trial in range(retries + 1):
            reference = call.remote(
                list(sys.path), str(Path.cwd()), os.environ.get("OMP_NUM_THREADS"), [work]
            )
            try:
                outcome = self._wait(reference, given_up)
            except (lost.WorkerCrashedError, lost.NodeDiedError, lost.OutOfMemoryError, lost.ObjectLostError):
                self._check_head(at_once=True)
                logger.warning("the Ray worker was lost that worked on %s", what)
                if trial < retries:
                    continue
                raise KilledError(f"its Ray worker was lost {retries + 1} times: out of memory?") from None
            if isinstance(outcome, Failure):
                raise outcome.error from _Elsewhere(outcome.trace)
            return outcome
        raise AssertionError

    def map_tables(
        self,
        what: str,
        function: Callable[[Any, Any], Any],
        shared: Any,
        tables: list[Any],
        needs: Needs,
    ) -> Iterator[Any]:
        """Yield what a function of an importable module makes of each table, in any order, by Ray Data.

        No more results wait here than the cluster's memory for objects has room for. A table whose worker was
        lost is tried again by Ray.

        Args:
            what: said of it in messages and in Ray's own views.
            function: gives a table for one of the tables and ``shared``.
            shared: travels to every machine once; best an array, which workers of one machine share.
            tables: PyArrow's.
            needs: of one call.

        Raises:
            InputError: no machine of the cluster is large enough, or the function raises it.
            Exception: what else the function raises.
        """
        from ray import data

        self.room_for(needs)
        data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        work = self._ray.put((function, (self._ray.put(shared),)))
        place = _Place(list(sys.path), str(Path.cwd()), os.environ.get("OMP_NUM_THREADS"))

        def call(table: Any) -> Any:
            return _call(*place, [work], table)

        results = data.from_arrow(tables).map_batches(
            call,
            batch_size=None,
            batch_format="pyarrow",
            zero_copy_batch=True,
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            memory=round(needs.memory_gb * _GB) or None,
        )
        try:
            for table in results.iter_batches(batch_size=None, batch_format="pyarrow"):
                yield _successful(table)
        except self._ray.exceptions.RayError as error:
            raise InputError(
                f"{what}: Ray gave up ({_first_line(error)}); repeat the command to go on"
            ) from error

    def _wait(self, reference: Any, given_up: threading.Event | None) -> Any:
        # Not by ray.wait: it ends this process when it finds the cluster gone.
        arriving = reference.future()
        while True:
            try:
                return arriving.result(timeout=_LOOK_SECONDS)
            except TimeoutError:
                if arriving.done():
                    raise
            self._check_head()
            if given_up is not None and given_up.is_set():
                self._ray.cancel(reference, force=True)
                raise GivenUpError("its result is no longer needed")

    def _check_head(self, *, at_once: bool = False) -> None:
        """Asks the ports of the cluster now and then; every thread that waits for a result does so.

        Raises:
            HeadLostError: one has not answered several times.
        """
        with self._lock:
            while not self._lost and (at_once or time.monotonic() > self._asked + _LOOK_SECONDS):
                self._unanswered = 0 if all(map(_answers, self._ports)) else self._unanswered + 1
                self._asked = time.monotonic()
                self._lost = self._unanswered >= _HEAD_TRIALS
                if not self._unanswered:
                    break
                time.sleep(_LOOK_SECONDS)
            if self._lost:
                raise HeadLostError(
                    f"the head of the Ray cluster at {self._head} does not answer any more: start the "
                    "cluster again and repeat the command, which continues this run"
                )


def import_ray() -> ModuleType:
    """Import Ray, which is told to report to nobody.

    Raises:
        InputError: it is not installed.
    """
    # It reports its use to its makers unless told not to; nothing here shall need a network.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # What workers say is shown once a line, not collected for some seconds.
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    try:
        import ray
    except ImportError as error:
        raise InputError("Ray is needed, but not installed: install contrastive-nas[ray]") from error
    return ray


def _start(ray: ModuleType, address: str) -> None:
    # Ray itself would wait for minutes for a machine that does not answer.
    if _HOST_AND_PORT.fullmatch(address) and not _answers(address):
        raise InputError(
            f"there is no Ray cluster at {address!r}: it does not answer; start one with `ray start --head`"
        )
    options: dict[str, Any] = {"address": address, "logging_level": logging.ERROR}
    if address == LOCAL:
        options |= {"num_cpus": usable_processors(), "include_dashboard": False}
    for trial in range(1, _STARTS + 1):
        before = set(psutil.Process().children())
        try:
            ray.init(**options)
            return
        except (ConnectionError, ValueError, AssertionError) as error:
            raise InputError(
                f"there is no Ray cluster at {address!r}: start one with `ray start --head`, or use the "
                f"address {LOCAL!r} ({_first_line(error)})"
            ) from error
        except Exception as error:  # Ray has no class of its own for a start that took too long
            for process in set(psutil.Process().children()) - before:
                process.kill()
            ray.shutdown()
            if address != LOCAL or trial == _STARTS:
                raise InputError(f"Ray does not start ({address!r}): {_first_line(error)}") from error
            logger.info("Ray took too long to start; starting it again")


def _answers(head: str) -> bool:
    host, _, port = head.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_HEAD_SECONDS).close()
    except OSError:
        return False
    return True


def _described(machines: list[Mapping[str, float]]) -> str:
    found = (Needs(one.get("CPU", 0), one.get("GPU", 0), one.get("memory", 0) // _GB) for one in machines)
    return "; ".join(sorted({str(one) for one in found})) or "nothing"


def _successful(table: Any) -> Any:
    """The table that :func:`call_on_table` gave; raises what the function raised."""
    from ray import cloudpickle

    if table.column_names != [_FAILURE]:
        return table
    failure = cloudpickle.loads(table.column(_FAILURE)[0].as_py())
    raise failure.error from _Elsewhere(failure.trace)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


# What follows runs in the workers.


@dataclass(frozen=True)
class Failure:
    """What a call raised, and where, as text."""

    error: Exception
    trace: str


class _Elsewhere(Exception):
    """The traceback of another process, as the cause of an error that came from there."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _call(paths: list[str], folder: str, threads: str | None, work: list[Any], table: Any = None) -> Any:
    """Runs a function in the worker, on a table if there is one; it imports everything from where this
    process does.
    """
    import os
    import sys

    import ray

    # Results depend on the number of threads; Ray would give a worker as many as it was promised processors.
    if threads is None:
        os.environ.pop("OMP_NUM_THREADS", None)
    else:
        os.environ["OMP_NUM_THREADS"] = threads
    sys.path[:0] = [path for path in paths if path not in sys.path]
    # Processes that the function starts import this one's script, which is Ray's own and of no use to them.
    vars(sys.modules["__main__"]).pop("__file__", None)
    if os.path.isdir(folder):
        os.chdir(folder)
    function, arguments = ray.get(work[0])

    from contrastive_nas.execution.ray_cluster import call_on_table, call_safely

    return call_safely(function, arguments) if table is None else call_on_table(function, arguments, table)


# Ray sends the code of a function of the main module, and the name of any other; a worker may find another
# copy of this package under that name.
_call.__module__ = "__main__"


def call_safely(function: Callable[..., Result], arguments: tuple[Any, ...]) -> Result | Failure:
    """Call a function; Ray's own errors would hold the whole trace as their message."""
    import traceback

    from ray import cloudpickle

    try:
        return function(*(_fetched(argument) for argument in arguments))
    except Exception as error:
        trace = traceback.format_exc()
        error.__traceback__ = error.__cause__ = error.__context__ = None
        try:
            # Some errors cannot be made again from what they hold.
            cloudpickle.loads(cloudpickle.dumps(error))
        except Exception:
            error = RuntimeError(f"{type(error).__name__}: {error}")
        return Failure(error, trace)


def call_on_table(function: Callable[..., Any], arguments: tuple[Any, ...], table: Any) -> Any:
    """Call a function with a table; Ray Data has tables for results alone, so a failure becomes one too."""
    import pyarrow as pa
    from ray import cloudpickle

    outcome = call_safely(function, (table, *arguments))
    if isinstance(outcome, Failure):
        return pa.table({_FAILURE: [cloudpickle.dumps(outcome)]})
    return outcome


def _fetched(argument: Any) -> Any:
    import ray

    return ray.get(argument) if isinstance(argument, ray.ObjectRef) else argument
