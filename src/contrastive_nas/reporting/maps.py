"""A map of a space: what an encoder sees of its networks, on a plane."""

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.storage.store import GraphStore
from contrastive_nas.ranking.encoder.embedding import embed
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.graph_source import with_architectures
from contrastive_nas.spaces.base import Architecture, SearchSpace

FloatArray = NDArray[np.float64]
# Networks of the table on a map: more points hide each other, and encoding them takes some seconds.
SHOWN = 1000


def map_networks(
    encoder: Encoder,
    store: GraphStore,
    space: SearchSpace,
    asked: list[Architecture],
    known: NDArray[np.bool_],
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return places of networks by the first two principal components of their embeddings.

    Args:
        encoder: describes graphs.
        store: graphs of the table.
        space: of the architectures.
        asked: architectures that are shown in any case, in the store or not.
        known: which rows of the store may be shown; at random ``SHOWN`` of them are.

    Returns:
        places, networks x 2: those of the store first, then ``asked``; and the rows of the former. Both are
        empty where no row may be shown.
    """
    if not known.any():
        return np.zeros((0, 2)), np.zeros(0, dtype=np.int64)
    rows = np.sort(np.random.default_rng(0).permutation(np.flatnonzero(known))[:SHOWN])
    source, own = with_architectures(store, space, asked)
    embeddings = embed(encoder, source, np.concatenate([rows, own])).astype(np.float64)
    return principal_components(embeddings, len(rows)), rows


def principal_components(points: FloatArray, fitted: int) -> FloatArray:
    """Return the first two principal components of all points, by those of the first ``fitted``; points x 2.

    The sign of a component, which nothing decides, is that which makes its largest weight positive.
    """
    mean = points[:fitted].mean(axis=0)
    _, _, directions = np.linalg.svd(points[:fitted] - mean, full_matrices=False)
    plane = np.zeros((2, points.shape[1]))
    plane[: len(directions[:2])] = directions[:2]
    strongest = plane[np.arange(2), np.abs(plane).argmax(axis=1)]
    plane *= np.where(strongest < 0, -1.0, 1.0)[:, None]
    return (points - mean) @ plane.T
