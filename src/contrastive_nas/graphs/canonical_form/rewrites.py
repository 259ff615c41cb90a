"""Removing from computation graphs what cannot influence their output.

Each rewrite works on a whole batch at once; the work of the two that propagate grows with what they remove.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from contrastive_nas.graphs.operations import JOINS, Operation
from contrastive_nas.graphs.schema import (
    FEATURES,
    ROW_WIDTH,
    GraphBatch,
    IntArray,
    attributes_of,
    column,
    ranges,
)

Mask = NDArray[np.bool_]

# Functions with f(0) = 0; convolutions and linear layers only where they have no bias. A norm of zeros is its
# shift, which is zero in a fresh network.
_ZERO_AT_ZERO = (
    set(Operation)
    - {Operation.UNKNOWN, Operation.INPUT, Operation.OUTPUT, Operation.CONSTANT, Operation.EMBEDDING}
    - {
        Operation.SIGMOID,
        Operation.HARD_SIGMOID,
        Operation.SOFTPLUS,
        Operation.SOFTMAX,
        Operation.LOG_SOFTMAX,
    }
    - {Operation.ELEMENTWISE, Operation.DIV, Operation.PAD}
)
_WEIGHTED = {Operation.CONV, Operation.CONV_TRANSPOSE, Operation.LINEAR}
_ZERO_IF_ANY_IS = {Operation.MUL, Operation.MATMUL}
# Identities whenever they have one argument and keep its shape.
_PASSING = {
    *JOINS,
    Operation.IDENTITY,
    Operation.RESHAPE,
    Operation.GLOBAL_AVG_POOL,
    Operation.GLOBAL_MAX_POOL,
}


def simplify(batch: GraphBatch) -> GraphBatch:
    """Apply all rewrites; the nodes that stay keep their order, edges are sorted by target."""
    batch = drop_zeros(sort_edges(batch))
    batch = drop_dead_nodes(bypass_identities(batch))
    return flatten_sums(batch)


def sort_edges(batch: GraphBatch) -> GraphBatch:
    """Return the same graphs with the edges in the order of their targets, arguments of one node as they
    stood.
    """
    target = batch.edges[1]
    if (target[1:] >= target[:-1]).all():
        return batch
    return replace(batch, edges=batch.edges[:, np.argsort(target, kind="stable")])


def drop_zeros(batch: GraphBatch) -> GraphBatch:
    """Take the arguments away from all nodes that are zero, and zero summands from sums.

    A node is zero if its operation is, or if all its arguments are and it maps zero to zero, or if it is a
    product with a zero. Where something else reads a zero (a biased layer, a concatenation, the output), it
    reads one ``ZERO`` node per shape, which hangs on the input of the network.
    """
    zero = _zero_nodes(batch)
    if not zero.any():
        return batch
    source, target = batch.edges
    shape = _out_shape_ids(batch)
    is_sum = _sums(batch)
    # A zero summand that widens the sum by broadcasting has to stay.
    gives_shape = ~zero[source] & (shape[source] == shape[target])
    droppable = is_sum & (np.bincount(target, gives_shape, len(zero)) > 0)
    kept = ~zero[target] & ~(zero[source] & droppable[target])
    batch = _with_edges(batch, batch.edges[:, kept])
    return _merge_zeros(batch, zero, shape)


def bypass_identities(batch: GraphBatch) -> GraphBatch:
    """Let the readers of identities, and of joins with one argument, read that argument itself."""
    source, target = batch.edges
    op, shape = _op(batch), _out_shape_ids(batch)
    single = np.bincount(target, minlength=len(op)) == 1
    same_shape = shape[source] == shape[target]
    passing_type = np.isin(np.arange(256), list(_PASSING))
    edge_is_bypass = passing_type[op[target]] & _usual(batch)[target] & single[target] & same_shape
    if not edge_is_bypass.any():
        return batch
    passing, parent = target[edge_is_bypass], np.arange(len(op))
    parent[passing] = source[edge_is_bypass]
    _jump(parent, passing)
    kept = ~edge_is_bypass
    return _with_edges(batch, np.stack([parent[source[kept]], target[kept]]))


def drop_dead_nodes(batch: GraphBatch) -> GraphBatch:
    """Remove all nodes that the output does not depend on; inputs stay."""
    source, target = batch.edges
    op = _op(batch)
    removable = (op != Operation.OUTPUT) & (op != Operation.INPUT)
    readers = np.bincount(source, minlength=len(op))
    in_degree = np.bincount(target, minlength=len(op))
    first_edge = np.cumsum(in_degree) - in_degree
    alive = np.ones(len(op), dtype=bool)
    frontier = np.flatnonzero(removable & (readers == 0))
    while frontier.size:
        alive[frontier] = False
        read = source[ranges(first_edge[frontier], in_degree[frontier])]
        np.subtract.at(readers, read, 1)
        candidates = np.unique(read)
        frontier = candidates[(readers[candidates] == 0) & removable[candidates]]
    return _keep_nodes(batch, alive)


def flatten_sums(batch: GraphBatch) -> GraphBatch:
    """Join a sum into the sum that reads it, where nothing else reads it and it is read once."""
    source, target = batch.edges
    is_sum = _sums(batch)
    read_once = np.bincount(source, minlength=len(is_sum)) == 1
    inner = is_sum[source] & is_sum[target] & read_once[source]
    if not inner.any():
        return batch
    outer, merged = np.arange(len(is_sum)), source[inner]
    outer[merged] = target[inner]
    _jump(outer, merged)
    edges = np.stack([source[~inner], outer[target[~inner]]])
    alive = np.ones(len(is_sum), dtype=bool)
    alive[merged] = False
    return _keep_nodes(sort_edges(_with_edges(batch, edges)), alive)


def _op(batch: GraphBatch) -> IntArray:
    return column(batch.node_types, "op")[batch.type_ids]


def _usual(batch: GraphBatch) -> Mask:
    """The nodes without attributes; an identity, a sum or a join with any is another function."""
    return (attributes_of(batch.node_types) == 0)[batch.type_ids]


def _sums(batch: GraphBatch) -> Mask:
    return (_op(batch) == Operation.ADD) & _usual(batch)


def _out_shape_ids(batch: GraphBatch) -> IntArray:
    """A number per node, equal for equal output shapes."""
    shapes = column(batch.node_types, "out_shape")
    return np.unique(shapes, axis=0, return_inverse=True)[1].reshape(-1)[batch.type_ids]


def _with_edges(batch: GraphBatch, edges: IntArray) -> GraphBatch:
    """The batch with other edges; none leaves its graph, and they stand in the order of the graphs."""
    # Edges are counted at their targets; these are ordered at least by graph.
    counts = np.concatenate([[0], np.cumsum(np.bincount(edges[1], minlength=len(batch.type_ids)))])
    return replace(batch, edges=edges, edge_offsets=counts[batch.node_offsets])


def _keep_nodes(batch: GraphBatch, alive: Mask) -> GraphBatch:
    """Removes nodes; none of those that stay reads one of those that go."""
    number = np.concatenate([[0], np.cumsum(alive)])
    batch = _with_edges(batch, batch.edges[:, alive[batch.edges[1]]])
    return replace(
        batch,
        type_ids=batch.type_ids[alive],
        edges=number[batch.edges],
        node_offsets=number[batch.node_offsets],
    )


def _jump(parent: IntArray, nodes: IntArray) -> None:
    """Follows ``parent`` from ``nodes`` to the end, in place, doubling the step."""
    while True:
        further = parent[parent[nodes]]
        if (further == parent[nodes]).all():
            return
        parent[nodes] = further


def _zero_nodes(batch: GraphBatch) -> Mask:
    op = _op(batch)
    zero = op == Operation.ZERO
    if not zero.any():
        return zero
    source, target = batch.edges
    degree = np.bincount(target, minlength=len(op))
    readers, first_reader = _readers(source, degree)
    reader_count = np.diff(first_reader)
    lacking = _zeros_wanted(batch, degree)
    frontier = np.flatnonzero(zero)
    while frontier.size:
        hit = target[readers[ranges(first_reader[frontier], reader_count[frontier])]]
        np.subtract.at(lacking, hit, 1)
        frontier = np.unique(hit[(lacking[hit] <= 0) & ~zero[hit]])
        zero[frontier] = True
    return zero


def _zeros_wanted(batch: GraphBatch, degree: IntArray) -> IntArray:
    """How many arguments have to be zero for a node to be zero; one more than it has where none does."""
    op = column(batch.node_types, "op")
    biased = column(batch.node_types, "bias").astype(bool) & np.isin(op, list(_WEIGHTED))
    # Noise that is added to a tensor is an identity with attributes.
    noisy = (op == Operation.IDENTITY) & (attributes_of(batch.node_types) != 0)
    preserving = np.isin(op, list(_ZERO_AT_ZERO)) & ~biased & ~noisy
    one_is_enough = np.isin(op, list(_ZERO_IF_ANY_IS))[batch.type_ids]
    never = degree + 1
    wanted = np.where(one_is_enough, np.minimum(degree, 1), degree)
    return np.where(preserving[batch.type_ids] & (degree > 0), wanted, never)


def _readers(source: IntArray, in_degree: IntArray) -> tuple[IntArray, IntArray]:
    """Edges in the order of their sources, and where those of each node begin, in linear time."""
    count = len(in_degree)
    first = np.concatenate([[0], np.cumsum(in_degree)])
    by_target = sparse.csr_array((np.arange(len(source)), source, first), shape=(count, count))
    by_source = by_target.tocsc()
    return by_source.data, by_source.indptr


def _merge_zeros(batch: GraphBatch, zero: Mask, shape: IntArray) -> GraphBatch:
    """Replaces the zeros that are still read by one ``ZERO`` node per graph and shape, fed by the input."""
    source, target = batch.edges
    read = np.unique(source[zero[source]])
    if not read.size:
        return batch
    graph = np.searchsorted(batch.node_offsets, read, side="right") - 1
    key = graph * (shape.max() + 1) + shape[read]
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    chosen = read[first]
    renamed = np.arange(len(zero))
    renamed[read] = chosen[group.reshape(-1)]

    rows = np.zeros((len(chosen), ROW_WIDTH), dtype=batch.node_types.dtype)
    rows[:, FEATURES["op"]] = Operation.ZERO
    shapes = column(batch.node_types[batch.type_ids[chosen]], "out_shape")
    rows[:, FEATURES["in_shape"]] = rows[:, FEATURES["out_shape"]] = shapes
    new_types, new_ids = np.unique(rows, axis=0, return_inverse=True)
    type_ids = batch.type_ids.copy()
    type_ids[chosen] = len(batch.node_types) + new_ids.reshape(-1)

    inputs = np.flatnonzero(_op(batch) == Operation.INPUT)
    fed = np.stack([inputs[np.searchsorted(inputs, batch.node_offsets[graph[first]])], chosen])
    edges = np.concatenate([np.stack([renamed[source], target]), fed], axis=1)
    edges = edges[:, np.argsort(edges[1], kind="stable")]
    node_types = np.concatenate([batch.node_types, new_types])
    return _with_edges(replace(batch, node_types=node_types, type_ids=type_ids), edges)
