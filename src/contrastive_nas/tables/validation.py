"""What every row of a tidy table must satisfy, whatever file it comes from."""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from hashlib import blake2b
from numbers import Real

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import Problems, Row, is_accuracy
from contrastive_nas.tables.parsing.headers import accuracy_question, question

# Gives the string in the space's own spelling, or None for what it was given.
Validator = Callable[[str], str | None]
Validators = Callable[[str | None], Validator | None]
# An accuracy above it is no fraction, whatever the rounding.
_SURELY_PERCENT = 10.0
# Percentage points by which a few rows may lie outside of the others of their table.
_NEAR = 10.0
# Long enough that no two architectures ever share one.
_DIGEST_BYTES = 16


def check_columns(frame: pd.DataFrame, file: str, metrics: Sequence[str] | None) -> None:
    """Check that the columns which are needed are there.

    Raises:
        InputError: there is no ``architecture`` column, none with an accuracy, or a wanted metric is missing.
    """
    if not frame.columns.is_unique:
        raise InputError(f"{file}: a column is named twice among {', '.join(map(str, frame.columns))[:300]}")
    if "architecture" not in frame.columns:
        shown = ", ".join(map(str, frame.columns))[:300]
        raise InputError(f"{file}: there is no column 'architecture' among {shown}{question(frame.columns)}")
    found = [str(column) for column in frame.columns if is_accuracy(str(column))]
    missing = [metric for metric in metrics or [] if metric not in frame.columns]
    if missing or (metrics is None and not found):
        wanted = ", ".join(missing) or "<dataset>_<split>_accuracy"
        hint = "" if found else accuracy_question(frame.columns)
        raise InputError(
            f"{file}: there is no column {wanted}; it has {', '.join(found) or 'no accuracy'}{hint}"
        )


class RowChecks:
    """Checks rows as they stream by; remembers the architectures that it has seen.

    Args:
        problems: where unusable rows are noted.
        metrics: columns that every row must have a value in; None asks for a value in at least one, an empty
            list for none.
        validators: for the space that a row names, or None where it names none, the function that raises
            InputError for a string that is no architecture of it and gives its own spelling; None where
            nothing can be checked.
        unique: whether an architecture may come only once.
    """

    def __init__(
        self,
        problems: Problems,
        metrics: Sequence[str] | None = None,
        validators: Validators = lambda space: None,
        unique: bool = True,
    ) -> None:
        self._problems = problems
        self._metrics = metrics
        self._validators = validators
        self._unique = unique
        # By digests: the texts of a large table would take three times as much.
        self._first_row: dict[bytes, Row] = {}

    def usable(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that can be used, their accuracy columns as float64."""
        frame = frame.copy(deep=False)
        accuracies = [column for column in frame.columns if is_accuracy(str(column))]
        keep = np.ones(len(frame), bool)
        for column in accuracies:
            values = _numbers(frame[column])
            self._reject(frame, keep, column, values)
            if frame[column].dtype != np.float64:
                frame[column] = values
        self._require_values(frame, keep, accuracies)
        self._check_architectures(frame, keep)
        return frame if keep.all() else frame[keep]

    def _reject(self, frame: pd.DataFrame, keep: np.ndarray, column: str, values: pd.Series) -> None:
        given = frame[column].notna().to_numpy()
        outside = given & ~((values >= 0) & (values <= 100)).to_numpy()
        for position in np.flatnonzero(outside & keep).tolist():
            shown = str(frame[column].iloc[position])[:60]
            keep[position] = False
            self._problems.add(frame.index[position], f"{column} is {shown}, not a percentage from 0 to 100")

    def _require_values(self, frame: pd.DataFrame, keep: np.ndarray, accuracies: list[str]) -> None:
        if self._metrics is None:
            for position in np.flatnonzero(frame[accuracies].isna().all(axis=1).to_numpy() & keep).tolist():
                keep[position] = False
                self._problems.add(frame.index[position], "no accuracy is given")
        for metric in self._metrics or []:
            for position in np.flatnonzero(frame[metric].isna().to_numpy() & keep).tolist():
                keep[position] = False
                self._problems.add(frame.index[position], f"{metric} is missing")

    def _check_architectures(self, frame: pd.DataFrame, keep: np.ndarray) -> None:
        spaces = [None] * len(frame)
        if "space" in frame.columns:
            spaces = frame["space"].astype(object).where(frame["space"].notna(), None).tolist()
        given = frame["architecture"].tolist()
        spelled = list(given)
        for position in np.flatnonzero(keep).tolist():
            row = frame.index[position]
            reason = self._reason_against(row, spaces[position], spelled, position)
            if reason:
                keep[position] = False
                self._problems.add(row, reason)
        if spelled != given:
            frame["architecture"] = pd.Series(spelled, index=frame.index, dtype=object)

    def _reason_against(
        self, row: Row, space: str | None, spelled: list[object], position: int
    ) -> str | None:
        """Why a row cannot be used; else None, and its architecture is in the space's own spelling."""
        architecture = spelled[position]
        if not isinstance(architecture, str) or not architecture:
            missing = architecture == "" if isinstance(architecture, str) else _is_missing(architecture)
            return (
                "the architecture is missing"
                if missing
                else f"the architecture {architecture!r:.60} is not text"
            )
        if space is not None and not isinstance(space, str):
            return f"the space {space!r:.60} is not text"
        key = _key(space, architecture)
        if key not in self._first_row:
            try:
                validate = self._validators(space)
                own = validate(architecture) if validate else None
            except InputError as error:
                return str(error)
            if own is not None and own != architecture:
                spelled[position] = architecture = own
                key = _key(space, own)
        if key not in self._first_row:
            self._first_row[key] = row
        elif self._unique:
            return f"the architecture {architecture[:120]} is that of row {self._first_row[key]} again"
        return None


def _key(space: str | None, architecture: str) -> bytes:
    return blake2b(repr((space, architecture)).encode(), digest_size=_DIGEST_BYTES).digest()


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


def _numbers(column: pd.Series) -> pd.Series:
    """A column as float64; what is no number becomes NaN. ``91.2%`` is a number here."""
    if not pd.api.types.is_numeric_dtype(column):
        column = column.astype(object).map(_bare)
    return pd.to_numeric(column, errors="coerce").astype(np.float64)


def _bare(value: object) -> object:
    if isinstance(value, str):
        return value.strip().removesuffix("%")
    # Also decimals of Parquet and the numbers of NumPy.
    try:
        return float(value) if isinstance(value, Real | Decimal) else None
    except OverflowError:
        return math.inf


def without_fractions(frame: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """Return the rows whose accuracies are in percent, where some of a column are fractions; the others are
    noted.

    Accuracies up to 1 are fractions if the best of them, in percent, lies where the other rows do. Networks
    at chance level are also at 1 percent or below where there are many classes; a hundred times as much is
    far above all others then.
    """
    keep = np.ones(len(frame), bool)
    for column in filter(lambda column: is_accuracy(str(column)), frame.columns):
        values = frame[column].to_numpy(np.float64)
        small, large = (values > 0) & (values <= 1), values > 1
        if not small.any() or not large.any() or values[large].max() <= _SURELY_PERCENT:
            continue
        low, high = values[large].min() - _NEAR, values[large].max() + _NEAR
        if low <= 100 * values[small].max() <= high:
            for position in np.flatnonzero(small & keep).tolist():
                keep[position] = False
                problems.add(
                    frame.index[position],
                    f"{column} is {values[position]:g}, which looks like a fraction beside percentages up to "
                    f"{values[large].max():g}: give all in percent",
                )
    return frame if keep.all() else frame[keep]


def check_scale(frame: pd.DataFrame, problems: Problems) -> None:
    """Note accuracy columns that are fractions: no real table in percent lies within 0 to 1."""
    for column in frame.columns:
        if is_accuracy(str(column)) and len(frame) and 0 < frame[column].max() <= 1:
            problems.add(None, f"{column} lies within 0 and 1; accuracies are given in percent")
