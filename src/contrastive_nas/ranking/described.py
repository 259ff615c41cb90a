"""Ranking networks by their graphs as they are described, without canonical form."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.conversion.convert import convert
from contrastive_nas.graphs.schema import GraphBatch, IntArray
from contrastive_nas.graphs.storage.store import GraphStore, open_store
from contrastive_nas.ranking.base import FloatArray, Posterior, Ranker
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.spaces.base import SearchSpace


@dataclass(frozen=True)
class DescribedGraphs:
    """The rows of a store that keeps graphs as they are described, each a function of its own.

    It is a :class:`~contrastive_nas.ranking.graph_source.GraphSource`.
    """

    store: GraphStore

    def __len__(self) -> int:
        return len(self.store)

    def batch(self, indices: IntArray) -> GraphBatch:
        """The graphs at ``indices``."""
        return self.store.batch(indices)

    @property
    def statistics(self) -> NDArray[np.float32]:
        """Graphs x statistics."""
        return self.store.statistics

    def statistics_of(self, rows: IntArray) -> NDArray[np.float32]:
        """``statistics[rows]`` without the others."""
        return self.store.statistics_of(rows)

    @property
    def spectrum(self) -> NDArray[np.float32]:
        """Graphs x eigenvalues."""
        return self.store.spectrum

    @property
    def function_ids(self) -> IntArray:
        """All different."""
        return np.arange(len(self))

    @property
    def spaces(self) -> Iterable[Any]:
        """Name of the search space of every graph."""
        return self.store.spaces

    def architectures_of(self, rows: IntArray) -> list[str]:
        """The architecture strings at ``rows``."""
        return self.store.architectures_of(rows)


class DescribedRanker(Ranker):
    """Gives a ranker the graphs of the same architectures as they are described.

    Args:
        space: of the architectures.
        ranker: what learns from these graphs.
    """

    def __init__(self, space: SearchSpace, ranker: Ranker) -> None:
        self._space, self._ranker = space, ranker
        self.has_uncertainty = ranker.has_uncertainty
        self.answers_without_labels = ranker.answers_without_labels
        self._source: GraphSource | None = None

    def _learn(self, graphs: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        if graphs is not self._source or len(graphs) != len(self._described):
            self._describe(graphs)
        self._ranker.fit(self._described, labelled, labels, seed)

    def posterior(self, rows: IntArray) -> Posterior:
        return self._ranker.posterior(rows)

    def scores(self, rows: IntArray) -> FloatArray:
        return self._ranker.scores(rows)

    def covariance(self, rows: IntArray) -> FloatArray | None:
        return self._ranker.covariance(rows)

    def probability(self, first: IntArray, second: IntArray) -> FloatArray:
        return self._ranker.probability(first, second)

    def _describe(self, graphs: GraphSource) -> None:
        architectures = graphs.architectures_of(np.arange(len(graphs)))
        # The store is read from the disk as long as this ranker lives.
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "described.arrow"
        convert(path, [(self._space, architectures)], canonical_form=False)
        self._described, self._source = DescribedGraphs(open_store(path)), graphs
