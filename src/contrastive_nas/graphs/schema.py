"""Computation graphs as arrays: one graph, and many graphs at once.

Every node is one row of integer features (``FEATURES``), which models read, and a digest of whatever else
makes it what it is (:mod:`contrastive_nas.graphs.attributes`), which tells functions apart and which no model
reads. A network repeats few distinct rows, so a batch keeps each distinct row once and an index per node:
files stay small, and a model embeds a row once instead of once per node.

Source: Han et al., A General-Purpose Transferable Predictor for Neural Architecture Search, SDM 2023, section
3; dilation is an addition, without which dilated and dense convolutions of one shape look the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.attributes import NOT_HELD
from contrastive_nas.graphs.operations import Operation

if TYPE_CHECKING:
    from networkx import MultiDiGraph

FEATURES: dict[str, slice] = {
    "op": slice(0, 1),
    "in_shape": slice(1, 4),
    "out_shape": slice(4, 7),
    "kernel": slice(7, 9),
    "stride": slice(9, 11),
    "dilation": slice(11, 13),
    "groups": slice(13, 14),
    "weight_shape": slice(14, 18),
    "bias": slice(18, 19),
    "tied": slice(19, 20),
}
FEATURE_COUNT = 20
# A node's features and, as two integers, its attributes.
ROW_WIDTH = FEATURE_COUNT + 2

IntArray = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class ComputationGraph:
    """A network as a directed acyclic graph of primitive operations.

    Nodes are in topological order: every edge goes from a lower to a higher number. Exactly one node is the
    ``OUTPUT``; its in-edges are the results of the network in their order. Edges into one node stand in the
    order of its arguments. A node that reads one tensor twice has two edges.

    Shapes are (C, H, W) without the batch dimension: a vector of D numbers is (D, 1, 1), a sequence of L
    tokens with D channels is (D, L, 1). ``in_shape`` of a node with several inputs is their elementwise
    maximum, but for two: a ``MATMUL`` that sums over K products has (K, elements of its first factor / K, 1);
    ``ATTENTION`` has (channels of all heads, queries, 1) and as its ``kernel`` (keys per query, 1).
    ``weight_shape`` is (out, in / groups, kernel height, kernel width) for convolutions, (out, in, 1, 1) for
    linear layers, (channels, 1, 1, 1) for norms with weights, zeros where there is no weight. ``tied`` is 1
    where neither weights nor bias are the node's own to train: an earlier node holds them, or a ``CONSTANT``
    that it reads, or they are fixed; 2 where only the bias is its own, 3 where only the weights are.

    Attributes:
        features: int32, nodes x ``FEATURE_COUNT``; columns as in ``FEATURES``.
        edges: int32, 2 x edges, source above target.
        attributes: uint64, nodes: digest of what changes a node's function beside its features and edges; 0
            for the usual settings, ``NOT_HELD`` where something is not known. By default all 0.
    """

    features: IntArray
    edges: IntArray
    attributes: NDArray[np.uint64] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.attributes is None:
            object.__setattr__(self, "attributes", np.zeros(len(self.features), dtype=np.uint64))

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        parts = [f"{len(self)} nodes", f"{self.edges.shape[1]} edges"]
        if self.unknown_count:
            parts.insert(1, f"{self.unknown_count} of them unknown")
        elif not self.complete:
            parts.append("incomplete")
        if len(self):
            first, last = ("x".join(map(str, row.tolist())) for row in (self.in_shape[0], self.out_shape[-1]))
            parts.append(f"{first} to {last}")
        return f"<graph: {', '.join(parts)}>"

    def to_networkx(self) -> "MultiDiGraph":
        """Convert the graph to NetworkX.

        Returns:
            a directed graph whose nodes are numbered as here, with ``op`` (the operation's name) and the
            other ``FEATURES`` as attributes (tuples where they have several numbers); an edge's attribute
            ``argument`` is its place among the inputs of its target, from 0.
        """
        import networkx

        result: MultiDiGraph = networkx.MultiDiGraph()
        columns = {name: self.column(name).tolist() for name in FEATURES}
        for node in range(len(self)):
            values = {name: _attribute(values[node]) for name, values in columns.items()}
            result.add_node(node, **values | {"op": Operation(columns["op"][node]).name})
        for source, target in self.edges.T.tolist():
            result.add_edge(source, target, argument=result.in_degree(target))
        return result

    def column(self, name: str) -> IntArray:
        """Return one feature of all nodes: a vector for scalars, else nodes x width.

        Raises:
            KeyError: ``name`` is not in ``FEATURES``.
        """
        return column(self.features, name)

    @property
    def op(self) -> NDArray[np.uint8]:
        """Operation type of every node, uint8."""
        return self.column("op").astype(np.uint8)

    @property
    def in_shape(self) -> IntArray:
        """(C, H, W) of the input of every node."""
        return self.column("in_shape")

    @property
    def out_shape(self) -> IntArray:
        """(C, H, W) of the output of every node."""
        return self.column("out_shape")

    @property
    def kernel(self) -> IntArray:
        """Kernel height and width, 0 where there is none."""
        return self.column("kernel")

    @property
    def stride(self) -> IntArray:
        """Stride in height and width, 0 where there is none."""
        return self.column("stride")

    @property
    def groups(self) -> IntArray:
        """Number of groups of convolutions and group norms, 0 elsewhere."""
        return self.column("groups")

    @property
    def weight_shape(self) -> IntArray:
        """Shape of the weights of every node, padded to four numbers."""
        return self.column("weight_shape")

    @property
    def bias(self) -> NDArray[np.bool_]:
        """Whether a node has a bias."""
        return self.column("bias").astype(bool)

    @property
    def unknown_count(self) -> int:
        """Number of nodes whose operation is outside the vocabulary."""
        return int((self.column("op") == Operation.UNKNOWN).sum())

    @property
    def complete(self) -> bool:
        """Whether the graph holds everything that makes the network what it is.

        Only then are networks of one function hash one function.
        """
        return not (self.unknown_count or (self.attributes == NOT_HELD).any())


@dataclass(frozen=True, eq=False)
class GraphBatch:
    """Many computation graphs, concatenated.

    Attributes:
        node_types: int32, types x ``ROW_WIDTH``: the distinct rows of features, with their attributes.
        type_ids: int32, nodes: row of ``node_types`` of each node, all graphs one after the other.
        edges: int64, 2 x edges, numbered over the whole batch.
        node_offsets: int64, graphs + 1: nodes of graph i are node_offsets[i] to node_offsets[i + 1].
        edge_offsets: int64, graphs + 1: the same for edges.
    """

    node_types: IntArray
    type_ids: IntArray
    edges: IntArray
    node_offsets: IntArray
    edge_offsets: IntArray

    def __len__(self) -> int:
        return len(self.node_offsets) - 1

    def __repr__(self) -> str:
        return f"<{len(self)} graphs: {len(self.type_ids):,} nodes, {self.edges.shape[1]:,} edges>"

    def __getitem__(self, index: int) -> ComputationGraph:
        if not -len(self) <= index < len(self):
            raise IndexError(f"graph {index} of {len(self)}")
        index %= len(self)
        start, stop = self.node_offsets[index], self.node_offsets[index + 1]
        edges = self.edges[:, self.edge_offsets[index] : self.edge_offsets[index + 1]] - start
        rows = self.node_types[self.type_ids[start:stop]]
        return ComputationGraph(rows[:, :FEATURE_COUNT], edges.astype(np.int32), attributes_of(rows))

    def __iter__(self) -> Iterator[ComputationGraph]:
        return (self[index] for index in range(len(self)))

    @property
    def features(self) -> IntArray:
        """int32, nodes x ``FEATURE_COUNT``: the features of every node, expanded."""
        return self.node_types[self.type_ids, :FEATURE_COUNT]

    @property
    def attributes(self) -> NDArray[np.uint64]:
        """uint64, nodes: the attributes of every node, expanded."""
        return attributes_of(self.node_types)[self.type_ids]

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Whether each graph holds everything that makes its network what it is."""
        lacking = (column(self.node_types, "op") == Operation.UNKNOWN) | (
            attributes_of(self.node_types) == NOT_HELD
        )
        if not lacking.any():
            return np.ones(len(self), dtype=bool)
        lacking_graphs = self.graph_ids[lacking[self.type_ids]]
        return np.bincount(lacking_graphs, minlength=len(self)) == 0

    @property
    def graph_ids(self) -> IntArray:
        """int64, nodes: the graph that each node belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.node_offsets))

    @classmethod
    def from_graphs(cls, graphs: Iterable[ComputationGraph]) -> "GraphBatch":
        """Concatenate graphs, finding their distinct rows of features."""
        graphs = list(graphs)
        node_offsets = np.cumsum([0, *(len(graph) for graph in graphs)], dtype=np.int64)
        edge_offsets = np.cumsum([0, *(graph.edges.shape[1] for graph in graphs)], dtype=np.int64)
        rows = np.concatenate(
            [node_rows(graph.features, graph.attributes) for graph in graphs]
            or [np.zeros((0, ROW_WIDTH), np.int32)]
        )
        edges = np.concatenate([graph.edges for graph in graphs] or [np.zeros((2, 0), np.int64)], axis=1)
        edges = edges.astype(np.int64) + np.repeat(node_offsets[:-1], np.diff(edge_offsets))
        node_types, type_ids = distinct_rows(rows)
        return cls(node_types, type_ids.astype(np.int32), edges, node_offsets, edge_offsets)

    def take(self, indices: IntArray) -> "GraphBatch":
        """Return the graphs at ``indices`` (integers, repeats allowed) as a new batch, without a loop over
        them.
        """
        indices = np.asarray(indices, dtype=np.int64)
        node_counts, edge_counts = np.diff(self.node_offsets)[indices], np.diff(self.edge_offsets)[indices]
        node_offsets = np.concatenate([[0], np.cumsum(node_counts)])
        edge_offsets = np.concatenate([[0], np.cumsum(edge_counts)])
        nodes = ranges(self.node_offsets[indices], node_counts)
        picked = self.edges[:, ranges(self.edge_offsets[indices], edge_counts)]
        shift = np.repeat(node_offsets[:-1] - self.node_offsets[indices], edge_counts)
        return GraphBatch(self.node_types, self.type_ids[nodes], picked + shift, node_offsets, edge_offsets)


def _attribute(value: int | list[int]) -> int | tuple[int, ...]:
    return tuple(value) if isinstance(value, list) else value


def column(rows: IntArray, name: str) -> IntArray:
    """Return one feature of many rows of features: a vector for scalars, else rows x width; a view of them.

    Raises:
        KeyError: ``name`` is not in ``FEATURES``.
    """
    values = rows[:, FEATURES[name]]
    return values[:, 0] if values.shape[1] == 1 else values


def node_rows(features: IntArray, attributes: NDArray[np.uint64]) -> IntArray:
    """Return rows as batches keep them: int32, nodes x ``ROW_WIDTH``."""
    halves = np.ascontiguousarray(attributes, dtype="<u8").view("<i4").reshape(-1, 2)
    return np.concatenate([features, halves], axis=1, dtype=np.int32, casting="same_kind")


def attributes_of(rows: IntArray) -> NDArray[np.uint64]:
    """Return the attributes in rows as batches keep them."""
    return (
        np.ascontiguousarray(rows[:, FEATURE_COUNT:], dtype="<i4").view("<u8").reshape(-1).astype(np.uint64)
    )


def distinct_rows(rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the distinct rows in lexicographic order, and which of them each row is.

    As ``np.unique`` over an axis, but it sorts one number per row instead of the rows themselves.
    """
    # Powers of an odd number, modulo 2^64, scatter rows of small numbers.
    factors = np.uint64(0x9E3779B97F4A7C15) ** np.arange(rows.shape[1], dtype=np.uint64)
    keys = (rows.astype(np.uint64) * factors).sum(axis=1, dtype=np.uint64)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    found = rows[first]
    if not np.array_equal(found[group], rows):
        found, group = np.unique(rows, axis=0, return_inverse=True)
        return found, group.reshape(-1)
    order = np.lexsort(found.T[::-1])
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return found[order], rank[group]


def used_types(node_types: IntArray, type_ids: IntArray) -> tuple[IntArray, IntArray]:
    """Return the rows that are in use, distinct and sorted, and the numbers of the nodes among them."""
    used = np.flatnonzero(np.bincount(type_ids, minlength=len(node_types)))
    rows, place = distinct_rows(node_types[used])
    number = np.zeros(len(node_types), dtype=np.int32)
    number[used] = place
    return rows, number[type_ids]


def ranges(starts: IntArray, counts: IntArray) -> IntArray:
    """Return the concatenation of ``arange(start, start + count)`` over all pairs, vectorised."""
    total = int(counts.sum())
    ends = np.cumsum(counts)
    return np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - counts), counts)
