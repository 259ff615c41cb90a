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
from contrastive_nas.execution.source import TARGET, CodePart, read_source

PACKAGE = "contrastive_nas"
INIT = "__init__.py"
INSTALLED = {"site-packages", "dist-packages"}
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
    """Return the code behind a function.

    Args:
        module: where the function is defined. What its other functions import does not count unless the
            function mentions them.
        values: strings among its parameters. ``path/to/file.py:Class`` and ``package.module:Class`` name
            code, and any may be the key of a dictionary that names code, as this project's registries do.
    """
    walk = _ImportWalk(module.partition(".")[0])
    words = set(values)
    targets: set[tuple[str | None, str]] = set()
    walk.add(module, entry=function.partition(".")[0])
    for value in words:
        walk.add_value(value)
    # What is reached may name more code, by a dictionary met before: until nothing new is found.
    for part in walk.parts():
        words |= part.words
        targets |= part.targets
        for key, target in targets:
            if key is None or key in words:
                walk.add_target(target)
    return Closure(dict(sorted(walk.modules.items())), frozenset(walk.libraries), frozenset(walk.outdated))


def source_checksum(module: str) -> str:
    """Return checksum of the source of one imported module."""
    file = sys.modules[module].__file__
    assert file is not None
    return text_digest(Path(file).read_bytes())


@dataclass(frozen=True)
class _Task:
    """A module to read: all that it may import, or only what is imported when it is."""

    name: str
    package: str
    file: Path
    whole: bool = True
    entry: str | None = None


class _ImportWalk:
    """Follows imports; a package on the way to a module counts with what runs when it is imported."""

    def __init__(self, own: str) -> None:
        self._own = {own, PACKAGE}
        self._tasks: list[_Task] = []
        self._done: set[_Task] = set()
        self._added: dict[tuple[str, bool, str | None], bool] = {}
        self.modules: dict[str, str] = {}
        self.libraries: set[str] = set()
        self.outdated: set[str] = set()

    def parts(self) -> Iterator[CodePart]:
        """Reads one module after another, also those that are added meanwhile."""
        while self._tasks:
            task = self._tasks.pop()
            if task not in self._done:
                self._done.add(task)
                yield self._read(task)

    def add(self, module: str, *, whole: bool = True, entry: str | None = None) -> bool:
        """Adds a module, or what its function ``entry`` runs; False where there is no such module."""
        key = module, whole, entry
        if key not in self._added:
            self._added[key] = self._add(module, whole, entry)
        return self._added[key]

    def _add(self, module: str, whole: bool, entry: str | None) -> bool:
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
        parent = module.rpartition(".")[0]
        if parent:
            self.add(parent, whole=False)
        self._tasks.append(_Task(module, module if file.name == INIT else parent, file, whole, entry))
        return True

    def add_value(self, value: str) -> None:
        """Adds what a parameter names, if it names code."""
        name, separator, _ = value.rpartition(":")
        if separator and name.endswith(".py") and Path(name).is_file():
            self._tasks.append(_Task(f"file {name}", "", Path(name)))
        elif separator and TARGET.fullmatch(value):
            self.add(name)

    def add_target(self, target: str) -> None:
        """Adds the module of ``package.module:Class``, ``package.module`` or ``package.module.Class``.

        The name of a package that is a program counts as its start, as in ``python -m package``.
        """
        module = target.partition(":")[0]
        if module.partition(".")[0] not in self._own:
            return
        if not self.add(module):
            self.add(module.rpartition(".")[0])
        elif module == target:
            self.add(f"{module}.__main__")

    def _read(self, task: _Task) -> CodePart:
        stat = task.file.stat()
        source = read_source(task.file, task.package, (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size))
        if source.is_wiring:
            return CodePart()
        self.modules[task.name] = source.checksum
        if source.reads_files:
            self.modules[f"files beside {task.name}"] = _data_checksum(task.file.parent)
        if _runs_otherwise(task.name, source.checksum):
            self.outdated.add(task.name)
        part = source.reached(task.entry) if task.whole else CodePart(imported=set(source.executed))
        for imported in part.imported:
            # ``from package import name``: the name may be a module or something inside the package.
            if not self.add(imported) and "." not in imported:
                beside = task.file.parent / f"{imported}.py"
                if beside.is_file():
                    self._tasks.append(_Task(f"file {beside}", "", beside))
        return part


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
    return _is_standard(place) or bool(INSTALLED & set(place.parts))


@cache
def _is_standard(place: Path) -> bool:
    folders = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    return not INSTALLED & set(place.parts) and any(place.is_relative_to(folder) for folder in folders)


@cache
def _file_of(module: str, place: Path) -> Path | None:
    inner = module.split(".")[1:]
    if place.is_file():
        return None if inner else place
    package = place.joinpath(*inner)
    candidates = [package / INIT, package.with_suffix(".py")]
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
    """Yield all strings of a nest of dictionaries and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings_in(key)
            yield from strings_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings_in(item)
