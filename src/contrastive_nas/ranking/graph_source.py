"""Collections of graphs that rankers learn from and answer for: networks by number, one protocol for all.

A graph store (:class:`contrastive_nas.graphs.storage.store.GraphStore`) is one; here are that of networks in
memory, and one that grows with the architectures of a space that are asked for.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.canonical_form.canonical import canonical_batch, sharing_keys
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch, IntArray
from contrastive_nas.graphs.statistics.network import STATISTICS, statistics
from contrastive_nas.graphs.statistics.spectrum import spectrum
from contrastive_nas.graphs.storage.store import GraphStore
from contrastive_nas.spaces.base import Architecture, SearchSpace


class GraphSource(Protocol):
    """Graphs by number, with what was measured of each."""

    def __len__(self) -> int: ...

    def batch(self, rows: IntArray) -> GraphBatch:
        """Return the graphs at ``rows``."""
        ...

    @property
    def statistics(self) -> NDArray[np.float32]:
        """Graphs x statistics: the whole table, which may have to be read first."""
        ...

    def statistics_of(self, rows: IntArray) -> NDArray[np.float32]:
        """Return ``statistics[rows]`` without the others."""
        ...

    @property
    def spectrum(self) -> NDArray[np.float32]:
        """Graphs x eigenvalues, ascending."""
        ...

    @property
    def function_ids(self) -> IntArray:
        """Equal exactly where two networks compute the same function; counted from 0."""
        ...

    @property
    def spaces(self) -> Iterable[Any]:
        """Name of the search space of every graph."""
        ...

    def architectures_of(self, rows: IntArray) -> list[Architecture]:
        """Return the architecture strings of the graphs at ``rows``.

        Raises:
            InputError: the networks have none.
        """
        ...


# Rows whose features are computed and compared at once; then no more than some 300 MB are needed for it. As
# many as all cells of NAS-Bench-201, which a search of them ranks again and again.
ROWS_AT_ONCE = 16_384
# Numbers of one kind that are kept: an encoder's of 80,000 networks, a quarter of a gigabyte.
NUMBERS_KEPT = 2**26


def in_parts(compute: Callable[[IntArray], NDArray[Any]], rows: IntArray) -> NDArray[Any]:
    """Return ``compute(rows)``, by so few rows at a time that what it needs meanwhile fits in memory."""
    starts = range(0, max(len(rows), 1), ROWS_AT_ONCE)
    return np.concatenate([compute(rows[start : start + ROWS_AT_ONCE]) for start in starts])


def one_per_function(source: GraphSource, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return what to compute, and how to hand it out: ``values[first]`` computed, ``computed[places]`` given.

    Returns:
        ``first``, for each distinct function the graph among ``rows`` that comes first; ``places``, for each
        of ``rows`` the place of its function in ``first``.
    """
    rows = np.asarray(rows, dtype=np.int64)
    places, distinct = pd.factorize(np.asarray(source.function_ids)[rows])
    first = np.full(len(distinct), -1, dtype=np.int64)
    first[places[::-1]] = rows[::-1]
    return first, places


class PerFunction:
    """Rows of numbers that depend on a network's function alone: each is computed once and kept.

    Beyond ``NUMBERS_KEPT`` numbers are computed each time that they are asked for.

    Args:
        source: the graphs.
        compute: gives graphs x columns for rows of the source.
    """

    def __init__(self, source: GraphSource, compute: Callable[[IntArray], NDArray[Any]]) -> None:
        self._source, self._compute = source, compute
        self._places = np.zeros(0, dtype=np.int64)
        # The first ``_known`` rows are filled; room is doubled when it runs out.
        self._values: NDArray[Any] | None = None
        self._known = 0

    def __call__(self, rows: IntArray) -> NDArray[Any]:
        """The numbers of the graphs at ``rows``."""
        rows = np.asarray(rows, dtype=np.int64)
        functions = np.asarray(self._source.function_ids)
        self._grow(int(functions.max(initial=-1)) + 1)
        kept_at = self._places[functions[rows]]
        known = kept_at >= 0
        if known.all() and self._values is not None:
            return self._values[kept_at]
        first, places = one_per_function(self._source, rows[~known])
        found = self._compute(first)
        if (self._known + len(found)) * math.prod(found.shape[1:]) <= NUMBERS_KEPT:
            self._keep(functions[first], found)
            return self._kept()[self._places[functions[rows]]]
        values = np.empty((len(rows), *found.shape[1:]), found.dtype)
        values[~known] = found[places]
        if known.any():
            values[known] = self._kept()[kept_at[known]]
        return values

    def _keep(self, functions: IntArray, found: NDArray[Any]) -> None:
        end = self._known + len(found)
        if self._values is None or end > len(self._values):
            values = np.empty((max(end, 2 * self._known), *found.shape[1:]), found.dtype)
            if self._values is not None:
                values[: self._known] = self._values[: self._known]
            self._values = values
        self._values[self._known : end] = found
        self._places[functions] = np.arange(self._known, end)
        self._known = end

    def _kept(self) -> NDArray[Any]:
        assert self._values is not None
        return self._values

    def _grow(self, functions: int) -> None:
        more = functions - len(self._places)
        if more > 0:
            self._places = np.concatenate([self._places, np.full(more, -1, dtype=np.int64)])


@dataclass(frozen=True, eq=False)
class ListedSource:
    """Canonical graphs of networks that belong together, as one space without a description."""

    graphs: GraphBatch
    statistics: NDArray[np.float32]
    function_ids: IntArray

    @classmethod
    def of(cls, graphs: Sequence[ComputationGraph]) -> "ListedSource":
        """Measure every graph."""
        canonical = canonical_batch(GraphBatch.from_graphs(graphs))
        keys = sharing_keys(canonical, range(len(canonical)), is_canonical=True)
        _, functions = np.unique(keys, return_inverse=True)
        return cls(canonical, statistics(canonical), functions)

    def __len__(self) -> int:
        return len(self.graphs)

    def take(self, rows: IntArray) -> "ListedSource":
        """Return those at ``rows``, in their order; one may be taken several times."""
        return ListedSource(self.graphs.take(rows), self.statistics[rows], self.function_ids[rows])

    def batch(self, rows: IntArray) -> GraphBatch:
        """Return the graphs at ``rows``."""
        return self.graphs.take(rows)

    def statistics_of(self, rows: IntArray) -> NDArray[np.float32]:
        """Return ``statistics[rows]``."""
        return self.statistics[rows]

    @property
    def spectrum(self) -> NDArray[np.float32]:
        """Graphs x eigenvalues; computed anew in every call, nothing but pretraining needs it."""
        return spectrum(self.graphs)

    @property
    def spaces(self) -> list[str]:
        """One name for all."""
        return ["listed"] * len(self)

    def architectures_of(self, rows: IntArray) -> list[Architecture]:
        """Raise InputError: networks of no known space have no architecture strings."""
        raise InputError("these networks belong to no known space, so they have no architecture strings")


class SpaceSource:
    """Canonical graphs of architectures of one space; each is made once, statistics once per function.

    It grows by what :meth:`rows` is asked for.
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
        self._names: list[Architecture] = []

    def rows(self, architectures: Sequence[Architecture]) -> IntArray:
        """Return row of each architecture; those not seen before are added.

        Raises:
            InputError: a string is no architecture of the space.
        """
        new = [name for name in dict.fromkeys(architectures) if name not in self._row_of]
        if new:
            self._add(new)
        return np.array([self._row_of[name] for name in architectures], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._function_ids)

    def batch(self, rows: IntArray) -> GraphBatch:
        """Return the graphs at ``rows``."""
        return self._all_graphs().take(self._function_ids[np.asarray(rows, dtype=np.int64)])

    def statistics_of(self, rows: IntArray) -> NDArray[np.float32]:
        """Return ``statistics[rows]`` without the others."""
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

    def function_keys(self, rows: IntArray) -> NDArray[np.uint64]:
        """Return a number for each network that is equal exactly where two compute the same function, in this
        source and in any other one.
        """
        return np.fromiter(self._functions, np.uint64, len(self._functions))[self._function_ids[rows]]

    @property
    def spaces(self) -> list[Any]:
        """The name of the space, once per graph."""
        return [self._space.name] * len(self)

    def architectures_of(self, rows: IntArray) -> list[Architecture]:
        """Return the architecture strings of the graphs at ``rows``."""
        return [self._names[row] for row in np.asarray(rows).tolist()]

    def _add(self, architectures: list[Architecture]) -> None:
        graphs = canonical_batch(self._space.graphs(architectures))
        keys = sharing_keys(graphs, architectures, is_canonical=True).tolist()
        first = len(self._functions)
        for key in keys:
            self._functions.setdefault(key, len(self._functions))
        ids = np.array([self._functions[key] for key in keys], dtype=np.int64)
        known, positions = np.unique(ids, return_index=True)
        fresh = graphs.take(positions[known >= first])
        self._waiting.append(fresh)
        self._statistics = np.concatenate([self._statistics, statistics(fresh)])
        rows = range(len(self), len(self) + len(architectures))
        self._row_of.update(zip(architectures, rows, strict=True))
        self._names += architectures
        self._function_ids = np.concatenate([self._function_ids, ids])

    def _all_graphs(self) -> GraphBatch:
        while self._waiting:
            self._graphs = _joined(self._graphs, self._waiting.pop(0))
        return self._graphs


class ExtendedStore:
    """A graph store with further architectures of its space behind its rows."""

    def __init__(self, store: GraphStore, space: SearchSpace, further: Sequence[Architecture]) -> None:
        self._store, self._space, self._names = store, space, list(further)
        self._graphs = canonical_batch(space.graphs(self._names))
        self._statistics = statistics(self._graphs)
        self.function_ids = self._functions(store)

    def __len__(self) -> int:
        return len(self._store) + len(self._names)

    @property
    def spaces(self) -> list[str]:
        """Name of the search space of every graph."""
        return [*self._store.spaces.to_pylist(), *[self._space.name] * len(self._names)]

    def batch(self, rows: IntArray) -> GraphBatch:
        """Return the graphs at ``rows``."""
        stored, further, order = self._parts(rows)
        return _joined(self._store.batch(stored), self._graphs.take(further)).take(order)

    @property
    def statistics(self) -> NDArray[np.float32]:
        """Graphs x statistics."""
        return np.concatenate([self._store.statistics, self._statistics])

    def statistics_of(self, rows: IntArray) -> NDArray[np.float32]:
        """Return ``statistics[rows]`` without the others."""
        stored, further, order = self._parts(rows)
        return np.concatenate([self._store.statistics_of(stored), self._statistics[further]])[order]

    @property
    def spectrum(self) -> NDArray[np.float32]:
        """Graphs x eigenvalues."""
        own = spectrum(self._graphs)[:, : self._store.spectrum_size]
        return np.concatenate([self._store.spectrum, own])

    def architectures_of(self, rows: IntArray) -> list[Architecture]:
        """Return the architecture strings of the graphs at ``rows``."""
        stored, further, order = self._parts(rows)
        names = [*self._store.architectures_of(stored), *(self._names[row] for row in further.tolist())]
        return [names[place] for place in order.tolist()]

    def _functions(self, store: GraphStore) -> IntArray:
        """Those of the store, then those of the others, which may be the same."""
        hashes, functions = store.function_hashes[store.complete], store.function_ids[store.complete]
        known = dict(zip(hashes.tolist(), functions.tolist(), strict=True))
        keys = sharing_keys(self._graphs, self._names, is_canonical=True).tolist()
        own = {key: len(store) + place for place, key in enumerate(dict.fromkeys(keys))}
        found = np.array([known.get(key, own[key]) for key in keys], dtype=np.int64)
        return np.unique(np.concatenate([store.function_ids, found]), return_inverse=True)[1]

    def _parts(self, rows: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Rows of the store, rows of the others, and where each of ``rows`` stands in both together."""
        rows = np.asarray(rows, dtype=np.int64)
        in_store = rows < len(self._store)
        order = np.where(in_store, np.cumsum(in_store) - 1, in_store.sum() + np.cumsum(~in_store) - 1)
        return rows[in_store], rows[~in_store] - len(self._store), order


def with_architectures(
    store: GraphStore, space: SearchSpace, architectures: Sequence[Architecture]
) -> tuple[GraphSource, IntArray]:
    """Return the store, with the architectures that it lacks behind its rows, and the row of each
    architecture.

    Raises:
        InputError: a string is no architecture of the space.
    """
    found = store.find(architectures)
    lacking = list(dict.fromkeys(name for name, row in zip(architectures, found, strict=True) if row < 0))
    if not lacking:
        return store, found
    places = {name: len(store) + place for place, name in enumerate(lacking)}
    rows = [places.get(name, row) for name, row in zip(architectures, found.tolist(), strict=True)]
    return ExtendedStore(store, space, lacking), np.array(rows, dtype=np.int64)


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
