"""Features of NAS-Bench-101 cells by their paths from input to output."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.spaces.nasbench101_cells import MAX_VERTICES, OPERATIONS, Cell, parse

_BASE = len(OPERATIONS) + 1
_SEQUENCES = _BASE ** (MAX_VERTICES - 2)


def cell_features(space: SearchSpace, architectures: Sequence[str]) -> NDArray[np.float64]:
    """Return operation counts; number and lengths of paths; operations on a path; degrees; the direct edge.

    Lengths, and numbers of each operation on a path, are given as largest, smallest and mean over all paths.

    Returns:
        float64, architectures x 19.
    """
    return np.array([_features(parse(architecture)) for architecture in architectures])


def sequence_counts(space: SearchSpace, architectures: Sequence[str]) -> NDArray[np.float64]:
    """Return how many paths of a cell have each sequence of operations.

    Returns:
        float64, architectures x 1,024, columns of sequences that do not exist being 0.
    """
    counts = np.zeros((len(architectures), _SEQUENCES))
    for row, architecture in enumerate(architectures):
        cell = parse(architecture)
        for path in _paths(cell, len(cell) - 1):
            code = 0
            for vertex in path[1:-1]:
                code = code * _BASE + 1 + cell.labels[vertex - 1]
            counts[row, code] += 1
    return counts


def _features(cell: Cell) -> list[float]:
    output = len(cell) - 1
    paths = _paths(cell, output)
    kinds = np.arange(len(OPERATIONS))
    labels = np.array(cell.labels)
    on_path = np.array([(labels[np.array(path[1:-1], int) - 1, None] == kinds).sum(axis=0) for path in paths])
    quantities = np.concatenate([on_path.sum(axis=1, keepdims=True), on_path], axis=1)
    return [
        *(labels[:, None] == kinds).sum(axis=0),
        len(paths),
        *quantities.max(axis=0),
        *quantities.min(axis=0),
        *quantities.mean(axis=0),
        sum(0 in sources for sources in cell.sources),
        len(cell.sources[output]),
        0 in cell.sources[output],
    ]


def _paths(cell: Cell, vertex: int) -> list[list[int]]:
    """All paths from the input to ``vertex``."""
    if vertex == 0:
        return [[0]]
    return [[*path, vertex] for source in cell.sources[vertex] for path in _paths(cell, source)]
