"""Who runs the trainings of an evaluator: processes of this machine here, others through the same class.

Every training has one thread; one that kills its process again and again is a fault of the machine.
"""

import logging
import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import is_machine_fault
from contrastive_nas.evaluators.label_store import LabelStore
from contrastive_nas.latency import quiet
from contrastive_nas.processes import KilledError, Processes
from contrastive_nas.quantities import duration
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.registry import load_space
from contrastive_nas.training.config import ShortSettings
from contrastive_nas.training.network import count_outputs
from contrastive_nas.training.seeding import seed_generators
from contrastive_nas.training.short import ShortScore, ShortTraining

logger = logging.getLogger(__name__)
# What a training imports that takes seconds. None of this package: the server may not know where it lies.
_LIBRARIES = ("lightning_fabric", "pandas", "sklearn.model_selection", "timm.scheduler", "torch.export")


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
        """Mean over the trainings, percent; NaN where one failed, or was not asked for it."""
        tests = [score.test_accuracy for score in self.scores if score.test_accuracy is not None]
        return math.nan if self.error or len(tests) < len(self.scores) else _mean(tests)

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
        device: ``cpu`` or ``cuda``.
    """

    space_name: str
    space_options: Mapping[str, Any]
    settings: ShortSettings
    labels: Path | None
    identity: Mapping[str, Any]
    device: str = "cpu"

    def load_space(self) -> SearchSpace:
        """Return the space of the networks."""
        return load_space(self.space_name, **self.space_options)

    def open_store(self, space: SearchSpace) -> LabelStore | None:
        """Return where trainings of this kind are kept."""
        return None if self.labels is None else LabelStore(self.labels, space.name, self.identity)


class UnusableImagesError(InputError):
    """Nothing can be trained on the data set, or by the recipe: it ends the search that asked."""


class TrainingPool(ABC):
    """Runs trainings, several at once; a thread of this process waits for each."""

    def __init__(self) -> None:
        # When the training of each thread began, and of what.
        self._at_work: dict[str, tuple[float, Architecture]] = {}

    def at_work(self) -> list[str]:
        """Say of every training that runs where, on what and for how long; the oldest first."""
        now = time.monotonic()
        return [
            f"{where} on {architecture} for {duration(now - begun)}"
            for where, (begun, architecture) in sorted(self._at_work.items(), key=lambda one: one[1][0])
        ]

    def train(
        self, architecture: Architecture, seeds: Sequence[int], *, tested: bool
    ) -> list[Future[Training | None]]:
        """Begin the trainings of an architecture, one for each seed, which run side by side.

        Args:
            architecture: of the space.
            seeds: one training each.
            tested: whether they are scored on test images too.

        Returns:
            Their results: None for one that was not begun, as another had failed; they raise
            UnusableImagesError, and InputError where trainings cannot be run at all.
        """
        failed = threading.Event()
        return [self.submit(self._train, architecture, seed, tested, failed) for seed in seeds]

    def prepare(self) -> None:  # noqa: B027  not every pool has something to start
        """Start in the background what the first training waits for; returns at once."""

    @abstractmethod
    def close(self) -> None:
        """End what was started; trainings that have not begun are given up."""

    @abstractmethod
    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Call ``work`` in one of the threads that may :meth:`train_one`."""

    @abstractmethod
    def train_one(self, architecture: Architecture, seed: int, tested: bool) -> Training:
        """Wait for one training.

        Raises:
            KilledError: its process was killed, and so were those that tried it again.
        """

    def _train(
        self, architecture: Architecture, seed: int, tested: bool, failed: threading.Event
    ) -> Training | None:
        if failed.is_set():
            return None
        where = threading.current_thread().name.replace("_", " ")
        self._at_work[where] = time.monotonic(), architecture
        try:
            found = self.train_one(architecture, seed, tested)
        except KilledError as error:
            found = Training(None, str(error), machine_fault=True)
        finally:
            del self._at_work[where]
        if found.error:
            failed.set()
        return found


class TrainingProcesses(Processes, TrainingPool):
    """Processes of this machine that train what they are handed.

    Args:
        job: what the trainings have in common.
        count: how many processes; 0 takes one per processor that this process may use.
    """

    def __init__(self, job: TrainingJob, count: int) -> None:
        TrainingPool.__init__(self)
        super().__init__(count, _LIBRARIES, _start_worker, (job,))

    def train_one(self, architecture: Architecture, seed: int, tested: bool) -> Training:
        return self.run(_train, architecture, seed, tested)


# What follows runs in the processes.


@dataclass(frozen=True)
class _Worker:
    job: TrainingJob
    space: SearchSpace
    store: LabelStore | None
    trainings: dict[tuple[int, int], ShortTraining] = field(default_factory=dict)

    def score(self, architecture: Architecture, seed: int, tested: bool) -> ShortScore:
        """Of one training; taken from the store where another process has been faster."""
        known = None if self.store is None else self.store.find(architecture, seed, tested=tested)
        if known is not None:
            return known
        train = self._training(architecture)
        seed_generators("weights", seed)
        with quiet.training():
            score = train(self.space.build(architecture), seed, tested=tested)
        if self.store is not None:
            try:
                self.store.add(architecture, seed, score)
            except OSError as error:
                logger.warning(
                    "an accuracy of %s cannot be stored for other searches: %s", architecture, error
                )
        return score

    def _training(self, architecture: Architecture) -> ShortTraining:
        """Images are decoded once for networks of one input shape."""
        channels, height, width = self.space.image_shape(architecture)
        if height != width:
            raise InputError(
                f"{architecture!r} takes images of {height} x {width}; training needs square images"
            )
        if (channels, height) not in self.trainings:
            classes = count_outputs(self.space.build(architecture), channels, height)
            self.trainings[channels, height] = self._open(channels, height, classes)
        return self.trainings[channels, height]

    def _open(self, channels: int, size: int, classes: int) -> ShortTraining:
        try:
            return ShortTraining(self.job.settings, channels, size, classes, self.job.device)
        except InputError as error:
            # Images that not even the first network can be trained on are no fault of networks.
            raise error if self.trainings else UnusableImagesError(str(error)) from error


_worker: _Worker | None = None


def _start_worker(job: TrainingJob) -> None:
    global _worker
    logging.getLogger("contrastive_nas").setLevel(
        logging.WARNING
    )  # what a training says of itself is for one alone
    space = job.load_space()
    _worker = _Worker(job, space, job.open_store(space))


def train_for(job: TrainingJob, architecture: Architecture, seed: int, tested: bool) -> Training:
    """Train once, in a process that may have worked for another job before."""
    if _worker is None or _worker.job != job:
        import torch

        torch.set_num_threads(1)  # the same bits as in a process of this machine
        _start_worker(job)
    return _train(architecture, seed, tested)


def _train(architecture: Architecture, seed: int, tested: bool) -> Training:
    assert _worker is not None
    try:
        return Training(_worker.score(architecture, seed, tested))
    except UnusableImagesError:
        raise
    except Exception as error:  # whatever a user's network does is recorded; the search goes on
        return Training(None, f"{type(error).__name__}: {error}", is_machine_fault(error))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
