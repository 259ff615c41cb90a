"""Accuracies looked up in a tidy table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator
from contrastive_nas.spaces.base import Architecture


class TableEvaluator(Evaluator):
    """Looks architectures up by their string; one that the table does not hold is a recorded failure.

    Args:
        table: a tidy table with the column ``architecture``.
        label: the column of accuracies in percent that a search may see.

    Raises:
        InputError: a column is missing, the label is no number, or an architecture stands in two rows.
    """

    def __init__(self, table: pd.DataFrame, label: str) -> None:
        for column in ("architecture", label):
            if column not in table.columns:
                raise InputError(
                    f"table has no column {column!r}; it has {', '.join(map(str, table.columns))}"
                )
        if not pd.api.types.is_numeric_dtype(table[label]):
            raise InputError(f"column {label!r} of the table is not numeric")
        twice = table["architecture"].duplicated()
        if twice.any():
            row = int(np.flatnonzero(twice)[0])
            raise InputError(
                f"row {row} of the table repeats architecture {table['architecture'].iloc[row]!r}"
            )
        accuracies = table[label].to_numpy(dtype=float)
        self._accuracies = dict(zip(table["architecture"].tolist(), accuracies.tolist(), strict=True))
        self._label = label

    def evaluate(self, architectures: Sequence[Architecture]) -> list[Evaluation]:
        return [self._look_up(architecture) for architecture in architectures]

    def _look_up(self, architecture: Architecture) -> Evaluation:
        accuracy = self._accuracies.get(architecture)
        if accuracy is None:
            return Evaluation(architecture, float("nan"), "looked_up", error="not in the table")
        error = "" if np.isfinite(accuracy) else f"the table has no {self._label}"
        return Evaluation(architecture, accuracy, "looked_up", error=error)
