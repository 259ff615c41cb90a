"""Lists what a user can read of the package: help, messages, errors, captions.

Read from the source, without running it: every text of more than one word that is no docstring, no pattern
and no annotation, and the docstrings of commands. What is filled in stands in braces. `make strings` writes
the list to docs/strings.txt; a test tells when it is stale.
"""

import ast
import re
import sys
from collections.abc import Collection, Iterator
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
# Modules that hold names of operations alone.
_NAMES_ALONE = {"settings.py", "constants.py", "elementwise.py"}
# Style, script and drawing of pages.
_CODE = re.compile(r"[{};]\s*\n|</|^\s*<\w+ |=\"\{|^--")


def texts(source: str, commands: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Give the kind (help, log, error, text) and words of every text of a module.

    Args:
        source: of the module.
        commands: functions whose docstrings are help of commands.
    """
    tree = ast.parse(source)
    docstrings = {id(node) for node in _docstrings(tree)}
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name in commands:
            yield "help", ast.get_docstring(function) or ""
    yield from _within(tree, "text", docstrings)


def _docstrings(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def _within(node: ast.AST, kind: str, skipped: set[int]) -> Iterator[tuple[str, str]]:
    if id(node) in skipped:
        return
    if isinstance(node, ast.Constant | ast.JoinedStr):
        words = _template(node)
        plain = re.sub(r"\{[^{}]*\}", "", words)
        if _PROSE.search(words) and re.search("[A-Za-z]{2}", plain) and not _CODE.search(words):
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


def _commands(main: str) -> set[str]:
    """Names of the functions behind the commands: all names in what is assigned to COMMANDS."""
    for node in ast.parse(main).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMMANDS":
            return {name.id for name in ast.walk(node.value) if isinstance(name, ast.Name)}
    raise ValueError("main.py has no COMMANDS")


def listing() -> str:
    """Give the whole list."""
    parts = [HEAD]
    commands = _commands((SOURCE / "command_line" / "main.py").read_text(encoding="utf-8"))
    for file in sorted(SOURCE.rglob("*.py")):
        if file.parent.name == "tracing" and file.name in _NAMES_ALONE:
            continue
        own = commands if file.parent.name == "command_line" else ()
        found = dict.fromkeys(texts(file.read_text(encoding="utf-8"), own))
        lines = [f"  {kind:6}{' '.join(words.split())}" for kind, words in found if words.strip()]
        if lines:
            parts.append("\n".join([str(file.relative_to(SOURCE)), *lines]) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    LIST.write_text(listing(), encoding="utf-8")
    sys.stdout.write(f"{LIST.relative_to(PROJECT)}\n")
