"""The smallest eigenvalues of normalised Laplacians, which say how alike two graphs are as wirings.

Source: Han et al., A General-Purpose Transferable Predictor for Neural Architecture Search, SDM 2023, section
3.2 (k = 11); Mills et al., GENNAPE, AAAI 2023 (k = 21).
"""

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.schema import GraphBatch, IntArray, ranges

SPECTRUM_SIZE = 21
# Matrix elements that are held at a time: 64 MB of doubles.
_ELEMENTS_AT_ONCE = 1 << 23
# Far above the error of the solver, which depends on where a matrix lies in memory, and far below what tells
# two graphs apart: without rounding an eigenvalue of 0 would be another tiny number each time.
_DECIMALS = 12


def spectrum(batch: GraphBatch, size: int = SPECTRUM_SIZE) -> NDArray[np.float32]:
    """Return the ``size`` smallest eigenvalues of I - D^(-1/2) A D^(-1/2) of every graph, taken as
    undirected.

    A pair of nodes with several edges counts once; a node without edges has eigenvalue 0. Graphs of fewer
    than ``size`` nodes are filled up with 2, the upper bound of the spectrum. Graphs of one size are stacked
    and solved together, so that no result depends on what else is in the batch.

    Returns:
        float32, graphs x size, ascending.
    """
    node_counts = np.diff(batch.node_offsets)
    result = np.full((len(batch), size), 2.0, dtype=np.float32)
    if size == 0:
        return result
    for nodes in np.unique(node_counts[node_counts > 0]):
        members = np.flatnonzero(node_counts == nodes)
        step = max(1, _ELEMENTS_AT_ONCE // int(nodes) ** 2)
        for first in range(0, len(members), step):
            chosen = members[first : first + step]
            kept = min(size, int(nodes))
            values = np.linalg.eigvalsh(_laplacians(batch, chosen, int(nodes)))[:, :kept]
            result[chosen, :kept] = np.clip(values.round(_DECIMALS), 0, 2)
    return result


def _laplacians(batch: GraphBatch, members: IntArray, nodes: int) -> NDArray[np.float64]:
    """Normalised Laplacians of graphs that all have ``nodes`` nodes: members x nodes x nodes."""
    counts = np.diff(batch.edge_offsets)[members]
    picked = ranges(batch.edge_offsets[members], counts)
    sources, targets = batch.edges[:, picked] - np.repeat(batch.node_offsets[members], counts)
    position = np.repeat(np.arange(len(members)), counts)
    adjacency = np.zeros((len(members), nodes, nodes))
    adjacency[position, sources, targets] = 1
    adjacency[position, targets, sources] = 1
    degree = adjacency.sum(axis=2)
    scale = np.where(degree > 0, 1 / np.sqrt(np.maximum(degree, 1)), 0)
    adjacency *= -scale[:, :, None] * scale[:, None, :]
    diagonal = np.arange(nodes)
    adjacency[:, diagonal, diagonal] += degree > 0
    return adjacency
