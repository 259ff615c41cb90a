"""Any networks as a Python file: its function ``networks`` gives (module, accuracy) pairs.

``INPUT_SHAPE`` in the file, (C, H, W) of one image, is that of all networks; ``METRIC``, where it is given,
names the accuracy (``own_test_accuracy`` otherwise), which is in percent. Reading runs the file, so it is
only read by name.
"""

import ast
import importlib.util
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import GraphMaker, Problems, Row, RowError, Source, frames, usable_records

_FUNCTION = "networks"
_METRIC = "own_test_accuracy"
LONGEST_FILE = 1 << 20


def _detect(path: Path) -> bool:
    if path.suffix != ".py" or not path.is_file() or path.stat().st_size > LONGEST_FILE:
        return False
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.FunctionDef) and node.name == _FUNCTION for node in tree.body)


def _run(path: Path) -> tuple[Any, Iterator[tuple[int, Any]]]:
    """The module and its numbered pairs; whatever goes wrong in the user's code is one error."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        pairs = enumerate(getattr(module, _FUNCTION)(), start=1)
    except Exception as error:
        raise InputError(f"{path}: running it failed: {type(error).__name__}: {error}") from error
    return module, _guarded(pairs, path)


def _guarded(pairs: Iterator[tuple[int, Any]], path: Path) -> Iterator[tuple[int, Any]]:
    number = 0
    try:
        for number, pair in pairs:
            yield number, pair
    except Exception as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}, after row {number}: {type(error).__name__}: {error}") from error


def _name(path: Path, number: int) -> str:
    return f"{path.stem} {number}"


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    module, pairs = _run(path)
    metric = str(getattr(module, "METRIC", _METRIC))

    def row(numbered: tuple[int, Any]) -> dict[str, Any]:
        number, pair = numbered
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise RowError(f"not a pair of module and accuracy but {type(pair).__name__}")
        return {"architecture": _name(path, number), metric: pair[1]}

    yield from frames(usable_records(((number, (number, pair)) for number, pair in pairs), row, problems))


def _graphs(path: Path, problems: Problems) -> Iterator[tuple[Row, str, GraphMaker]]:
    # Not above: graphs need torch, which takes seconds to import.
    from contrastive_nas.graphs import trace

    module, pairs = _run(path)
    shape = getattr(module, "INPUT_SHAPE", None)
    if shape is None:
        raise InputError(f"{path}: INPUT_SHAPE, (C, H, W) of one image, is missing")
    for number, pair in pairs:
        yield number, _name(path, number), partial(trace, pair[0], shape)


PYTHON_FILE = Source(
    name="python_file",
    title="any networks, Python file with a function `networks` that gives (module, accuracy) pairs",
    space=None,
    detect=_detect,
    read=_read,
    runs_code=True,
    graphs=_graphs,
)
