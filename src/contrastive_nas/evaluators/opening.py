"""The evaluator that parameters ask for."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from contrastive_nas.evaluators.base import Evaluator
from contrastive_nas.evaluators.parameters import EvaluatorParameters, SurrogateParameters
from contrastive_nas.evaluators.table import TableEvaluator

if TYPE_CHECKING:
    from contrastive_nas.evaluators.surrogate import SurrogateEvaluator


def open_evaluator(
    parameters: EvaluatorParameters,
    space_name: str,
    space_options: dict[str, Any],
    table: pd.DataFrame,
    label: str,
) -> Evaluator:
    """An evaluator for a space; a context manager.

    Args:
        parameters: which kind, and its settings.
        space_name: the space whose networks are trained, as ``load_space`` takes it.
        space_options: of the space.
        table: where accuracies are looked up, or what a surrogate is fitted to.
        label: the column of the table that may be seen.

    Raises:
        InputError: no such space, data set or column.
    """
    if parameters.kind == "table":
        return TableEvaluator(table, label)
    # Only here: a look-up needs no torch.
    if parameters.kind == "surrogate":
        return open_surrogate(parameters.surrogate, space_name, space_options, table, label)
    from contrastive_nas.evaluators.training import TrainingEvaluator

    return TrainingEvaluator(space_name, parameters.training, space_options)


def open_surrogate(
    parameters: SurrogateParameters,
    space_name: str,
    space_options: dict[str, Any],
    table: pd.DataFrame,
    column: str,
) -> "SurrogateEvaluator":
    """A model of one column of the table; arguments and errors as of :func:`open_evaluator`."""
    from contrastive_nas.evaluators.surrogate import SurrogateEvaluator
    from contrastive_nas.spaces.registry import load_space

    space = load_space(space_name, **space_options)
    return SurrogateEvaluator(space, table, column, seed=parameters.seed, noisy=parameters.noisy)
