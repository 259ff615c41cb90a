"""The evaluator that parameters ask for."""

from typing import Any

import pandas as pd

from contrastive_nas.evaluators.base import Evaluator
from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.evaluators.table import TableEvaluator


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
        table: where accuracies are looked up.
        label: the column of the table that may be seen.

    Raises:
        InputError: no such space, data set or column.
    """
    if parameters.kind == "table":
        return TableEvaluator(table, label)
    # Only here: a look-up needs no torch.
    from contrastive_nas.evaluators.training import TrainingEvaluator

    return TrainingEvaluator(space_name, parameters.training, space_options)
