"""What a list of names stands for: networks of timm and torchvision, ONNX files, modules of a Python file."""

import glob
import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.errors import InputError, instead
from contrastive_nas.model_zoo import LIBRARIES, build_network, list_networks
from contrastive_nas.tables.base import GivenGraph, GraphMaker, ImageSize, Problems, TableFormat
from contrastive_nas.tables.formats.onnx_folder import ONNX_FOLDER
from contrastive_nas.tables.formats.python_file import PYTHON_FILE, python_file

if TYPE_CHECKING:
    from contrastive_nas.graphs import ComputationGraph

KINDS = "timm:NAME, torchvision:NAME, FILE.onnx, a folder of them, or FILE.py:FUNCTION"
_PATTERN = frozenset("*?[")
# Of what is wrong with the networks of one file; every one is told.
_ALL = 1_000_000


@dataclass(frozen=True, eq=False)
class ListedNetwork:
    """One network of a list.

    Attributes:
        name: as tables show it; once in a list.
        make: gives its graph, or raises InputError.
        labels: what its file says of it: accuracies by the name of a column.
        identity: what decides its graph besides the tracer, as plain data; None where that is not known, such
            as for a user's own code.
        elsewhere: whether another process can make the graph.
    """

    name: str
    make: GraphMaker
    labels: dict[str, Any] = field(default_factory=dict)
    identity: tuple[object, ...] | None = None
    elsewhere: bool = True


@dataclass(frozen=True, eq=False)
class NetworkList:
    """Networks, and what could not be used: reasons by name."""

    networks: tuple[ListedNetwork, ...]
    refused: dict[str, str]


def list_given(references: Sequence[str], image_size: ImageSize | None = None) -> NetworkList:
    """Return the networks that references stand for, each name once, in their order.

    Args:
        references: ``timm:PATTERN`` and ``torchvision:PATTERN`` (``*`` stands for anything), paths of ONNX
            files or patterns of paths, folders of ONNX files, and Python files, ``file.py`` for its function
            ``networks``, ``file.py:function`` for another one, or for a class of modules.
        image_size: height and width of an image, for networks of the two libraries (which have sizes of their
            own otherwise) and for ONNX files that leave them free.

    Raises:
        InputError: a reference is nothing of these, or nothing fits it.
    """
    found: dict[str, ListedNetwork] = {}
    refused: dict[str, str] = {}
    for reference in dict.fromkeys(references):
        library, _, pattern = reference.partition(":")
        if library in LIBRARIES:
            given: Iterator[ListedNetwork] = _of_library(library, pattern, image_size)
        elif ".py" in (Path(reference).suffix, Path(reference.rpartition(":")[0]).suffix):
            given = _of_python_file(reference, refused)
        else:
            given = _of_onnx_files(reference, image_size, refused)
        for network in given:
            if network.name in found and not network.elsewhere:
                refused[f"{reference}: {network.name}"] = "another network has the same name"
            found.setdefault(network.name, network)
    return NetworkList(tuple(found.values()), refused)


def trace_named(library: str, name: str, size: ImageSize | None = None) -> "ComputationGraph":
    """Return the graph of a network of timm or torchvision.

    Raises:
        InputError: it cannot be built, or not be traced.
    """
    # Not above: it needs torch, which takes seconds to import.
    from contrastive_nas.graphs import trace

    return trace(*build_network(library, name, size))


def _of_library(library: str, pattern: str, size: ImageSize | None) -> Iterator[ListedNetwork]:
    version = importlib.metadata.version(library)
    for name in list_networks(library, pattern):
        make = partial(trace_named, library, name, size)
        yield ListedNetwork(f"{library}:{name}", make, identity=(library, version, name, size))


def _of_python_file(reference: str, refused: dict[str, str]) -> Iterator[ListedNetwork]:
    file, colon, function = (reference, "", "") if reference.endswith(".py") else reference.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    known = python_file(function) if colon else PYTHON_FILE
    for name, columns, make in _of_file(known, path, None, reference, refused):
        yield ListedNetwork(f"{path}:{name}", make, columns, elsewhere=False)


def _of_onnx_files(
    reference: str, size: ImageSize | None, refused: dict[str, str]
) -> Iterator[ListedNetwork]:
    from contrastive_nas.graphs.tracing.onnx_file import trace_onnx

    path = Path(reference)
    if path.is_dir():
        if not ONNX_FOLDER.detect(path):
            raise InputError(f"{path}: the folder holds no ONNX file")
        for name, columns, make in _of_file(ONNX_FOLDER, path, size, reference, refused):
            yield ListedNetwork(str(path / name), make, columns)
        return
    names = sorted(glob.glob(reference, recursive=True)) if _PATTERN & set(reference) else [reference]
    files = [name for name in names if name.endswith(".onnx") and Path(name).is_file()]
    if not files:
        raise InputError(_no_network(reference))
    for name in files:
        yield ListedNetwork(name, partial(trace_onnx, Path(name), image_size=size))


def _no_network(reference: str) -> str:
    if reference.endswith(".onnx"):
        return f"{reference}: there is no such file"
    prefix, colon, _ = reference.partition(":")
    if colon:
        return f"{reference!r}: {prefix!r} is unknown{instead(prefix, LIBRARIES)}; give {KINDS}"
    for library in LIBRARIES:
        if reference in list_networks(library):
            return f"{reference!r} is not a file: did you mean '{library}:{reference}'?"
    return (
        f"{reference!r} is neither a file nor a network: give {KINDS}; for an architecture string add --space"
    )


def _of_file(
    known: TableFormat, path: Path, size: ImageSize | None, reference: str, refused: dict[str, str]
) -> Iterator[tuple[str, dict[str, Any], GraphMaker]]:
    """Names, columns and makers of the networks in a file; what is wrong with others goes to ``refused``."""
    assert known.graphs is not None
    problems, seen = Problems(str(path), "skip", _ALL), set()
    given: Iterator[GivenGraph] = known.graphs(path, problems, size)
    for row, columns, make in given:
        if columns["architecture"] in seen:
            problems.add(row, f"the name {columns['architecture']!r:.120} is used twice")
            continue
        seen.add(columns["architecture"])
        labels = {name: value for name, value in columns.items() if name != "architecture"}
        yield columns["architecture"], labels, make
    refused.update({f"{reference}, row {problem.row}": problem.reason for problem in problems.kept})
