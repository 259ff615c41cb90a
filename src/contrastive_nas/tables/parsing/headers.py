"""Names of columns as people write them, and the names that the tidy table has for them."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from contrastive_nas.tables.base import is_accuracy

ARCHITECTURE = "architecture"
# What public tables call that column; taken where no column has its proper name.
SPACE = "space"
_SYNONYMS = ("arch", "architectures", "arch_str")
# Alike enough that a slip of the pen is likelier than another word.
_LEAST_LIKENESS = 0.75


def renamed(columns: Iterable[object], wanted: Iterable[str] = ()) -> dict[str, str]:
    """Return new names of the columns whose meaning is sure although they are written otherwise.

    ``Architecture`` and ``arch`` are ``architecture`` unless that is there already; ``CIFAR10 test accuracy``
    is ``cifar10_test_accuracy``, and a column of one of the ``wanted`` names in other letters is that column.
    """
    names = [str(column) for column in columns]
    found: dict[str, str] = {}
    if ARCHITECTURE not in names:
        folded = {_folded(name): name for name in reversed(names)}
        meant = next((folded[word] for word in (ARCHITECTURE, *_SYNONYMS) if word in folded), None)
        if meant is not None:
            found[meant] = ARCHITECTURE
    by_folded = {_folded(name): name for name in (SPACE, *wanted)}
    for name in names:
        new = by_folded.get(_folded(name), name)
        if new == name and not is_accuracy(name) and is_accuracy(_folded(name)):
            new = _folded(name)
        if new not in names and new not in found.values():
            found[name] = new
    return found


def ambiguous(columns: Iterable[object]) -> list[str]:
    """Return the first columns that would all get one name, none of them having it already; else empty."""
    names = [str(column) for column in columns]
    meant: dict[str, list[str]] = {}
    for name in names:
        new = _folded(name)
        if (new == ARCHITECTURE or is_accuracy(new)) and new not in names:
            meant.setdefault(new, []).append(name)
    return next((alike for alike in meant.values() if len(alike) > 1), [])


def alike(name: str, columns: Iterable[object]) -> str:
    """Return the column that ``name`` means: itself, or the only one that differs in capitals and blanks
    alone.

    Where there is none it is ``name``.
    """
    names = [str(column) for column in columns]
    found = [other for other in names if _folded(other) == _folded(name)]
    return found[0] if name not in names and len(found) == 1 else name


def question(columns: Iterable[object]) -> str:
    """Return ``; did you mean 'archtecture'?`` where a name is like ``architecture``; else nothing."""
    folded = {_folded(str(column)): str(column) for column in columns}
    close = get_close_matches(ARCHITECTURE, folded, n=1, cutoff=_LEAST_LIKENESS)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""


def accuracy_question(columns: Iterable[object]) -> str:
    """Return ``; did you mean 'test_acc'?`` where a column's name speaks of accuracy; else nothing."""
    close = [str(column) for column in columns if re.search(r"(?i)acc|top.?1", str(column))]
    return f"; did you mean {close[0]!r}? Rename it to <dataset>_<split>_accuracy" if close else ""


def _folded(name: str) -> str:
    return re.sub(r"[\s.-]+", "_", name.strip().lower())
