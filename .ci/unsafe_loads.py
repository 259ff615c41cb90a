"""Refuses what would run code from a file: unpickling, unsafe YAML, evaluation, shells.

Ruff's rules look at direct calls only and know neither torch nor numpy nor pandas.

    python .ci/unsafe_loads.py FOLDER ...
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

# An unpickler with an allow-list is a class that overrides find_class; only its own module may name pickle.
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
LOADERS = {"load", "loads", "Unpickler", "open"}
EVALUATORS = {"eval", "exec"}


def problems(path: Path) -> Iterator[tuple[int, str]]:
    """Line and reason of everything unsafe in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    imports = [alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    pickles = {alias.asname or alias.name for alias in imports if alias.name in PICKLES}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in PICKLES:
            for alias in node.names:
                if alias.name in LOADERS:
                    yield node.lineno, f"{alias.name} of {node.module} runs code from the file"
        if isinstance(node, ast.Call):
            reason = _call_problem(node, pickles)
            if reason:
                yield node.lineno, reason


def _call_problem(call: ast.Call, pickles: set[str]) -> str | None:
    name = ast.unparse(call.func)
    owner, _, function = name.rpartition(".")
    keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if owner in pickles and function in LOADERS - {"Unpickler"}:
        return f"{name} runs code from the file"
    if name == "torch.load" and keywords.get("weights_only") != "True":
        return "torch.load without weights_only=True runs code from the file"
    if function in ("load", "full_load", "unsafe_load", "load_all") and owner == "yaml":
        return f"{name} makes any object: use yaml.safe_load"
    if not owner and function in EVALUATORS:
        return f"{name} runs its argument"
    if keywords.get("shell") == "True" or name in ("os.system", "os.popen"):
        return f"{name} goes through a shell"
    if keywords.get("allow_pickle") == "True" or function == "read_pickle":
        return f"{name} runs code from the file"
    return None


def main(folders: list[str]) -> int:
    """Prints what is unsafe; 1 if anything is."""
    files = sorted(file for folder in folders for file in Path(folder).rglob("*.py"))
    found = [f"{file}:{line}: {reason}" for file in files for line, reason in problems(file)]
    sys.stdout.write("".join(f"{line}\n" for line in found))
    sys.stdout.write(f"{len(files)} files looked at, {len(found)} unsafe calls\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
