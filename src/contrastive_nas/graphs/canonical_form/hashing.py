"""Function hashes: equal for graphs that have the same canonical form."""

import numpy as np

from contrastive_nas.graphs.canonical_form.canonical import canonical_batch
from contrastive_nas.graphs.canonical_form.mixing import GOLDEN, Hashes, argument_weights, mix, row_hashes
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch


def function_hashes(batch: GraphBatch, *, is_canonical: bool = False) -> Hashes:
    """One 64-bit hash per graph; two of a million different functions share one with probability 3e-8.

    Args:
        batch: the graphs.
        is_canonical: they come from :func:`canonical_batch`, so that it need not be called again.
    """
    if not is_canonical:
        batch = canonical_batch(batch)
    if not len(batch):
        return np.zeros(0, dtype=np.uint64)
    number = np.arange(len(batch.type_ids)) - np.repeat(batch.node_offsets[:-1], np.diff(batch.node_offsets))
    numbered = mix(number.astype(np.uint64) + GOLDEN)
    source, target = batch.edges
    # Running sums wrap around, and so do their differences: sums over the edges of every node and nodes of
    # every graph.
    arguments = _running_sum(numbered[source] * argument_weights(batch))
    firsts = np.concatenate([[0], np.cumsum(np.bincount(target, minlength=len(number)))])
    nodes = mix(row_hashes(batch.node_types)[batch.type_ids] + numbered)
    nodes = mix(nodes + mix(arguments[firsts[1:]] - arguments[firsts[:-1]] + GOLDEN))
    sums = _running_sum(nodes)[batch.node_offsets]
    return mix(sums[1:] - sums[:-1] + GOLDEN)


def function_hash(graph: ComputationGraph) -> int:
    """The hash of one graph."""
    return int(function_hashes(GraphBatch.from_graphs([graph]))[0])


def _running_sum(values: Hashes) -> Hashes:
    return np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(values, dtype=np.uint64)])
