"""Lists what a user can read of the package: help, messages, errors, captions.

Read from the source, without running it: every text of more than one word that is no docstring, no pattern
and no annotation, and the docstrings of commands. What is filled in stands in braces. `make strings` writes
the list to docs/strings.txt; a test tells when it is stale.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1]
SOURCE = PROJECT / "src" / "contrastive_nas"
LIST = PROJECT / "docs" / "strings.txt"
HEAD = (
    "What a user can read of contrastive-nas, file by file: help, log lines, errors, and other text.\n"
    "What is filled in stands in braces. Made by `make strings`.\n"
)
# Texts of at least two words.
_PROSE = re.compile(r"[A-Za-z)}%'`\"][,;:.]? +[A-Za-z({'`\"]")
_LOG_CALLS = {"debug", "info", "warning", "error", "exception", "warn", "working", "progress"}
# Calls whose strings are patterns, code, or names of types.
_NO_TEXT_CALLS = {"compile", "fullmatch", "match", "search", "sub", "findall", "finditer", "split", "cast"}
# Style and script of pages.
_CODE = re.compile(r"[{};]\s*\n|</|^\s*<\w+ |=\"\{|^--")


def texts(source: str, *, commands: bool = False) -> Iterator[tuple[str, str]]:
    """Give the kind (help, log, error, text) and words of every text of a module.

    Args:
        source: of the module.
        commands: docstrings of its public functions are help of commands.
    """
    tree = ast.parse(source)
    docstrings = {id(node) for node in _docstrings(tree)}
    if commands:
        for function in tree.body:
            if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
                yield "help", ast.get_docstring(function) or ""
    yield from _within(tree, "text", docstrings)


def _docstrings(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr):
                yield first.value


def _within(node: ast.AST, kind: str, skipped: set[int]) -> Iterator[tuple[str, str]]:
    if id(node) in skipped:
        return
    if isinstance(node, ast.Constant | ast.JoinedStr):
        words = _template(node)
        if _PROSE.search(words) and not _CODE.search(words):
            yield kind, words
        # What is filled in may hold text itself.
        for part in node.values if isinstance(node, ast.JoinedStr) else ():
            if isinstance(part, ast.FormattedValue):
                yield from _within(part.value, kind, skipped)
        return
    if isinstance(node, ast.Raise):
        kind = "error"
    elif isinstance(node, ast.Call):
        called = _last_name(node.func)
        if called in _NO_TEXT_CALLS:
            return
        kind = "log" if called in _LOG_CALLS else "help" if called in ("Option", "Argument") else kind
    for name, value in ast.iter_fields(node):
        annotation = name in ("annotation", "returns") and not _has_help(value)
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, ast.AST) and not annotation:
                yield from _within(child, kind, skipped)


def _has_help(annotation: object) -> bool:
    """Whether an annotation holds calls, such as that of an option; others name types."""
    return isinstance(annotation, ast.AST) and any(
        isinstance(node, ast.Call) for node in ast.walk(annotation)
    )


def _last_name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _template(node: ast.Constant | ast.JoinedStr) -> str:
    """The text in one line, what is filled in by its expression."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(
        _template(part) if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"
        for part in node.values
        if isinstance(part, ast.Constant | ast.FormattedValue)
    )


def listing() -> str:
    """Give the whole list."""
    parts = [HEAD]
    for file in sorted(SOURCE.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        found = dict.fromkeys(texts(source, commands=file.parent.name == "command_line"))
        lines = [f"  {kind:6}{' '.join(words.split())}" for kind, words in found if words.strip()]
        if lines:
            parts.append("\n".join([str(file.relative_to(SOURCE)), *lines]) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    LIST.write_text(listing(), encoding="utf-8")
    sys.stdout.write(f"{LIST.relative_to(PROJECT)}\n")
