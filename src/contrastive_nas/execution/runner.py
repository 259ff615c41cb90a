"""The runner that leaves out what has not changed."""

import copy
import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from kedro.framework.hooks.manager import _NullPluginManager
from kedro.io import AbstractDataset, CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import AbstractRunner
from kedro.runner.task import Task
from kedro.utils import find_kedro_project
from pluggy import PluginManager

from contrastive_nas.errors import InputError
from contrastive_nas.execution.datasets.aids import CheckpointFolder, EarlierResult, KeptFolder
from contrastive_nas.execution.datasets.artifact import ArtifactDataset
from contrastive_nas.execution.hashing import checksums_for
from contrastive_nas.execution.needed import needed_part
from contrastive_nas.execution.plan import Decision, Planner
from contrastive_nas.execution.plan_text import describe_plan
from contrastive_nas.execution.run_history import last_seconds
from contrastive_nas.execution.run_record import RunRecorder, recorder_among
from contrastive_nas.execution.state import locked, state_folder
from contrastive_nas.execution.versions import KEY_LENGTH
from contrastive_nas.progress import working

logger = logging.getLogger(__name__)
NAMES_APART = "+"


class CachingRunner(AbstractRunner):
    """Runs those nodes of a pipeline whose code, parameters, inputs, libraries or device changed, one by one.

    Args:
        force: names of nodes that run in any case, joined by ``+``.
        verify: runs also what has not changed, and compares the results with those kept.
        is_async: loads and saves with threads, as Kedro does.
    """

    def __init__(self, force: str = "", verify: bool = False, is_async: bool = False) -> None:
        if not isinstance(verify, bool):
            raise InputError(f"--runner-params: verify is true or false, not {verify!r}")
        super().__init__(is_async=is_async)
        self._forced = [name for name in str(force).split(NAMES_APART) if name]
        self._verifies = verify

    @property
    def _logger(self) -> logging.Logger:
        """For what Kedro says of a run; the plan and the end of the run say more."""
        return logging.getLogger("kedro.runner")

    def _get_executor(self, max_workers: int) -> None:
        return None

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        hooks = hook_manager or _NullPluginManager()
        recorder = recorder_among(hooks)
        project = recorder.project if recorder else Path(find_kedro_project(Path.cwd()) or Path.cwd())
        if recorder is not None:
            # Kedro tells its hooks the runner that was passed, not the one that it filled in.
            recorder.record["runner"] = type(self).__name__
        asked = pipeline
        pipeline = needed_part(asked, catalog)
        unneeded = sorted({node.name for node in asked.nodes} - {node.name for node in pipeline.nodes})
        unknown = set(self._forced) - {node.name for node in pipeline.nodes}
        if unknown:
            raise InputError(f"force: there is no node {', '.join(sorted(unknown))} in this pipeline")
        run = _Run(pipeline, catalog, hooks, run_id, project, recorder, self, unneeded)
        with locked(state_folder(project) / "locks" / "runs", "a clean-up", shared=True):
            try:
                run.everything(Planner(catalog, pipeline, project, self._forced), self._verifies)
            finally:
                checksums_for(project).flush()

    def _work_through(self, pipeline: Pipeline, work: Callable[[Node], None]) -> None:
        """Calls ``work`` with every node, with none before those that it takes something from."""
        for node in pipeline.nodes:
            work(node)

    def _run_task(
        self, node: Node, catalog: CatalogProtocol, hooks: Any, run_id: str | None, device: str
    ) -> None:
        """Loads the inputs of a node, calls its function and saves its outputs.

        Args:
            device: kind of device that the node was planned for; empty where it uses none.
        """
        Task(node, catalog, self._is_async, hooks, run_id).execute()


class _Run:
    """One run: what is decided about its nodes, and what came of it.

    Nodes may be worked on in several threads. One lock is held by whoever decides and records, by nobody who
    computes or waits.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        hooks: Any,
        run_id: str | None,
        project: Path,
        recorder: RunRecorder | None,
        runner: CachingRunner,
        unneeded: Collection[str],
    ) -> None:
        self._pipeline = pipeline
        self._catalog = catalog
        self._hooks = hooks
        self._run_id = run_id
        self._project = project
        self._state = state_folder(project)
        self._recorder = recorder
        self._runner = runner
        self._unneeded = unneeded
        self._makers = {name: node for node in pipeline.nodes for name in node.outputs}
        self._uses = Counter(chain.from_iterable(node.inputs for node in pipeline.nodes))
        self._made: set[str] = set()
        self._different: list[str] = []
        self._lock = threading.RLock()
        self._making: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def everything(self, planner: Planner, verifies: bool) -> None:
        """Plans, prints the plan, and does it.

        Raises:
            InputError: parameters that a node cannot work with; or ``verifies``, and something came out
                otherwise than before.
        """
        for dataset in self._all_datasets():
            if isinstance(dataset, ArtifactDataset):
                dataset.reads = dataset.origin = None
        decisions = self._tell_plan(planner)
        if self._recorder is not None and any(decision.runs for decision in decisions):
            self._recorder.check_before_work(self._pipeline)
        self._runner._work_through(self._pipeline, partial(self._do, planner, verifies))
        if self._different:
            raise InputError("these results differ from the earlier ones: " + ", ".join(self._different))

    def _tell_plan(self, planner: Planner) -> list[Decision]:
        with working("checking what has changed"):
            decisions = [planner.decide(node) for node in self._pipeline.nodes]
        experiment = None if self._recorder is None else self._recorder.record.get("experiment")
        names = {decision.node.name for decision in decisions if decision.runs}
        earlier = last_seconds(self._project, experiment, names)
        logger.info("%s", describe_plan(decisions, earlier, self._unneeded))
        return decisions

    def _do(self, planner: Planner, verifies: bool, node: Node) -> None:
        decision = self._decide(planner, node)
        if decision.on_demand and not self._is_asked_for(node):
            return
        self._do_or_skip(planner, verifies, decision)
        self._release(node)

    def _do_or_skip(self, planner: Planner, verifies: bool, decision: Decision) -> None:
        if decision.runs or decision.on_demand:
            with self._exclusive(decision):
                # Another run may have made it while this one waited.
                decision = self._decide(planner, decision.node)
                if decision.runs or decision.on_demand:
                    self._execute(planner, decision)
                    return
        self._skip(decision)
        if verifies:
            self._compare(decision)

    def _decide(self, planner: Planner, node: Node) -> Decision:
        with self._lock:
            return planner.decide(node)

    def _is_asked_for(self, node: Node) -> bool:
        """Whether results that stay in memory are results of the whole run; others are made when taken."""
        return bool(set(node.outputs) & self._pipeline.outputs())

    def _execute(self, planner: Planner, decision: Decision) -> None:
        node = decision.node
        for name in node.inputs:
            if name in self._makers and not self._is_kept(name):
                self._make(planner, name)
        logger.info("running %s", node.name)
        with self._lock:
            origin = planner.origin(decision)
            for dataset in self._artifacts(node):
                dataset.origin = origin
            folder = self._checkpoints(decision)
            aids: dict[str, AbstractDataset] = {**folder, **self._earlier_results(planner, decision)}
        self._task(decision, self._hooks, aids)
        for checkpoints in folder.values():
            checkpoints.load().remove()
        with self._lock:
            if planner.doubt(decision):
                logger.warning(
                    "%s: its code or inputs were edited while it ran; it will run again", node.name
                )
                for dataset in self._artifacts(node):
                    dataset.disown()
            self._made.update(node.outputs)
            self._record(decision)

    def _make(self, planner: Planner, name: str) -> None:
        """Makes what stays in memory, unless it is there."""
        maker = self._makers[name]
        with self._lock:
            making = self._making[maker.name]
        with making:
            if name not in self._made:
                self._execute(planner, self._decide(planner, maker))

    def _skip(self, decision: Decision) -> None:
        with self._lock:
            for name, version in decision.versions.items():
                dataset = self._dataset(name)
                assert isinstance(dataset, ArtifactDataset)
                dataset.reads = version
                dataset.versions.show(version)
            self._record(decision)

    def _compare(self, decision: Decision) -> None:
        """Runs a node once more, away from all that it has kept; notes what comes out otherwise."""
        logger.info("verifying %s", decision.node.name)
        hidden = {
            name: dataset.hidden()
            for name in decision.node.inputs
            if isinstance(dataset := self._dataset(name), KeptFolder)
        }
        with ExitStack() as stack:
            datasets = {name: self._dataset(name) for name in decision.versions}
            for name, dataset in datasets.items():
                assert isinstance(dataset, ArtifactDataset)
                stack.enter_context(dataset.compared(decision.versions[name]))
            self._task(decision, _NullPluginManager(), hidden)
            self._different += [name for name, dataset in datasets.items() if dataset.differs]

    def _task(self, decision: Decision, hooks: Any, aids: Mapping[str, AbstractDataset]) -> None:
        """Runs a node, with data sets of its own in place of those that all nodes share."""
        device = "" if decision.fingerprint is None else decision.fingerprint.device
        catalog = _with(self._catalog, aids)
        with working(decision.node.name):
            self._runner._run_task(decision.node, catalog, hooks, self._run_id, device)

    def _exclusive(self, decision: Decision) -> Any:
        if decision.fingerprint is None:
            return ExitStack()
        key = decision.fingerprint.checksum[:KEY_LENGTH]
        return locked(self._state / "locks" / key, f"it is running {decision.node.name}")

    def _checkpoints(self, decision: Decision) -> dict[str, CheckpointFolder]:
        """The checkpoints that a node takes, in a folder of its own."""
        if decision.fingerprint is None:
            return {}
        folder = self._state / "checkpoints" / decision.fingerprint.checksum[:KEY_LENGTH]
        return {
            name: dataset.in_folder(folder)
            for name in decision.node.inputs
            if isinstance(dataset := self._dataset(name), CheckpointFolder)
        }

    def _earlier_results(self, planner: Planner, decision: Decision) -> dict[str, EarlierResult]:
        """What a node made before from other inputs, as far as it takes it."""
        found: dict[str, EarlierResult] = {}
        for name in decision.node.inputs:
            dataset = self._dataset(name)
            version = planner.earlier(decision, dataset.of) if isinstance(dataset, EarlierResult) else None
            if version is not None:
                found[name] = dataset.at(version.path)
                logger.info("%s reuses what it can from %s", decision.node.name, version.path)
                if self._recorder is not None:
                    self._recorder.took_over(decision.node, dataset.of, version)
        return found

    def _record(self, decision: Decision) -> None:
        if self._recorder is not None:
            self._recorder.decided(decision)

    def _release(self, node: Node) -> None:
        """Frees what no later node takes; what a node made on demand would take stays."""
        with self._lock:
            for name in node.inputs:
                self._uses[name] -= 1
            for name in {*node.inputs, *node.outputs}:
                if self._uses[name] < 1 and name not in self._pipeline.inputs() | self._pipeline.outputs():
                    self._catalog.release(name)

    def _is_kept(self, name: str) -> bool:
        return isinstance(self._dataset(name), ArtifactDataset)

    def _artifacts(self, node: Node) -> list[ArtifactDataset]:
        """The results of a node that are kept."""
        datasets = map(self._dataset, node.outputs)
        return [dataset for dataset in datasets if isinstance(dataset, ArtifactDataset)]

    def _all_datasets(self) -> Iterator[Any]:
        return (self._dataset(name) for name in self._pipeline.datasets())

    def _dataset(self, name: str) -> Any:
        return self._catalog.get(name, fallback_to_runtime_pattern=True)


def _with(catalog: CatalogProtocol, replaced: Mapping[str, AbstractDataset]) -> CatalogProtocol:
    """The catalog with some data sets replaced, which the catalog itself keeps as they are."""
    if not replaced:
        return catalog
    changed = copy.copy(catalog)
    changed._datasets = {**catalog._datasets, **replaced}
    return changed
