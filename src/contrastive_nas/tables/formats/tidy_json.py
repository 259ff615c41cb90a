"""A user's own results as JSON: objects with ``architecture`` and accuracies, in lines or a list."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.tables.base import Problems, RowError, TableFormat, frames, usable_records
from contrastive_nas.tables.parsing import json_lines
from contrastive_nas.tables.parsing.headers import ARCHITECTURE, renamed


def _row(found: dict[str, Any]) -> dict[str, Any]:
    names = renamed(found)
    row = {names.get(name, name): value for name, value in found.items()}
    given = row.get(ARCHITECTURE)
    if not isinstance(given, str):
        columns = isinstance(given, list | dict)
        hint = "; give one object for each network, not one list for each column" if columns else ""
        raise RowError(f"there is no text called {ARCHITECTURE!r} in the object{hint}")
    nested = next((name for name, value in row.items() if isinstance(value, list | dict)), None)
    if nested is not None:
        raise RowError(f"{nested[:120]!r} is not a number or text but {type(row[nested]).__name__}")
    return row


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    yield from frames(usable_records(json_lines.objects(path, problems), _row, problems))


def _detect(path: Path) -> bool:
    found = json_lines.first(path) if path.is_file() else None
    return found is not None and (ARCHITECTURE in found or ARCHITECTURE in renamed(found).values())


TIDY_JSON = TableFormat(
    name="tidy_json",
    title="own results, JSON lines or a JSON list of objects with `architecture` and accuracies in percent",
    space=None,
    detect=_detect,
    read=_read,
)
