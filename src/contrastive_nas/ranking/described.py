"""Ranking networks by their graphs as they are described, without canonical form."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from contrastive_nas.conversion.convert import convert
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.graphs.storage.store import open_store
from contrastive_nas.ranking.base import FloatArray, Posterior, Ranker
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.spaces.base import SearchSpace


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
        store = open_store(path)
        # Each description is a function of its own: nothing is shared where nothing is complete.
        self._described = replace(store, complete=np.zeros(len(store), dtype=bool))
        self._source = graphs
