"""Graphs of an earlier store, which a new one takes over instead of making them again."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from contrastive_nas.conversion.measured import Measured, joined
from contrastive_nas.errors import InputError
from contrastive_nas.graphs.statistics.network import STATISTICS
from contrastive_nas.graphs.storage.store import GraphStore, open_store


class KnownGraphs:
    """The graphs of one space in an earlier store.

    Args:
        store: the store; None knows no graph.
        space: name of the space.
    """

    def __init__(self, store: GraphStore | None, space: str) -> None:
        self._store = None if store is None else store.select(space=space)
        names = [] if self._store is None else self._store.architectures.to_pylist()
        self._rows = {architecture: row for row, architecture in enumerate(names)}

    def missing(self, architectures: Sequence[str]) -> list[int]:
        """Return places of the architectures that are not in the store."""
        return [place for place, name in enumerate(architectures) if name not in self._rows]

    def completed(self, architectures: Sequence[str], new: Measured | None) -> Measured:
        """Return the graphs of all architectures, in their order, as if all had been made together.

        Args:
            architectures: some of the space.
            new: the graphs of the :meth:`missing` ones; None where there are none.
        """
        known = [self._rows[name] for name in architectures if name in self._rows]
        if new is not None and not known:
            return new
        # Where the architectures are, known ones first: sorting that gives back their own order.
        places = np.argsort([name not in self._rows for name in architectures], kind="stable")
        return joined(self._read(known), self._read([]) if new is None else new, np.argsort(places))

    def _read(self, rows: list[int]) -> Measured:
        assert self._store is not None
        part = self._store.take(np.array(rows, dtype=np.int64))
        return Measured(part.batch(), part.function_hashes, part.statistics, part.spectrum)


def open_known(path: str | Path | None, spectrum_size: int) -> GraphStore | None:
    """Return the earlier store; None for none.

    Raises:
        InputError: it is no store, or keeps other statistics or another number of eigenvalues.
    """
    if path is None:
        return None
    store = open_store(path)
    if (store.statistic_names, store.spectrum_size) != (STATISTICS, spectrum_size):
        raise InputError(f"{path} was written with other statistics or another number of eigenvalues")
    return store
