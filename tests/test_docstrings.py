"""First lines of public functions say in the imperative what the function does."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"


def public(node: ast.AST) -> Iterator[ast.FunctionDef]:
    """Give functions and methods without a leading underscore in their names or in those of their classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from public(child)
        elif isinstance(child, ast.FunctionDef) and not child.name.startswith("_"):
            yield child


def test_public_functions_are_described_in_the_imperative() -> None:
    """Ruff's rule holds for private functions too, whose first lines may name what they give."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--select",
        "D401",
        "--output-format",
        "json",
        "--isolated",
    ]
    done = subprocess.run([*command, str(SOURCE)], capture_output=True, text=True, check=False)
    found: dict[Path, set[int]] = {}
    for problem in json.loads(done.stdout):
        found.setdefault(Path(problem["filename"]), set()).add(problem["location"]["row"])
    wrong = [
        f"{file.relative_to(SOURCE)}:{function.lineno} {function.name}"
        for file, rows in found.items()
        for function in public(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(function.body[0], ast.Expr) and function.body[0].lineno in rows
    ]
    assert wrong == []
