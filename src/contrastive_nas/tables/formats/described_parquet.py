"""Parquet files that describe an architecture by several columns."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import Problems, Row, RowError, TableFormat
from contrastive_nas.tables.formats import tidy_parquet


def described_parquet(
    name: str,
    title: str,
    space: str,
    fields: Sequence[str],
    architecture: Callable[..., str],
    *,
    column: Callable[[str], str] = str,
    repeats: bool = False,
) -> TableFormat:
    """The format of such files.

    Args:
        name: as in :class:`TableFormat`.
        title: likewise.
        space: likewise.
        fields: columns that ``architecture`` takes, in its order; a file that has them all is of this form.
        architecture: makes the string of one row; raises RowError where the row does not allow it.
        column: the name of another column in the tidy table.
        repeats: as in :class:`TableFormat`.
    """

    def read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
        for frame in tidy_parquet.read_frames(path):
            yield _described(frame, list(fields), architecture, problems).rename(columns=column)

    return TableFormat(
        name=name,
        title=title,
        space=space,
        detect=lambda path: tidy_parquet.has_columns(path, set(fields)),
        read=read,
        repeats=repeats,
    )


def _described(
    frame: pd.DataFrame, fields: list[str], architecture: Callable[..., str], problems: Problems
) -> pd.DataFrame:
    """The frame with an ``architecture`` column in place of ``fields``, without the rows that make none."""
    if not set(fields) <= set(frame.columns) or not frame.columns.is_unique:
        raise InputError(f"{problems.file}: the columns {', '.join(fields)} are needed, once each")

    def attempt(row: Row, *values: Any) -> str | None:
        try:
            return architecture(*values)
        except (RowError, OverflowError) as error:
            problems.add(row, str(error))
            return None

    described = [attempt(*row) for row in frame[fields].itertuples()]
    frame = frame.drop(columns=fields)
    frame.insert(0, "architecture", pd.Series(described, index=frame.index, dtype=object))
    return frame[frame.architecture.notna()]
