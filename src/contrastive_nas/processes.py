"""Processes for work in parallel, one of which may be killed without harm to the others.

Every process has an executor of its own, and a thread that hands it one call at a time, so that it is known
which call a process died of. A new process then tries that call once more.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, TypeVar

from contrastive_nas.errors import InputError

Result = TypeVar("Result")
logger = logging.getLogger(__name__)
# The first death may have been another's fault, such as of two large networks at once.
MOST_DEATHS = 2


class KilledError(RuntimeError):
    """The processes that ran a call were killed, every time that it was tried."""


class Processes:
    """Processes of one thread each; they start when there is something to do.

    Args:
        count: how many; 0 takes one per processor that this process may use.
        libraries: modules that every process needs and that take seconds to import. They are imported once,
            before processes are forked; none of this package, as the server may not know where it lies.
        start: called in each process with ``arguments``, before all else.
        arguments: of ``start``.

    Raises:
        InputError: a script starts them as it is imported, which every process would do again.
    """

    def __init__(
        self,
        count: int,
        libraries: Sequence[str] = (),
        start: Callable[..., None] | None = None,
        arguments: tuple[Any, ...] = (),
    ) -> None:
        _check_script()
        self._threads = ThreadPoolExecutor(count or usable_processors(), "process")
        self._libraries = tuple(libraries)
        self._start, self._arguments = start, arguments
        self._own = threading.local()
        self._executors: list[ProcessPoolExecutor] = []

    def prepare(self) -> None:
        """Start in the background what the first process waits for; returns at once."""
        if self._context().get_start_method() == "forkserver":
            forkserver.ensure_running()

    def submit(self, work: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Call ``work`` in a thread of this process that may :meth:`run` something in one of the others."""
        return self._threads.submit(work, *arguments)

    def run(self, function: Callable[..., Result], subject: Any, *arguments: Any) -> Result:
        """Return what ``function`` gives for a subject and further arguments, in the process of this thread.

        Raises:
            KilledError: the process was killed, and so was the one that tried it again.
            Exception: what ``function`` raises.
        """
        deaths = 0
        while deaths < MOST_DEATHS:
            try:
                begun = self._executor().submit(function, subject, *arguments)
            except BrokenProcessPool:  # it died with nothing to do
                self._own.executor = None
                continue
            try:
                return begun.result()
            except BrokenProcessPool:
                deaths += 1
                self._own.executor = None
                logger.warning("a worker process was killed while it worked on %s", subject)
        raise KilledError(f"its process was killed {MOST_DEATHS} times: out of memory?")

    def close(self) -> None:
        """End the processes; what they have not begun is given up."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for executor in self._executors:
            executor.shutdown()

    def _executor(self) -> ProcessPoolExecutor:
        """That of this thread."""
        executor: ProcessPoolExecutor | None = getattr(self._own, "executor", None)
        if executor is None:
            executor = ProcessPoolExecutor(
                1, self._context(), initializer=_start, initargs=(self._start, self._arguments)
            )
            self._own.executor = executor
            self._executors.append(executor)
        return executor

    def _context(self) -> BaseContext:
        """How processes start: forked from a server that has imported the libraries and done nothing else.

        A forked copy of this process itself could hang, as it may have used torch's threads.
        """
        if "forkserver" not in multiprocessing.get_all_start_methods():
            return multiprocessing.get_context("spawn")
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(self._libraries))
        return context


def _check_script() -> None:
    """Refuses a script that every new process, which imports it, would start again."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script is None or not script.endswith(".py"):
        return
    try:
        text = Path(script).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    if "__main__" not in text:
        raise InputError(
            f"{script}: its processes import this file, and would start all of it again; put what it runs "
            "under if __name__ == '__main__':"
        )


def usable_processors() -> int:
    """Return processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# What follows runs in the processes.


def _start(further: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted and ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if further is not None:
        further(*arguments)


def _end_with_parent() -> None:
    """A killed parent leaves no worker behind."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
