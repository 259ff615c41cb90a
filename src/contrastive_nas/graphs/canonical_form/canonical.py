"""The canonical form of computation graphs, one for every description of a function, and function hashes.

Merged: zero operations and what only feeds or is fed by them, dead nodes, identities, sums nested in sums,
order of summands, joins with one input, numbering of nodes. Not merged: linearity of pooling, invariance of
batch-norm to scale, repeated summands. A network that gives zero whatever it is given becomes input, zero,
output. Graphs of one canonical form have one function hash.
"""

from collections.abc import Sequence

import numpy as np

from contrastive_nas.graphs.attributes import digest
from contrastive_nas.graphs.canonical_form.mixing import GOLDEN, Hashes, argument_weights, mix, type_hashes
from contrastive_nas.graphs.canonical_form.order import reorder
from contrastive_nas.graphs.canonical_form.rewrites import simplify
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch


def canonical_batch(batch: GraphBatch) -> GraphBatch:
    """Return the canonical form of every graph; a few thousand graphs at a time use memory and processor
    best.
    """
    return reorder(simplify(batch))


def canonical(graph: ComputationGraph) -> ComputationGraph:
    """Return the canonical form of one graph."""
    return canonical_batch(GraphBatch.from_graphs([graph]))[0]


def function_hashes(batch: GraphBatch, *, is_canonical: bool = False) -> Hashes:
    """Return one 64-bit hash per graph; two of a million different functions share one with probability 3e-8.

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
    nodes = mix(type_hashes(batch.node_types)[batch.type_ids] + numbered)
    nodes = mix(nodes + mix(arguments[firsts[1:]] - arguments[firsts[:-1]] + GOLDEN))
    sums = _running_sum(nodes)[batch.node_offsets]
    return mix(sums[1:] - sums[:-1] + GOLDEN)


def function_hash(graph: ComputationGraph) -> int:
    """Return the hash of one graph."""
    return int(function_hashes(GraphBatch.from_graphs([graph]))[0])


def sharing_keys(batch: GraphBatch, owners: Sequence[str | int], *, is_canonical: bool = False) -> Hashes:
    """Return one key per graph, equal where networks may share what is known of them, accuracies above all.

    The key is the function hash where the graph is complete. Where it is not, the network might differ from
    every other one in what the graph does not hold, and the key is its own.

    Args:
        batch: the graphs.
        owners: one per graph, which tells the network from all others, as its architecture does.
        is_canonical: as of :func:`function_hashes`.
    """
    if not is_canonical:
        batch = canonical_batch(batch)
    keys = function_hashes(batch, is_canonical=True)
    for graph in np.flatnonzero(~batch.complete).tolist():
        keys[graph] = digest("incomplete", owners[graph])
    return keys


def sharing_key(graph: ComputationGraph, owner: str | int) -> int:
    """Return the key of one graph, as of :func:`sharing_keys`."""
    return int(sharing_keys(GraphBatch.from_graphs([graph]), [owner])[0])


def _running_sum(values: Hashes) -> Hashes:
    return np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(values, dtype=np.uint64)])
