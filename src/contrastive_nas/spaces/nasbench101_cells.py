"""Cells of NAS-Bench-101: spelling, pruning, the benchmark's hash, and the list of all of them.

Source: Ying et al., NAS-Bench-101: Towards Reproducible Neural Architecture Search, ICML 2019, section 2 and
appendix S1.
"""

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.spaces.foreign import check_text, indices

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
INPUT, OUTPUT = "input", "output"
MAX_VERTICES = 7
MAX_EDGES = 9
# NASLib's numbers of the operations (``nasbench101/conversions.py`` there).
_NASLIB_OPERATIONS = (INPUT, OUTPUT, "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")
_FORM = f"{INPUT},<operation>,...,{OUTPUT}"
_CHARACTERS_SHOWN = 60
_LABELS = {operation: label for label, operation in enumerate(OPERATIONS)}
_INPUT_LABEL, _OUTPUT_LABEL = -1, -2


@dataclass(frozen=True)
class Cell:
    """A directed acyclic graph of operations whose vertices all lie on a path from the first to the last.

    Attributes:
        labels: per inner vertex the number of its operation in ``OPERATIONS``.
        sources: per vertex the vertices that it reads, ascending and lower than itself.
    """

    labels: tuple[int, ...]
    sources: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.sources)

    def __str__(self) -> str:
        operations = [INPUT, *(OPERATIONS[label] for label in self.labels), OUTPUT]
        size = len(self)
        matrix = ["0"] * (size * size)
        for target, sources in enumerate(self.sources):
            for source in sources:
                matrix[source * size + target] = "1"
        return f"{','.join(operations)}/{''.join(matrix)}"

    @property
    def edge_count(self) -> int:
        """Number of edges."""
        return sum(map(len, self.sources))

    def module_hash(self) -> str:
        """Return the benchmark's own name of the cell, equal for isomorphic cells.

        Every vertex starts as md5 of (out-degree, in-degree, label), with labels -1 for the input and -2 for
        the output; as many times as there are vertices it becomes md5 of its sorted predecessors, its sorted
        successors and itself. The name is md5 of the sorted list of vertices.
        """
        targets: list[list[int]] = [[] for _ in self.sources]
        for target, sources in enumerate(self.sources):
            for source in sources:
                targets[source].append(target)
        labels = (_INPUT_LABEL, *self.labels, _OUTPUT_LABEL)
        names = [
            _md5(f"({len(after)}, {len(before)}, {label})")
            for after, before, label in zip(targets, self.sources, labels, strict=True)
        ]
        for _ in names:
            names = [
                _md5(f"{_joined(names, before)}|{_joined(names, after)}|{own}")
                for before, after, own in zip(self.sources, targets, names, strict=True)
            ]
        return _md5(str(sorted(names)))


def _joined(names: list[str], vertices: Sequence[int]) -> str:
    return "".join(sorted([names[vertex] for vertex in vertices]))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def pruned(labels: Sequence[int], sources: Sequence[Sequence[int]]) -> Cell | None:
    """Return the cell without vertices that are on no path from input to output; None where there is no such
    path.

    Args:
        labels: as in :class:`Cell`, of all inner vertices.
        sources: as in :class:`Cell`; vertices may lack sources or be read by nobody.
    """
    last = len(sources) - 1
    fed = {0}
    for target, read in enumerate(sources):
        if not fed.isdisjoint(read):
            fed.add(target)
    used = {last}
    for target in range(last, 0, -1):
        if target in used:
            used.update(sources[target])
    kept = sorted(fed & used)
    if last not in fed:
        return None
    numbers = {vertex: number for number, vertex in enumerate(kept)}
    return Cell(
        tuple(labels[vertex - 1] for vertex in kept[1:-1]),
        tuple(tuple(sorted(numbers[s] for s in sources[vertex] if s in numbers)) for vertex in kept),
    )


def parse(architecture: str) -> Cell:
    """Return the cell that a string spells.

    Raises:
        InputError: wrong form, wrong matrix, cycle, too many vertices or edges, unknown operation, or
            vertices that are on no path from input to output.
    """
    check_text("nasbench101", architecture)
    names, separator, matrix = architecture.partition("/")
    operations = names.split(",")
    if not separator:
        raise _refusal(architecture, f"the form is {_FORM}/<matrix>")
    # An architecture has no edges but those that count; elsewhere some may go with vertices that do not.
    if matrix.count("1") > MAX_EDGES:
        raise _refusal(architecture, _too_many_edges(matrix.count("1")))
    try:
        cell = read(operations, matrix)
    except InputError as error:
        raise _refusal(architecture, str(error)) from None
    if len(cell) < len(operations):
        raise _refusal(
            architecture,
            f"{len(operations) - len(cell)} vertices lie on no path from input to output: leave them out",
        )
    return cell


def from_indices(given: object) -> str | None:
    """Return the string of a cell as NASLib writes it, n x n zeros and ones, then n operations; None if it
    is none.

    Raises:
        InputError: it has that form, but is no cell of the benchmark.
    """
    sizes = {n * n + n: n for n in range(2, MAX_VERTICES + 1)}
    vertices = sizes.get(len(given), 0) if isinstance(given, tuple | list) else 0
    chosen = indices(given, vertices * vertices + vertices, len(_NASLIB_OPERATIONS)) if vertices else None
    if chosen is None or max(chosen[:-vertices]) > 1:
        return None
    operations = [_NASLIB_OPERATIONS[index] for index in chosen[-vertices:]]
    return str(read(operations, "".join(map(str, chosen[:-vertices]))))


def read(operations: Sequence[str], matrix: str) -> Cell:
    """Return the cell of labelled vertices, without those that are on no path from input to output.

    Args:
        operations: labels of the vertices, input first, output last.
        matrix: row-major adjacency of as many vertices, zeros and ones.

    Raises:
        InputError: sizes do not fit, an operation is unknown, there is a cycle, vertices are not in
            topological order, no path leads from input to output, or too many edges are on such paths.
    """
    size = len(operations)
    if size < 2 or operations[0] != INPUT or operations[-1] != OUTPUT:
        raise InputError(f"the form is {_FORM}, not {_shortened(','.join(operations))}")
    if size > MAX_VERTICES:
        raise InputError(f"{size} vertices, at most {MAX_VERTICES} are allowed")
    if len(matrix) != size * size or matrix.strip("01"):
        raise InputError(
            f"{size} vertices need a matrix of {size * size} digits 0 or 1, not {_shortened(matrix)}"
        )
    try:
        labels = [_LABELS[operation] for operation in operations[1:-1]]
    except KeyError as error:
        raise InputError(
            f"unknown operation {_shortened(error.args[0])}, known are {', '.join(OPERATIONS)}"
        ) from None
    sources = [
        [source for source, digit in enumerate(matrix[target::size]) if digit == "1"]
        for target in range(size)
    ]
    if any(read and read[-1] >= target for target, read in enumerate(sources)):
        raise InputError(
            "the matrix has a cycle" if _is_cyclic(sources) else "vertices are not in topological order"
        )
    cell = pruned(labels, sources)
    if cell is None:
        raise InputError("the output is not connected to the input")
    if cell.edge_count > MAX_EDGES:
        raise InputError(_too_many_edges(cell.edge_count))
    return cell


def _too_many_edges(count: int) -> str:
    return f"{count} edges, at most {MAX_EDGES} are allowed"


def _shortened(text: str) -> str:
    return repr(text[:_CHARACTERS_SHOWN])


def _refusal(architecture: str, reason: str) -> InputError:
    return InputError(f"nasbench101: {architecture!r}: {reason}")


def _is_cyclic(sources: Sequence[Sequence[int]]) -> bool:
    left = set(range(len(sources)))
    while ready := {vertex for vertex in left if left.isdisjoint(sources[vertex])}:
        left -= ready
    return bool(left)


def every_cell() -> Iterator[str]:
    """Yield one spelling of every cell up to isomorphism: 423,624 in a fixed order.

    Matrices are listed as bit patterns, grouped by their smallest renumbering; operations are given to one
    matrix of every group, once per orbit of its automorphisms.
    """
    for size in range(2, MAX_VERTICES + 1):
        yield from _cells_of_size(size)


def _cells_of_size(size: int) -> Iterator[str]:
    pairs = list(itertools.combinations(range(size), 2))
    inner = range(1, size - 1)
    permutations = [(0, *p, size - 1) for p in itertools.permutations(inner)]
    edges = _connected_matrices(pairs, size)
    codes = [_renumbered(edges, pairs, permutation, size) for permutation in permutations]
    _, representatives = np.unique(np.minimum.reduce(codes), return_index=True)
    representatives.sort()
    labelings = np.array(list(itertools.product(range(len(OPERATIONS)), repeat=len(inner))), dtype=np.int64)
    spellings = [
        ",".join([INPUT, *(OPERATIONS[label] for label in row), OUTPUT]) for row in labelings.tolist()
    ]
    weights = len(OPERATIONS) ** np.arange(len(inner))
    for representative in representatives.tolist():
        own = codes[0][representative]
        same = [p for p, code in zip(permutations, codes, strict=True) if code[representative] == own]
        moved = np.array([labelings[:, np.array(p[1:-1], dtype=np.int64) - 1] @ weights for p in same])
        digits = ["0"] * (size * size)
        for number, (source, target) in enumerate(pairs):
            digits[source * size + target] = str(int(edges[number, representative]))
        matrix = "".join(digits)
        for row in np.flatnonzero(moved[0] == moved.min(axis=0)).tolist():
            yield f"{spellings[row]}/{matrix}"


def _connected_matrices(pairs: list[tuple[int, int]], size: int) -> NDArray[np.bool_]:
    """Which pairs of vertices (rows) are joined, in all matrices (columns) without loose vertices."""
    patterns = np.arange(1 << len(pairs), dtype=np.int64)
    patterns = patterns[np.bitwise_count(patterns) <= MAX_EDGES]
    edges = np.array([(patterns >> number) & 1 for number in range(len(pairs))], dtype=bool)
    fed, used = np.zeros((2, size, len(patterns)), dtype=bool)
    fed[0] = used[-1] = True
    # Pairs ascend by source, so that a vertex is complete before it is read, in both directions.
    for edge, (source, target) in zip(edges, pairs, strict=True):
        fed[target] |= fed[source] & edge
    for edge, (source, target) in zip(edges[::-1], pairs[::-1], strict=True):
        used[source] |= used[target] & edge
    return edges[:, (fed & used).all(axis=0)]


def _renumbered(
    edges: NDArray[np.bool_], pairs: list[tuple[int, int]], permutation: Sequence[int], size: int
) -> NDArray[np.int64]:
    """The matrices as numbers after vertex v has become ``permutation[v]``."""
    code = np.zeros(edges.shape[1], dtype=np.int64)
    for edge, (source, target) in zip(edges, pairs, strict=True):
        code |= edge.astype(np.int64) << (permutation[source] * size + permutation[target])
    return code
