"""Any networks as a folder of ONNX files beside one table, ``*.csv``, of ``file`` and accuracies."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.tables.base import GraphMaker, Problems, Row, RowError, Source, frames, usable_records
from contrastive_nas.tables.formats import tidy_csv

_FILE = "file"


def _table(path: Path) -> Path | None:
    """The one CSV file of the folder that names ONNX files."""
    if not path.is_dir():
        return None
    tables = [table for table in sorted(path.glob("*.csv")) if _FILE in tidy_csv.header(table)]
    return tables[0] if len(tables) == 1 and next(path.rglob("*.onnx"), None) else None


def _is_inside(path: Path, name: str) -> bool:
    try:
        file = (path / name).resolve()
        return file.is_relative_to(path.resolve()) and file.is_file()
    except (ValueError, OSError):
        return False


def _rows(path: Path, problems: Problems) -> Iterator[tuple[Row, dict[str, Any]]]:
    def row(texts: dict[str, str]) -> dict[str, Any]:
        name = texts.pop(_FILE)
        if not _is_inside(path, name):
            raise RowError(f"there is no file {name[:120]!r} in the folder")
        return {"architecture": name} | {column: text or None for column, text in texts.items()}

    table = _table(path)
    yield from usable_records(tidy_csv.records(table, problems) if table else (), row, problems)


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    yield from frames(_rows(path, problems))


def _graphs(path: Path, problems: Problems) -> Iterator[tuple[Row, str, GraphMaker]]:
    # Not above: graphs need torch, which takes seconds to import.
    from contrastive_nas.graphs.tracing.onnx_file import trace_onnx

    for label, columns in _rows(path, problems):
        name = columns["architecture"]
        yield label, name, partial(trace_onnx, path / name)


ONNX_FOLDER = Source(
    name="onnx_folder",
    title="any networks, folder of .onnx files and a CSV of `file` and accuracies",
    space=None,
    detect=lambda path: _table(path) is not None,
    read=_read,
    graphs=_graphs,
)
