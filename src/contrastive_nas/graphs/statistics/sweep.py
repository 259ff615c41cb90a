"""Values that travel along the edges of many graphs at once, level by level."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.schema import IntArray, ranges

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sweep:
    """An order in which every edge is used after all edges that lead to it, with few steps.

    Nodes without in-edges have level 0, others one more than the largest level among their sources, so that
    all nodes of one level, of all graphs, are computed at once: the number of steps is the depth of the
    deepest graph and not the number of nodes or graphs.

    Attributes:
        level: int64, nodes: longest distance from a node without in-edges, in edges.
        sources: int64, edges, sorted by (level of the target, target).
        targets: int64, distinct targets in that order.
        starts: int64, the first edge of each distinct target, in ``sources``.
        bounds: int64, levels + 1: targets of level i + 1 are bounds[i] to bounds[i + 1].
    """

    level: IntArray
    sources: IntArray
    targets: IntArray
    starts: IntArray
    bounds: IntArray

    @classmethod
    def of(cls, edges: IntArray, node_count: int) -> "Sweep":
        """Return the sweep along ``edges`` (2 x E, acyclic, source above target); swap the rows to go
        backward.
        """
        level = levels(edges, node_count)
        order = np.lexsort((edges[1], level[edges[1]]))
        sources, by_edge = edges[0][order], edges[1][order]
        first = np.ones(len(by_edge), dtype=bool)
        first[1:] = by_edge[1:] != by_edge[:-1]
        starts = np.flatnonzero(first)
        targets = by_edge[starts]
        steps = np.arange(1, level.max(initial=0) + 2)
        return cls(level, sources, targets, starts, np.searchsorted(level[targets], steps))

    def propagate(self, initial: FloatArray, gain: FloatArray, join: np.ufunc) -> FloatArray:
        """Fill ``values[v] = join over edges (u, v) of values[u]`` plus ``gain[v]``.

        Args:
            initial: nodes x columns: the values of nodes without in-edges, ``gain`` included; others are
                ignored.
            gain: nodes x columns, added at every node that has in-edges.
            join: ``np.maximum``, ``np.minimum``, ``np.add`` or ``np.logaddexp``.

        Returns:
            A new array, nodes x columns.
        """
        values = initial.copy()
        for edge_sources, starts, targets in self.steps():
            values[targets] = join.reduceat(values[edge_sources], starts, axis=0) + gain[targets]
        return values

    def steps(self) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
        """Yield for each level sources of its edges, the first edge of each target, and the targets."""
        ends = np.append(self.starts, len(self.sources))
        for low, high in zip(self.bounds[:-1], self.bounds[1:], strict=True):
            first, last = ends[low], ends[high]
            yield self.sources[first:last], self.starts[low:high] - first, self.targets[low:high]


def levels(edges: IntArray, node_count: int) -> IntArray:
    """Return longest distance of every node from a node without in-edges, int64.

    Raises:
        ValueError: the edges have a cycle.
    """
    order = np.argsort(edges[0], kind="stable")
    targets = edges[1][order]
    out_degree = np.bincount(edges[0], minlength=node_count)
    out_start = np.cumsum(out_degree) - out_degree
    waiting = np.bincount(edges[1], minlength=node_count)
    level = np.full(node_count, -1, dtype=np.int64)
    frontier, depth = np.flatnonzero(waiting == 0), 0
    while len(frontier):
        level[frontier] = depth
        reached = targets[ranges(out_start[frontier], out_degree[frontier])]
        np.subtract.at(waiting, reached, 1)
        frontier, depth = np.unique(reached[waiting[reached] == 0]), depth + 1
    if (level < 0).any():
        raise ValueError("the edges of a graph have a cycle")
    return level
