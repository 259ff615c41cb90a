"""Accuracies from really training networks, several at once in processes of one thread each."""

import logging
import math
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing.context import BaseContext

import torch

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator
from contrastive_nas.evaluators.parameters import TrainingParameters
from contrastive_nas.graphs.canonical_form.hashing import function_hash
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.registry import load_space
from contrastive_nas.training.network import count_outputs
from contrastive_nas.training.seeding import seed_generators
from contrastive_nas.training.short import ShortScore, ShortTraining

# What a training imports that takes seconds. None of this package: the server may not know where it lies.
_LIBRARIES = ("lightning_fabric", "pandas", "sklearn.model_selection", "timm.scheduler", "torch.export")


@dataclass(frozen=True)
class Measurement:
    """All trainings of one architecture; ``error`` is empty where all went well."""

    architecture: Architecture
    scores: tuple[ShortScore, ...]
    error: str = ""

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


class UnusableImagesError(InputError):
    """Nothing can be trained on the data set, or by the recipe: it ends the search that asked."""


class TrainingEvaluator(Evaluator):
    """Trains what it is asked for; networks of one function are trained once.

    A context manager: leaving it ends the processes. What cannot be trained is reported with its accuracy;
    images that cannot be used raise InputError.

    Args:
        space_name: name of the space, or ``file.py:Class``, as :func:`load_space` takes it.
        parameters: data set, recipe, seeds, processes.
        space_options: options of the space.
    """

    def __init__(
        self, space_name: str, parameters: TrainingParameters, space_options: dict[str, object] | None = None
    ) -> None:
        self.space = load_space(space_name, **(space_options or {}))
        self.parameters = parameters
        self._job = (space_name, space_options or {}, parameters)
        self._pool: ProcessPoolExecutor | None = None
        self._trained: dict[int, Evaluation] = {}

    def close(self) -> None:
        """Ends the processes; what they have not begun is given up."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def evaluate(self, architectures: Sequence[Architecture]) -> list[Evaluation]:
        return list(self.stream(architectures))

    def stream(self, architectures: Sequence[Architecture]) -> Iterator[Evaluation]:
        functions = [function_hash(self.space.graph(architecture)) for architecture in architectures]
        fresh: dict[int, Architecture] = {}
        for function, architecture in zip(functions, architectures, strict=True):
            if function not in self._trained:
                fresh.setdefault(function, architecture)
        measured = self.measure(list(fresh.values()))
        for function, architecture in zip(functions, architectures, strict=True):
            if function in self._trained:
                known = self._trained[function]
                yield replace(known, architecture=architecture, origin="cached", seconds=0.0)
                continue
            found = next(measured)
            evaluation = Evaluation(architecture, found.valid_accuracy, "trained", found.seconds, found.error)
            self._trained[function] = evaluation
            yield evaluation

    def recall(self, evaluations: Sequence[Evaluation]) -> None:
        for evaluation in evaluations:
            function = function_hash(self.space.graph(evaluation.architecture))
            self._trained.setdefault(function, evaluation)

    def measure(self, architectures: Sequence[Architecture]) -> Iterator[Measurement]:
        """All trainings of each architecture, in their order, each as soon as those before it are done."""
        if not architectures:
            return
        futures = deque(self._submit(architecture) for architecture in architectures)
        try:
            while futures:
                yield futures[0].result()
                futures.popleft()
        finally:
            for future in futures:
                future.cancel()

    def _submit(self, architecture: Architecture) -> Future[Measurement]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.parameters.workers or usable_processors(),
                _process_context(),
                initializer=_start_worker,
                initargs=self._job,
            )
        return self._pool.submit(_measure, architecture)


def _process_context() -> BaseContext:
    """How processes start: forked from a server that has imported the libraries once and done nothing else.

    A forked copy of this process itself could hang, as it may have used torch's threads.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_LIBRARIES))
    return context


def usable_processors() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class _Worker:
    space: SearchSpace
    parameters: TrainingParameters
    trainings: dict[tuple[int, int], ShortTraining] = field(default_factory=dict)

    def training(self, architecture: Architecture) -> ShortTraining:
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
            return ShortTraining(self.parameters, channels, size, classes)
        except InputError as error:
            # Images that not even the first network can be trained on are no fault of networks.
            raise error if self.trainings else UnusableImagesError(str(error)) from error


_worker: _Worker | None = None


def _start_worker(space_name: str, space_options: dict[str, object], parameters: TrainingParameters) -> None:
    global _worker
    torch.set_num_threads(1)
    logging.getLogger("contrastive_nas").setLevel(
        logging.WARNING
    )  # what a training says of itself is for one alone
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted and ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = _Worker(load_space(space_name, **space_options), parameters)


def _end_with_parent() -> None:
    """A killed parent leaves no worker behind."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _measure(architecture: Architecture) -> Measurement:
    assert _worker is not None
    scores: list[ShortScore] = []
    try:
        train = _worker.training(architecture)
        for seed in _worker.parameters.seeds:
            seed_generators("weights", seed)
            scores.append(train(_worker.space.build(architecture), seed))
    except UnusableImagesError:
        raise
    except Exception as error:  # whatever a user's network does is recorded; the search goes on
        return Measurement(architecture, tuple(scores), f"{type(error).__name__}: {error}")
    return Measurement(architecture, tuple(scores))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
