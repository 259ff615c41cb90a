"""What the source of one module says about the code that it may run."""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from contrastive_nas.execution.hashing import text_digest

TARGET = re.compile(r"[A-Za-z_]\w*(\.\w+)+(:\w+)?")
# A module with this function says how nodes are connected, which their inputs say too; it is not their code.
WIRING = "create_pipeline"
# The part of a module that runs when it is imported.
TOP = ""


@dataclass
class CodePart:
    """A function or class of a module, or all that stands outside them.

    Attributes:
        imported: modules that it may import, also inside functions; with the names that it takes from there.
        words: its strings, documentation left out.
        targets: dotted names in strings that may be imported, and the key under which a dictionary has them.
        names: what it refers to.
    """

    imported: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    targets: set[tuple[str | None, str]] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class ModuleSource:
    """A module.

    Attributes:
        checksum: of its text.
        parts: by name.
        whole: all of them together.
        executed: modules that are imported as soon as it is.
        is_wiring: whether it only connects nodes.
        reads_files: whether it looks for files beside it.
    """

    checksum: str
    parts: Mapping[str, CodePart]
    whole: CodePart
    executed: frozenset[str]
    is_wiring: bool
    reads_files: bool

    def reached(self, entry: str | None = None) -> CodePart:
        """Return everything that may run when ``entry`` is called; all of the module without one.

        A function counts as called where its name is mentioned.
        """
        if entry is None or entry not in self.parts:
            return self.whole
        found = {TOP, entry}
        while True:
            part = _joined(self.parts[name] for name in found)
            more = (part.names & self.parts.keys()) - found
            if not more:
                return part
            found |= more


@cache
def read_source(file: Path, package: str, _state: tuple[int, ...]) -> ModuleSource:
    """Read a module.

    Args:
        package: that it is in, for its relative imports.
        _state: of the file; another state means another text.
    """
    text = file.read_bytes()
    tree = ast.parse(text, str(file))
    parts: dict[str, CodePart] = {TOP: CodePart()}
    executed: set[str] = set()
    reads_files = False
    for statement in tree.body:
        name = statement.name if isinstance(statement, DEFINITIONS) else TOP
        reader = _Reader(package, parts.setdefault(name, CodePart()), executed)
        reader.visit(statement)
        reads_files |= reader.reads_files
    whole = _joined(parts.values())
    return ModuleSource(text_digest(text), parts, whole, frozenset(executed), WIRING in parts, reads_files)


DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Reader(ast.NodeVisitor):
    """Collects imports, strings and names of one part."""

    def __init__(self, package: str, part: CodePart, executed: set[str]) -> None:
        self._package = package
        self._part = part
        self._executed = executed
        self._depth = 0
        self.reads_files = False

    def visit_Name(self, node: ast.Name) -> None:
        self._part.names.add(node.id)
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
                self._part.targets.add((str(key.value), str(value.value)))
                continue
            for child in (key, value):
                if child is not None:
                    self.visit(child)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._part.words.add(node.value)
            if _is_target(node.value):
                self._part.targets.add((None, node.value))

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
        self._part.imported |= names
        self.reads_files |= "importlib.resources" in names
        if not self._depth:
            self._executed |= names


def _joined(parts: Iterable[CodePart]) -> CodePart:
    whole = CodePart()
    for part in parts:
        whole.imported |= part.imported
        whole.words |= part.words
        whole.targets |= part.targets
        whole.names |= part.names
    return whole


def _is_target(value: object) -> bool:
    return isinstance(value, str) and TARGET.fullmatch(value) is not None
