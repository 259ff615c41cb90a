"""Which code a function consists of, found by reading it, not by running it."""

import ast
import importlib.util
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from contrastive_nas.execution.hashing import text_digest

PACKAGE = "contrastive_nas"
TARGET = re.compile(r"[A-Za-z_]\w*(\.\w+)+(:\w+)?")
# A module with this function says how nodes are connected, which their inputs say too; it is not their code.
WIRING = "create_pipeline"
# The modules of this process as they were when they were first read.
_LOADED: dict[str, tuple[ModuleType, str]] = {}


@dataclass(frozen=True)
class Closure:
    """Code that a function may run.

    Attributes:
        modules: checksum of the source of each module of the project, by name.
        libraries: top-level names of everything else that is imported, the standard library left out.
        outdated: modules that were edited after this process had imported them, so that what runs is not what
            was read.
    """

    modules: dict[str, str]
    libraries: frozenset[str]
    outdated: frozenset[str]


@dataclass(frozen=True)
class Source:
    """What the source of a module says.

    Attributes:
        checksum: of its text.
        imported: modules that it may import, also inside functions; with the names that it takes from there.
        executed: those imported as soon as it is.
        words: its strings, documentation left out.
        targets: dotted names in strings that may be imported, and the key under which a dictionary has them.
        is_wiring: whether it only connects nodes.
        reads_files: whether it looks for files beside it.
    """

    checksum: str
    imported: frozenset[str]
    executed: frozenset[str]
    words: frozenset[str]
    targets: frozenset[tuple[str | None, str]]
    is_wiring: bool
    reads_files: bool


def closure(module: str, values: Iterable[str]) -> Closure:
    """The code behind a function.

    Args:
        module: where the function is defined.
        values: strings among its parameters. ``path/to/file.py:Class`` and ``package.module:Class`` name
            code, and any may be the key of a dictionary that names code, as this project's registries do.
    """
    walk = _Walk(module.partition(".")[0])
    words = set(values)
    targets: set[tuple[str | None, str]] = set()
    walk.add(module, whole=True)
    for value in words:
        walk.add_value(value)
    # What is reached may name more code, by a dictionary met before: until nothing new is found.
    while walk.fresh:
        source = walk.fresh.pop()
        words |= source.words
        targets |= source.targets
        for key, target in targets:
            if key is None or key in words:
                walk.add_target(target)
    return Closure(dict(sorted(walk.modules.items())), frozenset(walk.libraries), frozenset(walk.outdated))


def source_checksum(module: str) -> str:
    """Checksum of the source of one imported module."""
    file = sys.modules[module].__file__
    assert file is not None
    return text_digest(Path(file).read_bytes())


class _Walk:
    """Follows imports; a package on the way to a module counts with what runs when it is imported."""

    def __init__(self, own: str) -> None:
        self._own = {own, PACKAGE}
        self._whole: set[str] = set()
        self.modules: dict[str, str] = {}
        self.libraries: set[str] = set()
        self.outdated: set[str] = set()
        self.fresh: list[Source] = []

    def add(self, module: str, *, whole: bool) -> bool:
        """Adds a module and what it imports; False where there is no such module."""
        top = module.partition(".")[0]
        place = _location(top, tuple(sys.path))
        if place is None:
            return False
        if top not in self._own and _is_library(place):
            if not _is_standard(place):
                self.libraries.add(top)
            return True
        file = _file_of(module, place)
        if file is None:
            return False
        if "." in module:
            self.add(module.rpartition(".")[0], whole=False)
        self._add_source(
            module, module if file.name == "__init__.py" else module.rpartition(".")[0], file, whole
        )
        return True

    def add_value(self, value: str) -> None:
        """Adds what a parameter names, if it names code."""
        name, separator, _ = value.rpartition(":")
        if separator and name.endswith(".py") and Path(name).is_file():
            self._add_source(f"file {name}", "", Path(name), True)
        elif separator and TARGET.fullmatch(value):
            self.add(name, whole=True)

    def add_target(self, target: str) -> None:
        """Adds the module of ``package.module:Class``, ``package.module`` or ``package.module.Class``."""
        module = target.partition(":")[0]
        if module.partition(".")[0] in self._own and not self.add(module, whole=True):
            self.add(module.rpartition(".")[0], whole=True)

    def _add_source(self, name: str, package: str, file: Path, whole: bool) -> None:
        if name in self._whole or (name in self.modules and not whole):
            return
        stat = file.stat()
        source = _source(file, package, (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size))
        if source.is_wiring:
            return
        self.modules[name] = source.checksum
        if source.reads_files:
            self.modules[f"files beside {name}"] = _data_checksum(file.parent)
        if _runs_otherwise(name, source.checksum):
            self.outdated.add(name)
        if whole:
            self._whole.add(name)
            self.fresh.append(source)
        for imported in source.imported if whole else source.executed:
            # ``from package import name``: the name may be a module or something inside the package.
            if not self.add(imported, whole=True) and file.parent.joinpath(f"{imported}.py").is_file():
                self._add_source(f"file {imported}.py", "", file.parent / f"{imported}.py", True)


@cache
def _location(top: str, _search_path: tuple[str, ...]) -> Path | None:
    """Where a top-level module lies; None where there is none."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.has_location and spec.origin else Path(sysconfig.get_path("stdlib"))


@cache
def _is_library(place: Path) -> bool:
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return any(place.is_relative_to(folder) for folder in folders)


@cache
def _is_standard(place: Path) -> bool:
    installed = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    return not any(place.is_relative_to(folder) for folder in installed)


@cache
def _file_of(module: str, place: Path) -> Path | None:
    inner = module.split(".")[1:]
    if place.is_file():
        return None if inner else place
    package = place.joinpath(*inner)
    candidates = [package / "__init__.py", package.with_suffix(".py")]
    return next((file for file in candidates if file.is_file()), None)


def _data_checksum(folder: Path) -> str:
    files = sorted(
        file for file in folder.rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")
    )
    return text_digest(
        "".join(f"{file.relative_to(folder)} {text_digest(file.read_bytes())}\n" for file in files)
    )


def _runs_otherwise(module: str, checksum: str) -> bool:
    """Whether this process still runs another text of a module, as a notebook does after an edit."""
    loaded = sys.modules.get(module)
    if loaded is None:
        return False
    first = _LOADED.setdefault(module, (loaded, checksum))
    if first[0] is not loaded:
        first = _LOADED[module] = (loaded, checksum)
    return first[1] != checksum


@cache
def _source(file: Path, package: str, stat: tuple[int, ...]) -> Source:
    text = file.read_bytes()
    tree = ast.parse(text, str(file))
    reader = _Reader(package)
    reader.visit(tree)
    return Source(
        checksum=text_digest(text),
        imported=frozenset(reader.imported),
        executed=frozenset(reader.executed),
        words=frozenset(reader.words),
        targets=frozenset(reader.targets),
        is_wiring=any(isinstance(item, ast.FunctionDef) and item.name == WIRING for item in tree.body),
        reads_files=reader.reads_files or "importlib.resources" in reader.imported,
    )


class _Reader(ast.NodeVisitor):
    """Collects imports and strings of one module."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._depth = 0
        self.imported: set[str] = set()
        self.executed: set[str] = set()
        self.words: set[str] = set()
        self.targets: set[tuple[str | None, str]] = set()
        self.reads_files = False

    def visit_Name(self, node: ast.Name) -> None:
        self.reads_files |= node.id == "__file__"

    def visit_Import(self, node: ast.Import) -> None:
        self._add(alias.name for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            parents = self._package.split(".")
            kept = parents[: len(parents) - node.level + 1]
            base = ".".join([*kept, *([node.module] if node.module else [])])
        self._add([base, *(f"{base}.{alias.name}" for alias in node.names)])

    def visit_If(self, node: ast.If) -> None:
        # What only type checkers import does not run.
        if ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for child in node.orelse:
                self.visit(child)
            return
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(value, ast.Constant) and _is_target(value.value):
                self.targets.add((str(key.value), str(value.value)))
                continue
            for child in (key, value):
                if child is not None:
                    self.visit(child)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.words.add(node.value)
            if _is_target(node.value):
                self.targets.add((None, node.value))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._inside(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._inside(node)

    def _inside(self, node: ast.AST) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    def _add(self, names: Iterable[str]) -> None:
        names = set(names)
        self.imported |= names
        if not self._depth:
            self.executed |= names


def _is_target(value: object) -> bool:
    return isinstance(value, str) and TARGET.fullmatch(value) is not None


def strings_in(value: object) -> Iterator[str]:
    """All strings of a nest of dictionaries and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings_in(key)
            yield from strings_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings_in(item)
