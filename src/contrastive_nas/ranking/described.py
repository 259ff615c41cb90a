"""Ranking networks by their graphs as they are described, without canonical form."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.conversion.convert import convert
from contrastive_nas.graphs.schema import GraphBatch, IntArray
from contrastive_nas.graphs.storage.store import GraphStore, open_store
from contrastive_nas.ranking.base import Floats, GraphSource, Ranker
from contrastive_nas.ranking.baselines.features import architectures_of
from contrastive_nas.spaces.base import SearchSpace


@dataclass(frozen=True)
class DescribedGraphs:
    """The rows of a store that keeps graphs as they are described, each a function of its own.

    It is a :class:`~contrastive_nas.ranking.base.GraphSource`.
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


@dataclass
class DescribedRanker:
    """Gives a ranker the graphs of the same architectures as they are described.

    Attributes:
        space: of the architectures.
        ranker: what learns from these graphs.
    """

    space: SearchSpace
    ranker: Ranker
    _source: GraphSource | None = field(default=None, init=False)
    _described: DescribedGraphs | None = field(default=None, init=False)
    _folder: tempfile.TemporaryDirectory[str] | None = field(default=None, init=False)

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Converts a source not seen before, then fits."""
        self.ranker.fit(self._describe(source), labelled, labels, seed)

    def scores(self, source: GraphSource, indices: IntArray) -> Floats:
        """The ranker's scores."""
        return self.ranker.scores(self._describe(source), indices)

    def _describe(self, source: GraphSource) -> DescribedGraphs:
        if self._described is None or source is not self._source:
            architectures = architectures_of(source, np.arange(len(source)))
            # The store is read from the disk as long as this ranker lives.
            self._folder = tempfile.TemporaryDirectory()
            path = Path(self._folder.name) / "described.arrow"
            convert(path, [(self.space, architectures)], canonical_form=False)
            self._described, self._source = DescribedGraphs(open_store(path)), source
        return self._described
