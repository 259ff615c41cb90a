"""The canonical form of computation graphs: one graph for every description of a function.

Merged: zero operations and what only feeds or is fed by them, dead nodes, identities, sums nested in sums,
order of summands, joins with one input, numbering of nodes. Not merged: linearity of pooling, invariance of
batch-norm to scale, repeated summands. A network that gives zero whatever it is given becomes input, zero,
output.
"""

from contrastive_nas.graphs.canonical_form.order import reorder
from contrastive_nas.graphs.canonical_form.rewrites import simplify
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch


def canonical_batch(batch: GraphBatch) -> GraphBatch:
    """The canonical form of every graph; a few thousand graphs at a time use memory and processor best."""
    return reorder(simplify(batch))


def canonical(graph: ComputationGraph) -> ComputationGraph:
    """The canonical form of one graph."""
    return canonical_batch(GraphBatch.from_graphs([graph]))[0]
