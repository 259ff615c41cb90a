"""Evaluators by their parameters: the only place that asks for their kind."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.evaluators.base import Evaluator, Fidelity
from contrastive_nas.evaluators.parameters import EvaluatorParameters

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class _Question:
    parameters: EvaluatorParameters
    space_name: str
    space_options: dict[str, Any]
    table: "pd.DataFrame"
    label: str
    test: str
    final_seeds: tuple[int, ...]
    labels: Path | None
    supernet: Path | None
    device: str


def open_evaluator(
    parameters: EvaluatorParameters,
    space_name: str,
    space_options: dict[str, Any],
    table: "pd.DataFrame",
    label: str,
    test: str | None = None,
    *,
    final_seeds: tuple[int, ...] = (100, 101, 102),
    labels: Path | None = None,
    supernet: Path | None = None,
    device: str = "auto",
) -> Evaluator:
    """Return the evaluator that parameters ask for; a context manager.

    Args:
        parameters: which kind, and its settings.
        space_name: the space whose networks are trained, as ``load_space`` takes it.
        space_options: of the space.
        table: where accuracies are looked up, or what a surrogate is fitted to.
        label: the column of the table that may be seen.
        test: the column that a chosen network is reported with; the label where it is not given.
        final_seeds: trainings of a chosen network, other than the search's, whose luck has chosen it.
        labels: folder where trained accuracies are kept for other searches, see
            :class:`contrastive_nas.evaluators.label_store.LabelStore`; None keeps none.
        supernet: the experiment's trained supernet, for the kind that measures with its weights.
        device: ``auto``, ``cpu`` or ``cuda``, where networks of a supernet are measured.

    Raises:
        InputError: no such space, data set, column or function.
    """
    question = _Question(
        parameters,
        space_name,
        space_options,
        table,
        label,
        test or label,
        final_seeds,
        labels,
        supernet,
        device,
    )
    return _OPENERS[parameters.kind](question)


# Each imports what it needs when it is called: a look-up needs no torch.


def _open_training(question: _Question) -> Evaluator:
    from contrastive_nas.evaluators.training import TrainingEvaluator

    return TrainingEvaluator(
        question.space_name,
        question.parameters.training,
        question.space_options,
        final_seeds=question.final_seeds,
        labels=question.labels,
        fidelities=question.parameters.fidelities,
    )


def _open_table(question: _Question) -> Evaluator:
    from contrastive_nas.evaluators.table import TableEvaluator

    shorter = question.parameters.fidelities.items()
    columns = {Fidelity(name, one.cost or 0.0): str(one.column) for name, one in shorter}
    return TableEvaluator(question.table, question.label, question.test, columns)


def _open_surrogate(question: _Question) -> Evaluator:
    from contrastive_nas.evaluators.surrogate import SurrogateEvaluator
    from contrastive_nas.spaces.registry import load_space

    space = load_space(question.space_name, **question.space_options)
    settings = question.parameters.surrogate
    columns = question.label, question.test
    return SurrogateEvaluator(space, question.table, *columns, seed=settings.seed, noisy=settings.noisy)


def _open_supernet(question: _Question) -> Evaluator:
    from contrastive_nas.evaluators.supernet import SupernetEvaluator
    from contrastive_nas.spaces.registry import load_space

    settings = question.parameters.supernet
    weights = question.supernet if settings.weights is None else Path(settings.weights)
    space = load_space(question.space_name, **question.space_options)
    return SupernetEvaluator(
        space, weights, settings.data, settings.statistics_images, device=question.device
    )


def _open_function(question: _Question) -> Evaluator:
    from contrastive_nas.evaluators.function import load_function

    assert question.parameters.function is not None
    shorter = question.parameters.fidelities.items()
    return load_function(
        question.parameters.function, [Fidelity(name, one.cost or 0.0) for name, one in shorter]
    )


_OPENERS: dict[str, Callable[[_Question], Evaluator]] = {
    "training": _open_training,
    "table": _open_table,
    "surrogate": _open_surrogate,
    "supernet": _open_supernet,
    "function": _open_function,
}
