"""What a file is: its format, space, architectures, accuracies and problems."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.tables.parsing.headers import accuracy_question
from contrastive_nas.tables.reading import GivenRows, SourceTable, read_rows
from contrastive_nas.tables.registry import AUTO, FORMATS
from contrastive_nas.tables.validation import Validator

PROBLEMS_SHOWN = 10
_TRIED = 20


@dataclass(frozen=True)
class FileDescription:
    """What a benchmark file is.

    Attributes:
        table: its rows; the first problems.
        guessed: the space, where neither the file nor the caller says it but the form of its architectures.
        rows: number of first rows to show.
    """

    table: SourceTable
    guessed: str | None
    rows: int

    def in_words(self) -> str:
        """Return some lines of text."""
        return "\n".join(_lines(self.table, self.guessed, self.rows))

    def as_data(self) -> dict[str, Any]:
        """Return the same for programs; accuracies in percent, NaN where the file has none."""
        table = self.table
        return {
            "file": table.file,
            "format": table.source,
            "spaces": [] if _spaces(table) == [None] else _spaces(table),
            "space_is_guessed": self.guessed is not None,
            "architectures": len(table.frame),
            "rows_read": table.rows_read,
            "problems": table.problem_count,
            "first_problems": [str(problem) for problem in table.problems],
            "accuracies": _summary(table).to_dict("index") if table.metrics else {},
            "other_columns": _other_columns(table),
            "first_rows": _first_rows(table, self.rows).to_dict("records"),
        }


def describe_file(
    path: str | Path, *, source: str = AUTO, space: str | None = None, rows: int = 5
) -> FileDescription:
    """Describe a benchmark file.

    Args:
        path: the file or folder.
        source: the format's name, or "auto" to tell it by content.
        space: the search space; None takes the format's own, or the one of most of the first rows.
        rows: number of first rows to show.

    Raises:
        InputError: the file is in no known format, damaged, or without any usable row.
    """
    given = read_rows(path, source=source, limit=PROBLEMS_SHOWN)
    table = _checked(given, space)
    guessed = None
    if table.space is None and "space" not in table.frame.columns:
        guessed = guess_space(_first(table))
    if guessed:
        # Once more, so that every architecture is checked.
        table = _checked(given, guessed)
    return FileDescription(table, guessed, rows)


def _checked(given: GivenRows, space: str | None) -> SourceTable:
    """With accuracies where there are any; else the architectures alone, as ``sample`` writes them."""
    try:
        return given.checked(space)
    except InputError as error:
        try:
            table = given.checked(space, metrics=[])
        except InputError as rows:  # of architectures that are not of the space that the user names
            raise (rows if space else error) from None
        if table.metrics or not (table.space or guess_space(_first(table))):
            raise
        return table


def _first(table: SourceTable) -> list[str]:
    names: list[str] = table.frame["architecture"].head(_TRIED).tolist()
    return names


def guess_space(architectures: list[str]) -> str | None:
    """Return the only space of this package that most ``architectures`` belong to; None for none or
    several.
    """
    # Not above: spaces need torch, which takes seconds to import.
    from contrastive_nas.spaces import list_spaces, load_space

    fitting = [name for name in list_spaces() if _most_valid(load_space(name).read, architectures)]
    return fitting[0] if len(fitting) == 1 else None


def _most_valid(validate: Validator, architectures: list[str]) -> bool:
    def is_valid(architecture: str) -> bool:
        try:
            validate(architecture)
        except InputError:
            return False
        return True

    return 2 * sum(map(is_valid, architectures)) > len(architectures)


def _lines(table: SourceTable, guessed: str | None, rows: int) -> Iterator[str]:
    spaces = _spaces(table)
    named = ", ".join(str(space) for space in spaces) if spaces != [None] else "the file does not say"
    yield f"file           {table.file}"
    yield f"format         {table.source}: {FORMATS[table.source].title}"
    yield f"space          {named}{' (by the form of its architectures)' if guessed else ''}"
    averaged = " (repeated ones averaged)" if FORMATS[table.source].repeats else ""
    yield f"architectures  {len(table.frame):,} from {table.rows_read:,} rows{averaged}"
    yield f"problems       {table.problem_count:,}"
    yield from (f"  {problem}" for problem in table.problems)
    if table.problem_count > len(table.problems):
        yield f"  and {table.problem_count - len(table.problems):,} more"
    yield from _accuracies(table)
    yield f"other columns  {', '.join(_other_columns(table)) or 'none'}"
    yield f"first rows, of {len(table.frame):,}"
    with pd.option_context("display.width", 200, "display.max_columns", 6, "display.max_colwidth", 90):
        yield str(_first_rows(table, rows))


def _accuracies(table: SourceTable) -> Iterator[str]:
    if not table.metrics:
        yield f"accuracies     none{accuracy_question(table.frame.columns)}"
        return
    yield "accuracies, percent"
    yield _summary(table).to_string(float_format="{:.3f}".format)


def _spaces(table: SourceTable) -> list[str | None]:
    return table.frame["space"].unique().tolist() if "space" in table.frame.columns else [table.space]


def _other_columns(table: SourceTable) -> list[str]:
    return [column for column in table.frame.columns if column not in {"architecture", *table.metrics}]


def _first_rows(table: SourceTable, rows: int) -> pd.DataFrame:
    return table.frame[["architecture", *table.metrics]].head(rows)


def _summary(table: SourceTable) -> pd.DataFrame:
    """A row per metric: count, min, mean, max."""
    found = table.frame[table.metrics].describe().loc[["count", "min", "mean", "max"]].T
    found["count"] = found["count"].astype(int)
    return found
