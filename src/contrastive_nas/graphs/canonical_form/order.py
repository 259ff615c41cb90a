"""The canonical numbering of the nodes of computation graphs.

Nodes are told apart by colour refinement over ancestors and descendants (Weisfeiler and Leman 1968), here in
whole sweeps along the graph: one sweep gives a node a colour that depends on everything it is computed from,
the next one a colour that depends on everything computed from those. Nodes that stay alike are exchangeable
in all but contrived graphs; one of them is then singled out and the refinement repeated until all nodes
differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from contrastive_nas.graphs.canonical_form.mixing import GOLDEN, Hashes, argument_weights, mix, type_hashes
from contrastive_nas.graphs.schema import GraphBatch, IntArray, ranges, used_types


def reorder(batch: GraphBatch) -> GraphBatch:
    """Return the same graphs, nodes numbered by depth, then by colour; edges sorted by target.

    Edges into commutative operations are sorted by source, all others keep the order of the arguments.
    The edges of ``batch`` are sorted by target.
    """
    weights = argument_weights(batch)
    depth = _Sweep.along(batch, weights).depths()
    order = np.argsort(_sort_keys(batch, depth, _distinct_colours(batch, weights)))
    number = np.empty_like(order)
    number[order] = np.arange(len(order))

    source, target = number[batch.edges]
    # Commutative operations alone have weight 1 on the edges to all arguments.
    commutative = weights == 1
    rank = np.where(commutative, source, np.arange(len(source)))
    edge_order = np.lexsort((rank, target))
    edges = np.stack([source, target])[:, edge_order]
    node_types, type_ids = used_types(batch.node_types, batch.type_ids[order])
    return replace(batch, node_types=node_types, type_ids=type_ids, edges=edges)


@dataclass(frozen=True)
class _Sweep:
    """A walk over all graphs of a batch at once: the first nodes of all graphs, then the second ones, ...

    Attributes:
        nodes: those that read something, in the order of the walk.
        reads: node at the other end of every edge, grouped by reading node.
        weights: factor of every edge.
        firsts: first edge of every element of ``nodes``.
        node_steps, edge_steps: where the steps of the walk begin.
        size: number of all nodes.
    """

    nodes: IntArray
    reads: IntArray
    weights: Hashes
    firsts: IntArray
    node_steps: list[int]
    edge_steps: list[int]
    size: int

    @classmethod
    def along(cls, batch: GraphBatch, weights: Hashes) -> "_Sweep":
        """From the inputs to the output."""
        return cls._make(batch, batch.edges[1], batch.edges[0], weights, forward=True)

    @classmethod
    def against(cls, batch: GraphBatch, weights: Hashes) -> "_Sweep":
        """From the output to the inputs."""
        return cls._make(batch, batch.edges[0], batch.edges[1], weights, forward=False)

    @classmethod
    def _make(
        cls, batch: GraphBatch, reader: IntArray, read: IntArray, weights: Hashes, *, forward: bool
    ) -> "_Sweep":
        counts = np.diff(batch.node_offsets)
        longest = int(counts.max(initial=0))
        position = np.arange(len(batch.type_ids)) - np.repeat(batch.node_offsets[:-1], counts)
        if not forward:
            position = longest - 1 - position
        # Short integers are sorted in linear time; being stable keeps the edges of one node together, because
        # a graph has one node per position.
        kind = np.uint16 if longest < 2**16 else np.int64
        when = position.astype(kind)[reader]
        order = np.argsort(when, kind="stable")
        reader, read, weights = reader[order], read[order], weights[order]
        firsts = np.flatnonzero(np.diff(reader, prepend=-1))
        edge_steps = np.searchsorted(when[order], np.arange(longest + 1))
        node_steps = np.searchsorted(firsts, edge_steps)
        size = len(batch.type_ids)
        return cls(reader[firsts], read, weights, firsts, node_steps.tolist(), edge_steps.tolist(), size)

    def colours(self, colours: Hashes) -> Hashes:
        """Colours that depend on a node's own and on those of everything before it in the walk."""
        found = mix(colours)
        for nodes, edges, firsts in self._steps():
            read = found[self.reads[edges]] * self.weights[edges]
            together = np.add.reduceat(read, firsts)
            found[nodes] = mix(colours[nodes] + mix(together + GOLDEN))
        return found

    def depths(self) -> IntArray:
        """Length of the longest path that ends at each node."""
        depths = np.zeros(self.size, dtype=np.int64)
        for nodes, edges, firsts in self._steps():
            depths[nodes] = np.maximum.reduceat(depths[self.reads[edges]], firsts) + 1
        return depths

    def _steps(self) -> Iterator[tuple[IntArray, slice, IntArray]]:
        for step in range(len(self.node_steps) - 1):
            first, last = self.node_steps[step], self.node_steps[step + 1]
            if first == last:
                continue
            start = self.edge_steps[step]
            edges = slice(start, self.edge_steps[step + 1])
            yield self.nodes[first:last], edges, self.firsts[first:last] - start


def _distinct_colours(batch: GraphBatch, weights: Hashes) -> Hashes:
    """A colour per node that differs within each graph and does not depend on the numbering."""
    colours = type_hashes(batch.node_types)[batch.type_ids]
    result = np.empty_like(colours)
    nodes: IntArray = np.arange(len(colours))
    classes: IntArray = np.zeros(len(batch), dtype=np.int64)
    while len(batch):
        colours = _Sweep.against(batch, weights).colours(_Sweep.along(batch, weights).colours(colours))
        result[nodes] = colours
        keys = _sort_keys(batch, np.zeros_like(nodes), colours)
        order = np.argsort(keys)
        alike = np.zeros(len(order), dtype=bool)
        alike[1:] = keys[order[1:]] == keys[order[:-1]]
        repeats = np.bincount(batch.graph_ids[order[alike]], minlength=len(batch))
        now = np.diff(batch.node_offsets) - repeats
        stable = now == classes
        if stable.any():
            _single_out(batch, colours, order, alike, stable)
        # What has been singled out is another colouring, whose number of classes is not comparable.
        classes = np.where(stable, 0, now)
        batch, weights, nodes, colours, classes = _restrict(
            batch, weights, nodes, colours, classes, repeats > 0
        )
    return result


def _restrict(
    batch: GraphBatch,
    weights: Hashes,
    nodes: IntArray,
    colours: Hashes,
    classes: IntArray,
    wanted: NDArray[np.bool_],
) -> tuple[GraphBatch, Hashes, IntArray, Hashes, IntArray]:
    """Everything, for some of the graphs."""
    graphs = np.flatnonzero(wanted)
    picked = ranges(batch.node_offsets[graphs], np.diff(batch.node_offsets)[graphs])
    edges = ranges(batch.edge_offsets[graphs], np.diff(batch.edge_offsets)[graphs])
    return batch.take(graphs), weights[edges], nodes[picked], colours[picked], classes[graphs]


def _single_out(
    batch: GraphBatch, colours: Hashes, order: IntArray, alike: IntArray, stable: IntArray
) -> None:
    """Recolours, in place, one of a set of exchangeable nodes in each independent part of the stable graphs.

    Parts are connected through edges between nodes that have a double and through being alike: what is
    decided in one part does not bear on another.
    """
    doubled = alike.copy()
    doubled[:-1] |= alike[1:]
    doubled &= stable[batch.graph_ids[order]]
    members = order[doubled]
    if not members.size:
        return
    place = np.full(len(order), -1)
    place[members] = np.arange(len(members))
    source, target = place[batch.edges]
    inside = (source >= 0) & (target >= 0)
    twins = np.flatnonzero(alike[doubled])
    heads, tails = np.concatenate([source[inside], twins - 1]), np.concatenate([target[inside], twins])
    links = sparse.coo_array((np.ones(len(heads), dtype=bool), (heads, tails)), shape=(len(members),) * 2)
    _, part = connected_components(links, directed=False)
    _, first = np.unique(part, return_index=True)
    chosen = members[first]
    colours[chosen] = mix(colours[chosen] + GOLDEN)


def _sort_keys(batch: GraphBatch, depth: IntArray, colours: Hashes) -> Hashes:
    """One number per node that sorts by graph, then depth, then the leading bits of the colour."""
    graph_bits = max(len(batch) - 1, 0).bit_length()
    depth_bits = int(depth.max(initial=0)).bit_length()
    used = graph_bits + depth_bits
    head = (batch.graph_ids << depth_bits | depth).astype(np.uint64)
    if used == 0:
        return colours
    return head << np.uint64(64 - used) | colours >> np.uint64(used)
