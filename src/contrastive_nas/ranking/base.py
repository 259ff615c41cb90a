"""What learning needs of a collection of graphs, and what every way of ranking offers."""

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.schema import GraphBatch, IntArray

Floats = NDArray[np.floating]


class GraphSource(Protocol):
    """Graphs by number, with what was measured of each; a graph store is one."""

    def __len__(self) -> int: ...

    def batch(self, indices: IntArray) -> GraphBatch:
        """The graphs at ``indices``."""
        ...

    @property
    def statistics(self) -> NDArray[np.float32]:
        """Graphs x statistics: the whole table, which may have to be read first."""
        ...

    def statistics_of(self, rows: IntArray) -> NDArray[np.float32]:
        """``statistics[rows]`` without the others."""
        ...

    @property
    def spectrum(self) -> NDArray[np.float32]:
        """Graphs x eigenvalues, ascending."""
        ...

    @property
    def function_ids(self) -> IntArray:
        """Equal exactly where two networks compute the same function."""
        ...

    @property
    def spaces(self) -> Iterable[Any]:
        """Name of the search space of every graph."""
        ...


class Ranker(Protocol):
    """A way of ranking architectures after few were labelled."""

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Learns from the graphs at ``labelled`` and their accuracies (higher is better)."""
        ...

    def scores(self, source: GraphSource, indices: IntArray) -> Floats:
        """One number per graph, higher for better networks; float64."""
        ...
