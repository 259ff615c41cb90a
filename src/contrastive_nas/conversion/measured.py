"""Graphs with what a store keeps of each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.schema import GraphBatch, IntArray, used_types


@dataclass(frozen=True)
class Measured:
    """Some graphs as they go into a store.

    Attributes:
        batch: the graphs.
        hashes: function hashes, one per graph.
        statistics: graphs x statistics.
        spectra: graphs x eigenvalues.
    """

    batch: GraphBatch
    hashes: NDArray[np.uint64]
    statistics: NDArray[np.float32]
    spectra: NDArray[np.float32]


def joined(first: Measured, second: Measured, order: IntArray) -> Measured:
    """Return graphs from two sets, as if they had been measured together.

    Args:
        first: some graphs.
        second: more of them.
        order: which graph comes where, those of ``second`` counted on from those of ``first``.
    """
    one, other = first.batch, second.batch
    batch = GraphBatch(
        np.concatenate([one.node_types, other.node_types]),
        np.concatenate([one.type_ids, other.type_ids + len(one.node_types)]),
        np.concatenate([one.edges, other.edges + len(one.type_ids)], axis=1),
        np.concatenate([one.node_offsets, other.node_offsets[1:] + one.node_offsets[-1]]),
        np.concatenate([one.edge_offsets, other.edge_offsets[1:] + one.edge_offsets[-1]]),
    ).take(order)
    node_types, type_ids = used_types(batch.node_types, batch.type_ids)
    return Measured(
        GraphBatch(node_types, type_ids, batch.edges, batch.node_offsets, batch.edge_offsets),
        np.concatenate([first.hashes, second.hashes])[order],
        np.concatenate([first.statistics, second.statistics])[order],
        np.concatenate([first.spectra, second.spectra])[order],
    )
