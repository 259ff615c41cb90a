"""Accuracies from really training networks, several at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, as_completed, wait
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from statistics import stdev
from typing import Any

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator, Fidelity, with_full
from contrastive_nas.evaluators.label_store import LabelStore
from contrastive_nas.evaluators.parameters import FidelityParameters, TrainingParameters
from contrastive_nas.evaluators.pending import Pending
from contrastive_nas.evaluators.workers import (
    TrainedScores,
    Training,
    TrainingJob,
    TrainingPool,
    TrainingProcesses,
)
from contrastive_nas.graphs.canonical_form.canonical import sharing_key
from contrastive_nas.graphs.costs import graph_multiply_accumulates
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.progress import Progress
from contrastive_nas.spaces.base import Architecture
from contrastive_nas.spaces.registry import load_space
from contrastive_nas.training.short import ShortScore, training_identity


class TrainingEvaluator(Evaluator):
    """Trains what it is asked for; networks of one function are trained once.

    A context manager: leaving it ends the processes. What cannot be trained is reported with its accuracy;
    images that cannot be used raise InputError.

    Args:
        space_name: name of the space, or ``file.py:Class``, as :func:`load_space` takes it.
        parameters: data set, recipe, seeds, processes.
        space_options: options of the space.
        final_seeds: trainings of a chosen network, other than the search's, whose luck has chosen it.
        labels: folder where every training is kept, see
            :class:`contrastive_nas.evaluators.label_store.LabelStore`; an answer from there counts as
            trained, with the seconds that it took then. None keeps none.
        fidelities: shorter trainings by their names. A network that is promoted is trained anew, since a
            recipe's learning rate falls over all of its epochs; labels are kept by epochs and images.
    """

    origin = "trained"

    def __init__(
        self,
        space_name: str,
        parameters: TrainingParameters,
        space_options: dict[str, object] | None = None,
        *,
        final_seeds: tuple[int, ...] = (100, 101, 102),
        labels: Path | None = None,
        fidelities: Mapping[str, FidelityParameters] | None = None,
    ) -> None:
        self.space = load_space(space_name, **(space_options or {}))
        self.parameters = parameters
        self._final_seeds = final_seeds
        self._how = {"space": self.space.identity, **training_identity(parameters, parameters.device)}
        options = space_options or {}
        self._job = TrainingJob(space_name, options, parameters, labels, self._how, parameters.device)
        self._pool: TrainingPool | None = None
        self._trained: dict[int, Evaluation] = {}
        self._final: TrainedScores | None = None
        asked = fidelities or {}
        epochs = int(self._how["recipe"]["epochs"])
        self.fidelities = with_full(Fidelity(name, _cost(one, epochs)) for name, one in asked.items())
        self._shorter = {
            name: TrainingEvaluator(space_name, _shortened(parameters, one), space_options, labels=labels)
            for name, one in asked.items()
        }

    @property
    def identity(self) -> dict[str, Any]:
        found = {"kind": "training", **self._how, "seeds": list(self.parameters.seeds)}
        return found | self._identity_of_shorter()

    def close(self) -> None:
        """End the processes; what they have not begun is given up."""
        for shorter in self._shorter.values():
            shorter.close()
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def prepare(self) -> None:
        self._running().prepare()

    def evaluate(self, architectures: Sequence[Architecture]) -> list[Evaluation]:
        return list(self.stream(architectures))

    def stream(self, architectures: Sequence[Architecture]) -> Iterator[Evaluation]:
        graphs = [self.space.graph(one) for one in architectures]
        functions = [sharing_key(*pair) for pair in zip(graphs, architectures, strict=True)]
        costs = graph_multiply_accumulates(GraphBatch.from_graphs(graphs)).tolist()
        fresh: dict[int, tuple[int, Architecture]] = {}
        for function, cost, architecture in zip(functions, costs, architectures, strict=True):
            if function not in self._trained:
                fresh.setdefault(function, (cost, architecture))
        # The largest first: else the others may be done while one process has long to go.
        order = sorted(fresh, key=lambda function: -fresh[function][0])
        begun = {one: self._begin(fresh[one][1], self.parameters.seeds, tested=False) for one in order}
        known = dict(self._trained)
        with _cancelled_at_the_end(begun.values()):
            for function, architecture in zip(functions, architectures, strict=True):
                if function in known:
                    yield replace(known[function], architecture=architecture, origin="cached", seconds=0.0)
                    continue
                known[function] = evaluation = _evaluation(_collected(architecture, begun[function]))
                if not evaluation.machine_fault:  # which another time may not meet again
                    self._trained[function] = evaluation
                yield evaluation

    def pending(self) -> Pending:
        return _PendingTrainings(self)

    def recall(self, evaluations: Sequence[Evaluation]) -> None:
        for evaluation in evaluations:
            function = sharing_key(self.space.graph(evaluation.architecture), evaluation.architecture)
            self._trained.setdefault(function, evaluation)

    def final_accuracy(self, architecture: Architecture) -> float:
        """Return mean test accuracy of fresh trainings with the final seeds, percent.

        Raises:
            InputError: one of them failed.
        """
        begun = self._begin(architecture, self._final_seeds, tested=True)
        what = "training the chosen network again with new seeds"
        with _cancelled_at_the_end([begun]), Progress(what, len(begun), unit="trainings") as shown:
            for done, _ in enumerate(as_completed(begun), start=1):
                shown.update(done)
            found = _collected(architecture, begun)
        if found.error:
            raise InputError(f"training {architecture} with new seeds failed: {found.error}")
        self._final = found
        return found.test_accuracy

    def quality(self) -> dict[str, float]:
        """Return ``final_trainings`` and the standard deviation of their test accuracies,
        ``final_deviation``.
        """
        if self._final is None or len(self._final.scores) < 2:
            return {}
        tests = [score.test_accuracy for score in self._final.scores if score.test_accuracy is not None]
        return {"final_trainings": len(tests), "final_deviation": stdev(tests)}

    def measure(
        self, architectures: Sequence[Architecture], seeds: tuple[int, ...] | None = None
    ) -> Iterator[TrainedScores]:
        """Yield all trainings of each architecture, in their order, each as soon as those before it are done.

        Args:
            architectures: each is trained, also where two have one function.
            seeds: one training each; those of the parameters unless given.
        """
        asked = seeds or self.parameters.seeds
        begun = {one: self._begin(one, asked, tested=True) for one in architectures}
        with _cancelled_at_the_end(begun.values()):
            for one in architectures:
                yield _collected(one, begun[one])

    def _begin(
        self, architecture: Architecture, seeds: Sequence[int], *, tested: bool
    ) -> list[Future[Training | None]]:
        """One for each seed; those that the store has are done, and no process starts for them."""
        known = [self._kept(architecture, seed, tested) for seed in seeds]
        missing = [seed for seed, kept in zip(seeds, known, strict=True) if kept is None]
        fresh = iter(self._running().train(architecture, missing, tested=tested) if missing else [])
        return [next(fresh) if kept is None else kept for kept in known]

    def _kept(self, architecture: Architecture, seed: int, tested: bool) -> Future[Training | None] | None:
        score = None if self._store is None else self._store.find(architecture, seed, tested=tested)
        if score is None:
            return None
        done: Future[Training | None] = Future()
        done.set_result(Training(score))
        return done

    def _running(self) -> TrainingPool:
        if self._pool is None:
            self._pool = _open_pool(self._job, self.parameters)
        return self._pool

    @cached_property
    def _store(self) -> LabelStore | None:
        return self._job.open_store(self.space)


class _PendingTrainings(Pending):
    """Networks that are being trained; those of one function share their trainings."""

    def __init__(self, evaluator: TrainingEvaluator) -> None:
        self._evaluator = evaluator
        self._functions: dict[Architecture, int] = {}
        self._trainings: dict[int, list[Future[Training | None]]] = {}

    def begin(self, architecture: Architecture) -> None:
        evaluator = self._evaluator
        function = sharing_key(evaluator.space.graph(architecture), architecture)
        if function not in evaluator._trained and function not in self._trainings:
            seeds = evaluator.parameters.seeds
            self._trainings[function] = evaluator._begin(architecture, seeds, tested=False)
        self._functions[architecture] = function

    def finished(self) -> list[Evaluation]:
        while not (ended := [one for one in self._functions if self._has_ended(one)]):
            left = [one for trainings in self._trainings.values() for one in trainings if not one.done()]
            wait(left, return_when=FIRST_COMPLETED)
        found = [self._answer(architecture) for architecture in ended]
        for architecture in ended:
            self._trainings.pop(self._functions.pop(architecture), None)
        return found

    def give_up(self) -> None:
        for trainings in self._trainings.values():
            for training in trainings:
                training.cancel()

    def at_work(self) -> list[str]:
        pool = self._evaluator._pool
        return [] if pool is None else pool.at_work()

    def _has_ended(self, architecture: Architecture) -> bool:
        trainings = self._trainings.get(self._functions[architecture], ())
        return all(training.done() for training in trainings)

    def _answer(self, architecture: Architecture) -> Evaluation:
        function = self._functions[architecture]
        known = self._evaluator._trained.get(function)
        if known is not None:
            return replace(known, architecture=architecture, origin="cached", seconds=0.0)
        evaluation = _evaluation(_collected(architecture, self._trainings[function]))
        if not evaluation.machine_fault:
            self._evaluator._trained[function] = evaluation
        return evaluation


def _open_pool(job: TrainingJob, parameters: TrainingParameters) -> TrainingPool:
    if parameters.where == "local":
        return TrainingProcesses(job, parameters.workers)
    from contrastive_nas.evaluators.ray_trainings import RayTrainings

    return RayTrainings(job, parameters.workers, parameters.ray)


def _cost(fidelity: FidelityParameters, epochs: int) -> float:
    """Passes over an image, compared with those of the full training."""
    return fidelity.images * (fidelity.epochs or epochs) / epochs


def _shortened(parameters: TrainingParameters, fidelity: FidelityParameters) -> TrainingParameters:
    changes: dict[str, Any] = {}
    if fidelity.epochs is not None:
        changes["overrides"] = parameters.overrides | {"epochs": fidelity.epochs}
    if fidelity.images < 1 and parameters.train_images is not None:
        changes["train_images"] = max(1, round(fidelity.images * parameters.train_images))
    return parameters.model_copy(update=changes)


def _evaluation(found: TrainedScores) -> Evaluation:
    return Evaluation(
        found.architecture, found.valid_accuracy, "trained", found.seconds, found.error, found.machine_fault
    )


@contextmanager
def _cancelled_at_the_end(trainings: Iterable[Sequence[Future[Training | None]]]) -> Iterator[None]:
    """Whoever stops asking for results gives up what has not begun."""
    try:
        yield
    finally:
        for of_one in trainings:
            for training in of_one:
                training.cancel()


def _collected(architecture: Architecture, trainings: Sequence[Future[Training | None]]) -> TrainedScores:
    """Waits for the trainings of an architecture, or until one has failed."""
    scores: list[ShortScore] = []
    for training in trainings:
        found = training.result()
        if found is not None and found.score is not None:
            scores.append(found.score)
        elif found is not None:
            return TrainedScores(architecture, tuple(scores), found.error, found.machine_fault)
    return TrainedScores(architecture, tuple(scores))
