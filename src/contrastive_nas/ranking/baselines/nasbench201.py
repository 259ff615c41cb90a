"""Features of NAS-Bench-201 cells by their four paths from input to output."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.spaces.nasbench201 import EDGES, OPERATIONS

_PATHS = (((0, 3),), ((0, 1), (1, 3)), ((0, 2), (2, 3)), ((0, 1), (1, 2), (2, 3)))
_COUNTED = ("nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_SEQUENCES = 4**3


def cell_features(space: SearchSpace, architectures: Sequence[str]) -> NDArray[np.float64]:
    """Return counts of operation sequences along the paths, and twelve summaries of the paths.

    Identities are dropped from a path, and paths with a zero are dropped. The summaries: number of paths,
    most operations, most 3x3 and most convolutions on a path, operations of each kind on all paths together
    and on all edges that a path takes, fewest poolings on a path, and whether a path is bare.

    Returns:
        float64, architectures x 76, columns of sequences that do not exist being 0.
    """
    cells = np.array([space.encode(architecture) for architecture in architectures]).reshape(-1, len(EDGES))
    open_path, sequence, counts = zip(*(_follow(cells, path) for path in _PATHS), strict=True)
    exists = np.stack(open_path, axis=1)
    kinds = np.stack(counts, axis=1) * exists[:, :, None]
    lengths = kinds.sum(axis=2)
    sequences = np.zeros((len(cells), _SEQUENCES))
    for present, code in zip(open_path, sequence, strict=True):
        np.add.at(sequences, (np.flatnonzero(present), code[present]), 1)
    pools = np.where(exists, kinds[:, :, 2], len(_PATHS)).min(axis=1)
    summaries = [
        exists.sum(axis=1),
        lengths.max(axis=1),
        kinds[:, :, 1].max(axis=1),
        kinds[:, :, :2].sum(axis=2).max(axis=1),
        *kinds.sum(axis=1).T,
        *_on_edges(cells, exists).T,
        pools,
        (exists & (lengths == 0)).any(axis=1),
    ]
    return np.concatenate([sequences, np.stack(summaries, axis=1)], axis=1)


def _on_edges(cells: NDArray[np.int64], exists: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Operations of each kind on edges that an open path takes, every edge once: cells x kinds."""
    taken = np.stack([exists[:, [edge in path for path in _PATHS]].any(axis=1) for edge in EDGES], axis=1)
    operations = np.array(OPERATIONS)[cells]
    return np.stack([((operations == name) & taken).sum(axis=1) for name in _COUNTED], axis=1)


def _follow(
    cells: NDArray[np.int64], path: Sequence[tuple[int, int]]
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Whether a path has no zero, its sequence as digits of a number to base 4, operations of each kind."""
    exists = np.ones(len(cells), dtype=bool)
    code = np.zeros(len(cells), dtype=np.int64)
    counts = np.zeros((len(cells), len(_COUNTED)), dtype=np.int64)
    for edge in path:
        operation = np.array(OPERATIONS)[cells[:, EDGES.index(edge)]]
        exists &= operation != "none"
        for digit, name in enumerate(_COUNTED, start=1):
            chosen = operation == name
            code[chosen] = code[chosen] * 4 + digit
            counts[chosen, digit - 1] += 1
    return exists, code, counts
