"""A user's own results as CSV: a header with ``architecture`` and accuracy columns in percent."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import Problems, Row, Source, frames, head

HEADER_BYTES = 65_536
LONGEST_FIELD = 1_000_000


def header(path: Path) -> list[str]:
    """The column names in a CSV file's first line; empty where there is none."""
    start = head(path, HEADER_BYTES).removeprefix(b"\xef\xbb\xbf")
    try:
        line = start.split(b"\n", 1)[0].decode().rstrip("\r")
        return next(csv.reader([line]), [])
    except (UnicodeDecodeError, csv.Error):
        return []


def records(path: Path, problems: Problems) -> Iterator[tuple[Row, dict[str, str]]]:
    """The data rows of a CSV file as texts, labelled from 1.

    Raises:
        InputError: the file is no UTF-8 text, has no header or a broken one, or ends inside quotes.
    """
    csv.field_size_limit(LONGEST_FIELD)
    row = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = csv.reader(stream, strict=True)
            names = next(lines, [])
            if not names or len(set(names)) < len(names):
                raise InputError(f"{path}: the header is empty or names a column twice")
            for row, fields in enumerate(lines, start=1):
                if len(fields) == len(names):
                    yield row, dict(zip(names, fields, strict=True))
                elif fields:
                    problems.add(row, f"{len(fields)} fields, the header has {len(names)}")
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}, after row {row}: no valid CSV in UTF-8: {error}") from error


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    # Accuracies stay texts here: the checks that all formats share name the rows where one is no number.
    rows = (
        (row, {name: text or None for name, text in texts.items()}) for row, texts in records(path, problems)
    )
    return frames(rows)


TIDY_CSV = Source(
    name="tidy_csv",
    title="own results, CSV with `architecture` and `<dataset>_<split>_accuracy` in percent",
    space=None,
    detect=lambda path: "architecture" in header(path),
    read=_read,
)
