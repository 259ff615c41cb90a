"""A graph source that grows with the architectures a search looks at."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.canonical_form.canonical import canonical_batch
from contrastive_nas.graphs.canonical_form.hashing import function_hashes
from contrastive_nas.graphs.schema import GraphBatch, IntArray
from contrastive_nas.graphs.statistics.network import STATISTICS, statistics
from contrastive_nas.graphs.statistics.spectrum import spectrum
from contrastive_nas.spaces.base import Architecture, SearchSpace


class SpaceSource:
    """Canonical graphs of architectures of one space; each is made once, statistics once per function.

    It is a :class:`~contrastive_nas.ranking.base.GraphSource` whose rows come from :meth:`rows`.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._row_of: dict[Architecture, int] = {}
        self._functions: dict[int, int] = {}
        self._function_ids = np.zeros(0, np.int64)
        # One graph a function; rows point at them. New graphs wait until one is asked for: to join them to
        # the others every time would take longer and longer.
        self._graphs = GraphBatch.from_graphs([])
        self._waiting: list[GraphBatch] = []
        self._statistics = np.zeros((0, len(STATISTICS)), np.float32)

    def rows(self, architectures: Sequence[Architecture]) -> IntArray:
        """Row of each architecture; those not seen before are added.

        Raises:
            InputError: a string is no architecture of the space.
        """
        new = [name for name in dict.fromkeys(architectures) if name not in self._row_of]
        if new:
            self._add(new)
        return np.array([self._row_of[name] for name in architectures], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._function_ids)

    def batch(self, indices: IntArray) -> GraphBatch:
        """The graphs at ``indices``."""
        return self._all_graphs().take(self._function_ids[np.asarray(indices, dtype=np.int64)])

    def statistics_of(self, rows: IntArray) -> NDArray[np.float32]:
        """``statistics[rows]`` without the others."""
        return self._statistics[self._function_ids[rows]]

    @property
    def statistics(self) -> NDArray[np.float32]:
        """Graphs x statistics."""
        return self._statistics[self._function_ids]

    @property
    def spectrum(self) -> NDArray[np.float32]:
        """Graphs x eigenvalues; computed anew in every call, nothing but pretraining needs it."""
        return spectrum(self._all_graphs())[self._function_ids]

    @property
    def function_ids(self) -> IntArray:
        """Equal exactly where two networks compute the same function; numbered by first appearance."""
        return self._function_ids

    @property
    def spaces(self) -> list[Any]:
        """The name of the space, once per graph."""
        return [self._space.name] * len(self)

    def _add(self, architectures: list[Architecture]) -> None:
        graphs = canonical_batch(self._space.graphs(architectures))
        hashes = function_hashes(graphs, is_canonical=True)
        first = len(self._functions)
        for value in hashes.tolist():
            self._functions.setdefault(value, len(self._functions))
        ids = np.array([self._functions[value] for value in hashes.tolist()], dtype=np.int64)
        known, positions = np.unique(ids, return_index=True)
        fresh = graphs.take(positions[known >= first])
        self._waiting.append(fresh)
        self._statistics = np.concatenate([self._statistics, statistics(fresh)])
        rows = range(len(self), len(self) + len(architectures))
        self._row_of.update(zip(architectures, rows, strict=True))
        self._function_ids = np.concatenate([self._function_ids, ids])

    def _all_graphs(self) -> GraphBatch:
        while self._waiting:
            self._graphs = _joined(self._graphs, self._waiting.pop(0))
        return self._graphs


def _joined(first: GraphBatch, second: GraphBatch) -> GraphBatch:
    rows = np.concatenate([first.node_types, second.node_types])
    node_types, numbers = np.unique(rows, axis=0, return_inverse=True)
    type_ids = np.concatenate([first.type_ids, second.type_ids + len(first.node_types)])
    nodes, edges = first.node_offsets[-1], first.edge_offsets[-1]
    return GraphBatch(
        node_types,
        numbers.reshape(-1)[type_ids].astype(np.int32),
        np.concatenate([first.edges, second.edges + nodes], axis=1),
        np.concatenate([first.node_offsets, second.node_offsets[1:] + nodes]),
        np.concatenate([first.edge_offsets, second.edge_offsets[1:] + edges]),
    )
