"""Accuracies looked up in a tidy table."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator, Fidelity, Origin, with_full
from contrastive_nas.evaluators.pending import LookUps, Pending
from contrastive_nas.spaces.base import Architecture

# A table seldom holds a whole space; Pool(space, architectures) is the same in Python.
_ABSENT = "not in the table (search.pool: true searches the networks of the table alone)"


class TableEvaluator(Evaluator):
    """Looks architectures up by their string; one that the table does not hold is a recorded failure.

    Args:
        table: a tidy table with the column ``architecture``.
        label: the column of accuracies in percent that a search may see.
        test: the column that a chosen network is reported with; the label where it is not given.
        fidelities: cheaper measurements, each with its column of accuracies in percent.

    Raises:
        InputError: a column is missing, the label is no number, or an architecture stands in two rows.
    """

    origin: ClassVar[Origin] = "looked_up"

    def __init__(
        self,
        table: pd.DataFrame,
        label: str,
        test: str | None = None,
        fidelities: Mapping[Fidelity, str] | None = None,
    ) -> None:
        check_columns(table, label, test or label)
        twice = table["architecture"].duplicated()
        if twice.any():
            row = int(np.flatnonzero(twice)[0])
            raise InputError(
                f"row {row} of the table repeats architecture {table['architecture'].iloc[row]!r}"
            )
        self._table = table
        self._label, self._test = label, test or label
        self._rows = {name: row for row, name in enumerate(table["architecture"].tolist())}
        self._labels = table[label].to_numpy(dtype=float)
        self._tests = table[self._test].to_numpy(dtype=float)
        self.fidelities = with_full(fidelities or {})
        self._shorter = {
            fidelity.name: _shorter(table, fidelity.name, column, self._test)
            for fidelity, column in (fidelities or {}).items()
        }

    @cached_property
    def identity(self) -> dict[str, Any]:
        found = {"kind": "table", "label": self._label, "table": table_digest(self._table, self._label)}
        return found | self._identity_of_shorter()

    def pending(self) -> Pending:
        return LookUps(self)

    def evaluate(self, architectures: Sequence[Architecture]) -> list[Evaluation]:
        return [self._look_up(architecture) for architecture in architectures]

    def final_accuracy(self, architecture: Architecture) -> float:
        """Return the table's test accuracy in percent.

        Raises:
            InputError: it has none for this architecture.
        """
        row = self._rows.get(architecture)
        if row is None or not np.isfinite(self._tests[row]):
            raise InputError(f"the table has no {self._test} for {architecture}")
        return float(self._tests[row])

    def _look_up(self, architecture: Architecture) -> Evaluation:
        row = self._rows.get(architecture)
        if row is None:
            return Evaluation(architecture, float("nan"), "looked_up", error=_ABSENT)
        accuracy = float(self._labels[row])
        error = "" if np.isfinite(accuracy) else f"the table has no {self._label}"
        return Evaluation(architecture, accuracy, "looked_up", error=error)


def _shorter(table: pd.DataFrame, name: str, column: str, test: str) -> TableEvaluator:
    try:
        return TableEvaluator(table, column, test)
    except InputError as error:
        raise InputError(f"fidelity {name!r}: {error}") from None


def check_columns(table: pd.DataFrame, *accuracies: str) -> None:
    """Raise InputError unless the table has architectures, and these columns of numbers."""
    for column in ("architecture", *accuracies):
        if column not in table.columns:
            raise InputError(f"table has no column {column!r}; it has {', '.join(map(str, table.columns))}")
    for column in accuracies:
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise InputError(f"column {column!r} of the table is not numeric")


def table_digest(table: pd.DataFrame, column: str) -> str:
    """Return checksum of a table's architectures and one column of numbers, the order of its rows
    included.
    """
    found = hashlib.sha256("\n".join(table["architecture"].tolist()).encode())
    found.update(table[column].to_numpy(dtype=float).tobytes())
    return found.hexdigest()[:16]
