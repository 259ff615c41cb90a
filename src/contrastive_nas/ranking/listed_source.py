"""A graph source of networks that a user lists, of whatever kind."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.canonical_form.canonical import canonical_batch
from contrastive_nas.graphs.canonical_form.hashing import function_hashes
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch, IntArray
from contrastive_nas.graphs.statistics.network import statistics
from contrastive_nas.graphs.statistics.spectrum import spectrum


@dataclass(frozen=True, eq=False)
class ListedSource:
    """Canonical graphs of networks that belong together, as one space without a description.

    It is a :class:`~contrastive_nas.ranking.base.GraphSource`.
    """

    graphs: GraphBatch
    statistics: NDArray[np.float32]
    function_ids: IntArray

    @classmethod
    def of(cls, graphs: Sequence[ComputationGraph]) -> "ListedSource":
        """Measures every graph."""
        canonical = canonical_batch(GraphBatch.from_graphs(graphs))
        _, functions = np.unique(function_hashes(canonical, is_canonical=True), return_inverse=True)
        return cls(canonical, statistics(canonical), functions)

    def __len__(self) -> int:
        return len(self.graphs)

    def batch(self, indices: IntArray) -> GraphBatch:
        """The graphs at ``indices``."""
        return self.graphs.take(indices)

    def statistics_of(self, rows: IntArray) -> NDArray[np.float32]:
        """``statistics[rows]``."""
        return self.statistics[rows]

    @property
    def spectrum(self) -> NDArray[np.float32]:
        """Graphs x eigenvalues; computed anew in every call, nothing but pretraining needs it."""
        return spectrum(self.graphs)

    @property
    def spaces(self) -> list[str]:
        """One name for all."""
        return ["listed"] * len(self)
