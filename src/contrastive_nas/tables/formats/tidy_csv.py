"""A user's own results as CSV: a header with ``architecture`` and accuracy columns in percent.

Read as spreadsheets write it: separated by commas, semicolons or tabs, in UTF-8 or UTF-16, comments (``#``)
before the header, compressed by gzip; where commas do not separate, they may be decimal ones.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import Problems, Row, TableFormat, frames, is_accuracy
from contrastive_nas.tables.parsing.delimited import layout, rows
from contrastive_nas.tables.parsing.headers import ARCHITECTURE, renamed

_DECIMAL_COMMA = re.compile(r"\s*\d+,\d+\s*%?\s*")


def header(path: Path) -> list[str]:
    """Return the column names of a text table; empty where there are none."""
    return list(layout(path).names)


def records(path: Path, problems: Problems) -> Iterator[tuple[Row, dict[str, str]]]:
    """Yield the data rows of a text table as texts, labelled from 1.

    Raises:
        InputError: the file is no text, has no header or a broken one, or ends inside quotes.
    """
    form = layout(path)
    if not any(form.names):
        raise InputError(f"{path}: the header is empty")
    twice = next((name for name in form.names if form.names.count(name) > 1), None)
    if twice is not None:
        named = f"names the column {twice!r:.60} twice" if twice else "has several columns without a name"
        raise InputError(f"{path}: the header {named}: leave one of them out, or give each its own name")
    lines = rows(path, form)
    next(lines, None)
    for row, fields in enumerate(lines, start=1):
        # Spreadsheets leave rows of nothing but separators.
        if not any(fields):
            continue
        if len(fields) == len(form.names):
            texts = dict(zip(form.names, fields, strict=True))
            yield row, texts if form.separator == "," else dict(_with_points(texts))
        else:
            problems.add(row, f"{len(fields)} fields, the header has {len(form.names)}")


def _with_points(texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Accuracies with a decimal point: where other signs separate, spreadsheets may write a comma."""
    for name, text in texts.items():
        yield name, text.replace(",", ".") if is_accuracy(name) and _DECIMAL_COMMA.fullmatch(text) else text


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    # Accuracies stay texts here: the checks that all formats share name the rows where one is no number.
    found = (
        (row, {name: text or None for name, text in texts.items()}) for row, texts in records(path, problems)
    )
    return frames(found)


def _detect(path: Path) -> bool:
    names = header(path)
    return ARCHITECTURE in names or ARCHITECTURE in renamed(names).values()


TIDY_CSV = TableFormat(
    name="tidy_csv",
    title="own results, CSV with `architecture` and `<dataset>_<split>_accuracy` in percent",
    space=None,
    detect=_detect,
    read=_read,
)
