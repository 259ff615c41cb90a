"""Trainings in processes of one thread each, one of which may be killed without harm to the others.

Every process has an executor of its own, and a thread that hands it one training at a time, so that it is
known which training a process died of. A new process then tries that training once more; whoever dies of it
twice is given up, as a fault of the machine.
"""

import logging
import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import torch

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import is_machine_fault
from contrastive_nas.evaluators.label_store import LabelStore
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.registry import load_space
from contrastive_nas.training.config import ShortSettings
from contrastive_nas.training.network import count_outputs
from contrastive_nas.training.seeding import seed_generators
from contrastive_nas.training.short import ShortScore, ShortTraining

logger = logging.getLogger(__name__)
# What a training imports that takes seconds. None of this package: the server may not know where it lies.
_LIBRARIES = ("lightning_fabric", "pandas", "sklearn.model_selection", "timm.scheduler", "torch.export")
# The first death may have been another's fault, such as of two large networks at once.
_DEATHS = 2


@dataclass(frozen=True)
class Training:
    """How one training ended.

    Attributes:
        score: None where it did not end well.
        error: why it did not, empty where it did.
        machine_fault: it was for want of memory, disk or a process, see :class:`Evaluation`.
    """

    score: ShortScore | None
    error: str = ""
    machine_fault: bool = False


@dataclass(frozen=True)
class TrainedScores:
    """All trainings of one architecture.

    Attributes:
        scores: of the trainings before one that did not end well, in the order of their seeds.
        error: why that one did not, empty where all did.
        machine_fault: see :class:`Training`.
    """

    architecture: Architecture
    scores: tuple[ShortScore, ...]
    error: str = ""
    machine_fault: bool = False

    @property
    def valid_accuracy(self) -> float:
        """Mean over the trainings, percent; NaN where one failed."""
        return math.nan if self.error else _mean([score.valid_accuracy for score in self.scores])

    @property
    def test_accuracy(self) -> float:
        """Mean over the trainings, percent; NaN where one failed."""
        return math.nan if self.error else _mean([score.test_accuracy for score in self.scores])

    @property
    def seconds(self) -> float:
        """Processor seconds of all trainings."""
        return sum(score.seconds for score in self.scores)


@dataclass(frozen=True)
class TrainingJob:
    """What every training of an evaluator has in common.

    Attributes:
        space_name: as :func:`load_space` takes it.
        space_options: of the space.
        settings: data set and recipe.
        labels: folder of stores that trained accuracies are kept in; None for none.
        identity: of the store.
    """

    space_name: str
    space_options: Mapping[str, Any]
    settings: ShortSettings
    labels: Path | None
    identity: Mapping[str, Any]

    def load_space(self) -> SearchSpace:
        """The space of the networks."""
        return load_space(self.space_name, **self.space_options)

    def open_store(self, space: SearchSpace) -> LabelStore | None:
        """Where trainings of this kind are kept."""
        return None if self.labels is None else LabelStore(self.labels, space.name, self.identity)


class UnusableImagesError(InputError):
    """Nothing can be trained on the data set, or by the recipe: it ends the search that asked."""


class TrainingProcesses:
    """Processes that train what they are handed; they start when there is something to do.

    Args:
        job: what the trainings have in common.
        count: how many processes; 0 takes one per processor that this process may use.
    """

    def __init__(self, job: TrainingJob, count: int) -> None:
        self._job = job
        self._threads = ThreadPoolExecutor(count or usable_processors(), "training")
        self._own = threading.local()
        self._executors: list[ProcessPoolExecutor] = []

    def prepare(self) -> None:
        """Starts in the background what the first process waits for; returns at once."""
        if _process_context().get_start_method() == "forkserver":
            forkserver.ensure_running()

    def submit(self, architecture: Architecture, seeds: Sequence[int]) -> list[Future[Training | None]]:
        """The trainings of an architecture, one for each seed, which processes share.

        Returns:
            Their results: None for one that was not begun, as another had failed; they raise
            UnusableImagesError.
        """
        failed = threading.Event()
        return [self._threads.submit(self._train, architecture, seed, failed) for seed in seeds]

    def close(self) -> None:
        """Ends the processes; what they have not begun is given up."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for executor in self._executors:
            executor.shutdown()

    def _train(self, architecture: Architecture, seed: int, failed: threading.Event) -> Training | None:
        if failed.is_set():
            return None
        found = self._survived(architecture, seed)
        if found.error:
            failed.set()
        return found

    def _survived(self, architecture: Architecture, seed: int) -> Training:
        deaths = 0
        while deaths < _DEATHS:
            try:
                begun = self._executor().submit(_train, architecture, seed)
            except BrokenProcessPool:  # it died with nothing to do
                self._own.executor = None
                continue
            try:
                return begun.result()
            except BrokenProcessPool:
                deaths += 1
                self._own.executor = None
                logger.warning("the process that trained %s was killed", architecture)
        return Training(None, f"its process was killed {_DEATHS} times: out of memory?", machine_fault=True)

    def _executor(self) -> ProcessPoolExecutor:
        """That of this thread."""
        executor: ProcessPoolExecutor | None = getattr(self._own, "executor", None)
        if executor is None:
            executor = ProcessPoolExecutor(
                1, _process_context(), initializer=_start_worker, initargs=(self._job,)
            )
            self._own.executor = executor
            self._executors.append(executor)
        return executor


def usable_processors() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _process_context() -> BaseContext:
    """How processes start: forked from a server that has imported the libraries once and done nothing else.

    A forked copy of this process itself could hang, as it may have used torch's threads.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_LIBRARIES))
    return context


# What follows runs in the processes.


@dataclass(frozen=True)
class _Worker:
    space: SearchSpace
    settings: ShortSettings
    store: LabelStore | None
    trainings: dict[tuple[int, int], ShortTraining] = field(default_factory=dict)

    def score(self, architecture: Architecture, seed: int) -> ShortScore:
        """Of one training; taken from the store where another process has been faster."""
        known = None if self.store is None else self.store.find(architecture, seed)
        if known is not None:
            return known
        train = self._training(architecture)
        seed_generators("weights", seed)
        score = train(self.space.build(architecture), seed)
        if self.store is not None:
            try:
                self.store.add(architecture, seed, score)
            except OSError as error:
                logger.warning("an accuracy of %s is not kept for other searches: %s", architecture, error)
        return score

    def _training(self, architecture: Architecture) -> ShortTraining:
        """Images are decoded once for networks of one input shape."""
        channels, height, width = self.space.image_shape(architecture)
        if height != width:
            raise InputError(f"{architecture!r} takes images of {height} x {width}; training needs squares")
        if (channels, height) not in self.trainings:
            classes = count_outputs(self.space.build(architecture), channels, height)
            self.trainings[channels, height] = self._open(channels, height, classes)
        return self.trainings[channels, height]

    def _open(self, channels: int, size: int, classes: int) -> ShortTraining:
        try:
            return ShortTraining(self.settings, channels, size, classes)
        except InputError as error:
            # Images that not even the first network can be trained on are no fault of networks.
            raise error if self.trainings else UnusableImagesError(str(error)) from error


_worker: _Worker | None = None


def _start_worker(job: TrainingJob) -> None:
    global _worker
    torch.set_num_threads(1)
    logging.getLogger("contrastive_nas").setLevel(
        logging.WARNING
    )  # what a training says of itself is for one alone
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted and ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    space = job.load_space()
    _worker = _Worker(space, job.settings, job.open_store(space))


def _end_with_parent() -> None:
    """A killed parent leaves no worker behind."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _train(architecture: Architecture, seed: int) -> Training:
    assert _worker is not None
    try:
        return Training(_worker.score(architecture, seed))
    except UnusableImagesError:
        raise
    except Exception as error:  # whatever a user's network does is recorded; the search goes on
        return Training(None, f"{type(error).__name__}: {error}", is_machine_fault(error))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
