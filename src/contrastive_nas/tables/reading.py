"""One call from a benchmark file to a checked tidy table."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import (
    GivenGraph,
    GraphMaker,
    ImageSize,
    OnError,
    Problem,
    Problems,
    Row,
    TableFormat,
    is_accuracy,
)
from contrastive_nas.tables.formats.tidy_csv import TIDY_CSV
from contrastive_nas.tables.parsing.headers import ambiguous, renamed
from contrastive_nas.tables.registry import AUTO, find_format
from contrastive_nas.tables.validation import (
    RowChecks,
    Validator,
    Validators,
    check_columns,
    check_scale,
    without_fractions,
)

if TYPE_CHECKING:
    from contrastive_nas.graphs import ComputationGraph

EVALUATIONS = "evaluations"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourceTable:
    """A tidy table and what was found on the way to it.

    Attributes:
        frame: ``architecture``, accuracies in percent, all further columns; rows numbered from 0.
        file: where it came from.
        source: the format's name.
        space: the search space, where the file or the caller says it.
        problems: the first of what could not be used.
        problem_count: how many problems there were.
        rows_read: usable and unusable rows.
    """

    frame: pd.DataFrame
    file: str
    source: str
    space: str | None
    problems: tuple[Problem, ...]
    problem_count: int
    rows_read: int

    @property
    def metrics(self) -> list[str]:
        """The accuracy columns."""
        return [column for column in self.frame.columns if is_accuracy(column)]

    def summary(self) -> dict[str, Any]:
        """Return counts for a run's record, as plain JSON values."""
        return {
            "file": self.file,
            "source": self.source,
            "space": self.space,
            "rows_read": self.rows_read,
            "architectures": len(self.frame),
            "problems": self.problem_count,
            "metrics": self.metrics,
        }


def read_table(
    path: str | Path,
    *,
    source: str = AUTO,
    space: str | None = None,
    metrics: Sequence[str] | None = None,
    on_error: OnError = "stop",
    limit: int = 100,
    validate: Validator | None = None,
) -> SourceTable:
    """Read a benchmark file in any known format into a tidy table.

    Args:
        path: the file or folder.
        source: the format's name, or "auto" to tell it by content.
        space: name of the search space; None takes the format's own. Where the file has a ``space`` column,
            only this space's rows are read, all with None.
        metrics: accuracy columns that every row must have; None asks for any one of them, an empty list for
            none.
        on_error: "stop" raises at the first row that cannot be used, "skip" leaves such rows out.
        limit: how many problems are kept; all are counted.
        validate: raises InputError for a string that is no architecture, and gives it as it is spelled in the
            table; None asks the row's search space, where one is known.

    Raises:
        InputError: the file is in no known format or damaged, a column is missing, no row can be used, or
            ``on_error`` is "stop" and a row cannot be used. The message names file, row and reason.
    """
    if on_error not in ("stop", "skip"):
        raise InputError(f"on_error is {on_error!r}; it can be stop or skip")
    chosen = find_format(path, source)
    problems = Problems(str(path), on_error, limit)
    given = chosen.read(Path(path), problems)
    return _checked_table(chosen, given, problems, space, metrics, validate)


@dataclass(frozen=True, eq=False)
class GivenRows:
    """The rows of a file as its format gave them, to be checked in more than one way.

    Attributes:
        source: the format.
        frames: all rows, unchecked.
        problems: what the format could not use.
    """

    source: TableFormat
    frames: tuple[pd.DataFrame, ...]
    problems: Problems

    def checked(self, space: str | None = None, metrics: Sequence[str] | None = None) -> SourceTable:
        """Return what :func:`read_table` gives of the file with these arguments.

        Raises:
            InputError: as there.
        """
        problems = replace(self.problems, kept=list(self.problems.kept))
        return _checked_table(self.source, iter(self.frames), problems, space, metrics)


def read_rows(path: str | Path, *, source: str = AUTO, limit: int = 100) -> GivenRows:
    """Read a benchmark file once; rows that its format cannot use are left out.

    Args:
        path: the file or folder.
        source: the format's name, or "auto" to tell it by content.
        limit: how many problems are kept; all are counted.

    Raises:
        InputError: the file is in no known format or damaged, or it has no column of architectures.
    """
    chosen = find_format(path, source)
    problems = Problems(str(path), "skip", limit)
    frames: list[pd.DataFrame] = []
    try:
        for frame in chosen.read(Path(path), problems):
            if not frames:  # a large file of something else is not read whole
                tidy = frame if chosen.space else next(_in_tidy_names(iter([frame]), str(path), ()))
                check_columns(tidy, str(path), [])
            frames.append(frame)
        return GivenRows(chosen, tuple(frames), problems)
    except OSError as error:
        raise InputError(f"{path}: it cannot be read: {error}") from error


def first_rows(path: str | Path, source: str = AUTO, metrics: Sequence[str] = ()) -> pd.DataFrame:
    """Return the first rows of a benchmark file with all their columns, unchecked.

    Args:
        path: the file or folder.
        source: the format's name, or "auto" to tell it by content.
        metrics: accuracy columns that are going to be asked for.

    Raises:
        InputError: the file is in no known format, damaged at its beginning, or has no rows.
    """
    chosen = find_format(path, source)
    given = chosen.read(Path(path), Problems(str(path), "skip"))
    if chosen.space is None:
        given = _in_tidy_names(given, str(path), metrics)
    found = next(given, None)
    if found is None:
        raise InputError(f"{path}: it has no rows that can be used")
    return found


def check_table(frame: pd.DataFrame, file: str) -> SourceTable:
    """Return what :func:`read_table` gives of a file that holds these rows, whose networks belong to no
    space.

    Raises:
        InputError: a row cannot be used.
    """
    return _checked_table(TIDY_CSV, iter([frame]), Problems(file), metrics=[])


def _checked_table(
    chosen: TableFormat,
    given: Iterator[pd.DataFrame],
    problems: Problems,
    space: str | None = None,
    metrics: Sequence[str] | None = None,
    validate: Validator | None = None,
) -> SourceTable:
    """As :func:`read_table`, of the frames that a format gave."""
    space, file = space or chosen.space, problems.file
    validators = _validators(space) if validate is None else lambda _: validate
    checks = RowChecks(problems, metrics, validators, unique=not chosen.repeats)
    if chosen.space is None:
        given = _in_tidy_names(given, file, metrics or ())
    others: set[str] = set()
    try:
        parts = _usable_parts(_frames_of(space, given, others), file, checks, metrics)
    except OSError as error:
        raise InputError(f"{file}: it cannot be read: {error}") from error
    if not parts:
        raise InputError(f"{file}: no row can be used{_first(problems, space, others)}")
    # Every unusable row is one problem.
    read = sum(map(len, parts)) + problems.count
    frame = pd.concat(parts) if len(parts) > 1 else parts[0]
    parts.clear()
    if chosen.space is None:
        frame = without_fractions(frame, problems)
    frame = frame.reset_index(drop=True)
    frame = _numbers_where_all_are(_average_repeats(frame) if chosen.repeats else frame)
    check_scale(frame, problems)
    frame["architecture"] = frame["architecture"].astype(object)
    return SourceTable(frame, file, chosen.name, space, tuple(problems.kept), problems.count, read)


def read_graphs(
    path: str | Path,
    *,
    source: str = AUTO,
    on_error: OnError = "stop",
    image_size: ImageSize | None = None,
) -> Iterator[tuple[str, "ComputationGraph"]]:
    """Yield the networks that a file itself holds (ONNX, a user's modules), as names in its table and graphs.

    Args:
        path: the file or folder.
        source: the format's name, or "auto" to tell it by content.
        on_error: "stop" raises at the first network that cannot be used, "skip" leaves it out and logs it.
        image_size: height and width of an image, for ONNX networks that leave them free.

    Raises:
        InputError: the format holds no networks, or such as know the size of their images themselves, or as
            ``on_error`` says.
    """
    problems = Problems(str(path), on_error)
    given = _given_graphs(find_format(path, source), Path(path), problems, image_size)
    yield from _made(given, problems)
    for problem in problems.kept:
        _LOG.warning("left out: %s", problem)


def _given_graphs(
    chosen: TableFormat, path: Path, problems: Problems, image_size: ImageSize | None
) -> Iterator[GivenGraph]:
    if chosen.graphs is None:
        raise InputError(f"{path}: {chosen.name} describes architectures of a space and holds no networks")
    if image_size is not None and not chosen.leaves_size:
        raise InputError(
            f"{path}: the networks of {chosen.name} say how large an image is; leave image_size out"
        )
    return chosen.graphs(path, problems, image_size)


def _made(given: Iterator[GivenGraph], problems: Problems) -> "Iterator[tuple[str, ComputationGraph]]":
    """Names with their graphs; one that cannot be made, and another of a name, is a problem."""
    seen: set[str] = set()

    def attempt(label: Row, name: str, make: GraphMaker) -> "ComputationGraph | None":
        try:
            if name in seen:
                raise InputError(f"the name {name!r:.120} is used twice")
            return make()
        except InputError as error:
            problems.add(label, str(error))
            return None

    for label, columns, make in given:
        name = columns["architecture"]
        graph = attempt(label, name, make)
        if graph is not None:
            seen.add(name)
            yield name, graph


def _validators(space: str | None) -> Validators:
    """Each space's check of its own strings; rows that name no space belong to ``space``."""

    # Not above: spaces need torch, which takes seconds to import.
    from contrastive_nas.spaces import list_spaces, load_space

    @cache
    def validator(named: str | None) -> Validator | None:
        # A space may be a file of code; only the caller may name one, not the table.
        if named and named != space and named not in list_spaces():
            raise InputError(f"space {named[:60]!r} is not one of {', '.join(list_spaces())}")
        name = named or space
        return load_space(name).read if name else None

    # A name that the caller got wrong is one error, not one for every row.
    validator(None)
    return validator


def _in_tidy_names(
    frames: Iterator[pd.DataFrame], file: str, metrics: Sequence[str]
) -> Iterator[pd.DataFrame]:
    for frame in frames:
        if several := ambiguous(frame.columns):
            raise InputError(
                f"{file}: the columns {', '.join(map(repr, several))} mean the same: leave one out"
            )
        yield frame.rename(columns=renamed(frame.columns, metrics))


def _frames_of(space: str | None, frames: Iterator[pd.DataFrame], others: set[str]) -> Iterator[pd.DataFrame]:
    """The rows of a space, all where nothing names theirs; names of other spaces go to ``others``."""
    for frame in frames:
        if space and "space" in frame.columns:
            own = frame["space"] == space
            others.update(str(name) for name in frame.loc[~own, "space"].unique())
            yield frame[own]
        else:
            yield frame


def _usable_parts(
    frames: Iterator[pd.DataFrame], file: str, checks: RowChecks, metrics: Sequence[str] | None
) -> list[pd.DataFrame]:
    parts = []
    for frame in frames:
        check_columns(frame, file, metrics)
        usable = checks.usable(frame)
        if len(usable):
            parts.append(usable)
    return parts


def _first(problems: Problems, space: str | None, others: set[str]) -> str:
    if problems.kept:
        return f"; the first reason: {problems.kept[0]}"
    if others:
        return f": its column space names {', '.join(sorted(others))[:200]} and never {space}"
    return ": it holds none"


def _average_repeats(frame: pd.DataFrame) -> pd.DataFrame:
    """One row an architecture: numbers averaged, else the first; ``evaluations`` counts the rows."""
    groups = frame.groupby("architecture", sort=False)
    # The count of earlier merging, where the file has one, is superseded.
    columns = [column for column in frame.columns if column not in ("architecture", EVALUATIONS)]
    numeric = {column for column in columns if pd.api.types.is_float_dtype(frame[column])}
    merged = groups.agg({column: "mean" if column in numeric else "first" for column in columns})
    return merged.assign(**{EVALUATIONS: groups.size().astype(np.int64)}).reset_index()


def _numbers_where_all_are(frame: pd.DataFrame) -> pd.DataFrame:
    """Text columns whose every value is a number become numbers (CSV has no types)."""
    for column in frame.columns:
        if column != "architecture" and pd.api.types.is_string_dtype(frame[column]):
            numbers = pd.to_numeric(frame[column], errors="coerce")
            if numbers.isna().equals(frame[column].isna()):
                frame[column] = numbers
    return frame
