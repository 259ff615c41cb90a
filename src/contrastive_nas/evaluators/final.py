"""The test accuracy of a network that was chosen."""

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.spaces.base import Architecture


def final_test_accuracy(
    parameters: EvaluatorParameters,
    space_name: str,
    space_options: dict[str, object],
    table: pd.DataFrame,
    column: str,
    architecture: Architecture,
    seeds: tuple[int, ...],
) -> float:
    """Test accuracy in percent: the table's, or the mean of fresh trainings with seeds of their own.

    Args:
        parameters: what kind of evaluator the search had.
        space_name: as ``load_space`` takes it.
        space_options: of the space.
        table: holds ``column``.
        column: test accuracies.
        architecture: the chosen one.
        seeds: of the fresh trainings, other than the search's, whose luck has chosen the network.

    Raises:
        InputError: the table has no test accuracy for it, or a training failed.
    """
    if parameters.kind == "table":
        found = table.loc[table["architecture"] == architecture, column].to_numpy(dtype=float)
        if len(found) == 0 or not np.isfinite(found[0]):
            raise InputError(f"the table has no {column} for {architecture}")
        return float(found[0])
    from contrastive_nas.evaluators.training import TrainingEvaluator

    fresh = parameters.training.model_copy(update={"seeds": seeds})
    with TrainingEvaluator(space_name, fresh, space_options) as evaluator:
        (measurement,) = evaluator.measure([architecture])
    if measurement.error:
        raise InputError(f"training {architecture} afresh failed: {measurement.error}")
    return measurement.test_accuracy
