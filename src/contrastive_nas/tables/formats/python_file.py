"""Any networks as a Python file: its function ``networks`` gives modules, (module, accuracy) pairs, or either
with a name before it: (name, module, accuracy).

``INPUT_SHAPE`` in the file, (C, H, W) of one image, is that of all networks, or a dictionary has that of each
by its name; ``METRIC``, where it is given, names the accuracy (``own_test_accuracy`` otherwise), which is in
percent. Reading runs the file, so it is only read by name.
"""

import ast
import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import GivenGraph, ImageSize, Problems, RowError, TableFormat, frames
from contrastive_nas.user_code import as_number

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


def _run(path: Path, name: str) -> tuple[Any, Iterator[tuple[int, Any]]]:
    """The module and what its function gives, numbered; what goes wrong in the user's code is one error."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        function = getattr(module, name, None)
        if not callable(function):
            raise InputError(f"{path}: it has no function {name}() that gives modules")
        given = function()
        if name != _FUNCTION and _is_network(given):
            given = {name: given}
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{path}: running it failed: {type(error).__name__}: {error}") from error
    if _is_network(given) or not isinstance(given, Iterable) or isinstance(given, str | bytes):
        kind = "one module" if _is_network(given) else type(given).__name__
        raise InputError(f"{path}: {name}() gives {kind}: let it give a list of modules")
    return module, _guarded(enumerate(given.items() if isinstance(given, Mapping) else given, start=1), path)


def _is_network(given: object) -> bool:
    # Not above: torch takes seconds to import; a file that gives modules has imported it.
    from torch import nn

    return isinstance(given, nn.Module) and not isinstance(given, nn.ModuleList)


class _NamedNetwork(NamedTuple):
    name: str
    module: Any
    accuracy: Any


def _networks(
    path: Path, function: str, pairs: Iterator[tuple[int, Any]], problems: Problems
) -> Iterator[tuple[int, _NamedNetwork]]:
    """What the function gave, each under its name; no network, or another of one name, is a problem."""
    unnamed = path.stem if function == _FUNCTION else function
    seen: set[str] = set()
    for number, given in pairs:
        try:
            network = _network(given, f"{unnamed} {number}")
            if network.name in seen:
                raise RowError(f"the name {network.name[:120]!r} is used twice")
        except RowError as error:
            problems.add(number, str(error))
            continue
        seen.add(network.name)
        yield number, network


def _network(given: Any, name: str) -> _NamedNetwork:
    if _is_network(given):
        return _NamedNetwork(name, given, None)
    parts = list(given) if isinstance(given, tuple | list) else []
    if parts and isinstance(parts[0], str):
        name = parts.pop(0)
    if not 1 <= len(parts) <= 2 or not _is_network(parts[0]):
        kinds = ", ".join(type(part).__name__ for part in given) if parts else type(given).__name__
        raise RowError(f"neither a module nor (module, accuracy) nor (name, module, accuracy) but {kinds}")
    return _NamedNetwork(name, parts[0], as_number(parts[1]) if len(parts) == 2 else None)


def _guarded(pairs: Iterator[tuple[int, Any]], path: Path) -> Iterator[tuple[int, Any]]:
    number = 0
    try:
        for number, pair in pairs:
            yield number, pair
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{path}, after row {number}: {type(error).__name__}: {error}") from error


def _read(name: str, path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    module, pairs = _run(path, name)
    networks = _networks(path, name, pairs, problems)
    yield from frames((number, _columns(module, network)) for number, network in networks)


def _columns(module: Any, network: _NamedNetwork) -> dict[str, Any]:
    return {"architecture": network.name} | {str(getattr(module, "METRIC", _METRIC)): network.accuracy}


def _graphs(name: str, path: Path, problems: Problems, image_size: ImageSize | None) -> Iterator[GivenGraph]:
    # Not above: graphs need torch, which takes seconds to import.
    from contrastive_nas.graphs import trace

    module, pairs = _run(path, name)
    shape = getattr(module, "INPUT_SHAPE", None)
    if shape is None:
        raise InputError(f"{path}: INPUT_SHAPE, (C, H, W) of one image, is missing")
    for number, network in _networks(path, name, pairs, problems):
        own = shape.get(network.name) if isinstance(shape, Mapping) else shape
        if own is None:
            problems.add(number, f"INPUT_SHAPE has no shape of {network.name}")
            continue
        yield number, _columns(module, network), partial(trace, network.module, own)


def python_file(function: str) -> TableFormat:
    """Return the format of Python files whose function of that name gives the networks."""
    return TableFormat(
        name="python_file",
        title="any networks, Python file with a function `networks` that gives modules, maybe accuracies too",
        space=None,
        detect=_detect,
        read=partial(_read, function),
        runs_code=True,
        graphs=partial(_graphs, function),
    )


PYTHON_FILE = python_file(_FUNCTION)
