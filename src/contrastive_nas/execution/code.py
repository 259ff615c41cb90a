"""Which code a function consists of, found by reading it, not by running it."""

import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from contrastive_nas.execution.hashing import text_digest
from contrastive_nas.execution.source import TARGET, Part, read_source

PACKAGE = "contrastive_nas"
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


def closure(module: str, function: str, values: Iterable[str]) -> Closure:
    """The code behind a function.

    Args:
        module: where the function is defined. What its other functions import does not count unless the
            function mentions them.
        values: strings among its parameters. ``path/to/file.py:Class`` and ``package.module:Class`` name
            code, and any may be the key of a dictionary that names code, as this project's registries do.
    """
    walk = _Walk(module.partition(".")[0])
    words = set(values)
    targets: set[tuple[str | None, str]] = set()
    walk.add(module, whole=True, entry=function.partition(".")[0])
    for value in words:
        walk.add_value(value)
    # What is reached may name more code, by a dictionary met before: until nothing new is found.
    while walk.fresh:
        part = walk.fresh.pop()
        words |= part.words
        targets |= part.targets
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
        self.fresh: list[Part] = []

    def add(self, module: str, *, whole: bool, entry: str | None = None) -> bool:
        """Adds a module and what it, or its ``entry``, imports; False where there is no such module."""
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
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        self._add_source(module, package, file, whole, entry)
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

    def _add_source(self, name: str, package: str, file: Path, whole: bool, entry: str | None = None) -> None:
        if name in self._whole or (name in self.modules and not whole):
            return
        stat = file.stat()
        source = read_source(file, package, (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size))
        if source.is_wiring:
            return
        self.modules[name] = source.checksum
        if source.reads_files:
            self.modules[f"files beside {name}"] = _data_checksum(file.parent)
        if _runs_otherwise(name, source.checksum):
            self.outdated.add(name)
        part = source.reached(entry)
        if whole:
            if entry is None:
                self._whole.add(name)
            self.fresh.append(part)
        for imported in part.imported if whole else source.executed:
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
    inside = sorted(file for file in folder.rglob("*") if file.is_file())
    lines = [
        f"{file.relative_to(folder)} {text_digest(file.read_bytes())}"
        for file in inside
        if file.suffix not in (".py", ".pyc")
    ]
    return text_digest("\n".join(lines))


def _runs_otherwise(module: str, checksum: str) -> bool:
    """Whether this process still runs another text of a module, as a notebook does after an edit."""
    loaded = sys.modules.get(module)
    if loaded is None:
        return False
    first = _LOADED.setdefault(module, (loaded, checksum))
    if first[0] is not loaded:
        first = _LOADED[module] = (loaded, checksum)
    return first[1] != checksum


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
