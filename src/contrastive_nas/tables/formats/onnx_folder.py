"""Any networks as a folder of ONNX files, by their names.

One table beside them, ``*.csv``, may give a ``file`` and accuracies a row; then only these files are read.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import (
    GivenGraph,
    ImageSize,
    Problems,
    Row,
    RowError,
    TableFormat,
    frames,
    usable_records,
)
from contrastive_nas.tables.formats import tidy_csv

_FILE = "file"


def _models(path: Path) -> list[str]:
    """Names of the ONNX files in the folder, hidden ones left out."""
    names = (file.relative_to(path) for file in path.rglob("*.onnx"))
    return sorted(str(name) for name in names if not any(part.startswith(".") for part in name.parts))


def _table(path: Path) -> Path | None:
    """The one CSV file of the folder that names ONNX files; None where there is no CSV file at all.

    Raises:
        InputError: there are CSV files, of which none or several name files.
    """
    every = sorted(file for file in path.glob("*.csv") if not file.name.startswith("."))
    tables = [file for file in every if _FILE in tidy_csv.header(file)]
    if len(tables) == 1 or not every:
        return tables[0] if tables else None
    found = ", ".join(file.name for file in tables or every)
    reason = "more than one table names files" if tables else f"no column {_FILE} names the ONNX files"
    raise InputError(f"{path}: {reason}: {found}; give one table, or none to read all files")


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
    if table is None:
        yield from ((number, {"architecture": name}) for number, name in enumerate(_models(path), start=1))
    else:
        yield from usable_records(tidy_csv.records(table, problems), row, problems)


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    yield from frames(_rows(path, problems))


def _graphs(path: Path, problems: Problems, image_size: ImageSize | None) -> Iterator[GivenGraph]:
    # Not above: graphs need torch, which takes seconds to import.
    from contrastive_nas.graphs.tracing.onnx_file import trace_onnx

    for label, columns in _rows(path, problems):
        yield label, columns, partial(trace_onnx, path / columns["architecture"], image_size=image_size)


ONNX_FOLDER = TableFormat(
    name="onnx_folder",
    title="any networks, folder of .onnx files, maybe with a CSV of `file` and accuracies",
    space=None,
    detect=lambda path: path.is_dir() and bool(_models(path)),
    read=_read,
    graphs=_graphs,
    leaves_size=True,
)
