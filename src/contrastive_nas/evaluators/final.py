"""What a network that was chosen is really worth, and what it is measured by."""

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.opening import open_surrogate
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
    """Test accuracy in percent: the table's, a prediction, or the mean of fresh trainings.

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
    if parameters.kind == "surrogate":
        surrogate = open_surrogate(parameters.surrogate, space_name, space_options, table, column)
        return float(surrogate.predict([architecture])[0])
    from contrastive_nas.evaluators.training import TrainingEvaluator

    fresh = parameters.training.model_copy(update={"seeds": seeds})
    with TrainingEvaluator(space_name, fresh, space_options) as evaluator:
        (measurement,) = evaluator.measure([architecture])
    if measurement.error:
        raise InputError(f"training {architecture} afresh failed: {measurement.error}")
    return measurement.test_accuracy


def reference_table(
    parameters: EvaluatorParameters,
    space_name: str,
    space_options: dict[str, object],
    table: pd.DataFrame,
    columns: tuple[str, ...],
) -> pd.DataFrame:
    """The rows that a choice is ranked among and random search draws from, on the scale of the evaluator.

    A surrogate's predictions spread less than accuracies do, so they are compared with predictions alone.

    Args:
        parameters: what kind of evaluator the search had.
        space_name: as ``load_space`` takes it.
        space_options: of the space.
        table: known architectures.
        columns: accuracies.
    """
    if parameters.kind != "surrogate":
        return table
    names = table["architecture"].tolist()
    predicted = {}
    for column in dict.fromkeys(columns):
        surrogate = open_surrogate(parameters.surrogate, space_name, space_options, table, column)
        predicted[column] = surrogate.predict(names)
    return table.assign(**predicted)


def surrogate_quality(
    parameters: EvaluatorParameters,
    space_name: str,
    space_options: dict[str, object],
    table: pd.DataFrame,
    column: str,
) -> dict[str, float]:
    """``surrogate_kendall_tau`` and ``surrogate_noise`` (points) on rows held out; empty for other kinds."""
    if parameters.kind != "surrogate":
        return {}
    quality = open_surrogate(parameters.surrogate, space_name, space_options, table, column).quality
    return {"surrogate_kendall_tau": quality.kendall_tau, "surrogate_noise": quality.noise}
