"""A Gaussian process on what is known of whole networks without an encoder."""

import numpy as np

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import FloatArray, Posterior, Ranker, normal_quantiles
from contrastive_nas.ranking.gaussian_process.kernel import View
from contrastive_nas.ranking.gaussian_process.regression import GaussianProcess
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.spaces.base import SearchSpace

# Networks by which statistics are standardised.
REFERENCE = 1024
# A statistic this many standard deviations off counts as this far.
LIMIT = 4.0
# A statistic that varies less than this does not tell networks apart.
_LEAST_SPREAD = 1e-9


class GaussianProcessRanker(Ranker):
    """Ranks by graph statistics and, where the space is given, by its categorical choices.

    Two kernel terms: a Matern kernel of the statistics of the canonical graph, which networks of one function
    share, and a Hamming kernel of the choices, which tell apart what no statistic does. Labels are mapped to
    normal quantiles of their ranks.

    Args:
        space: of the architectures; without it statistics alone are compared.
    """

    def __init__(self, space: SearchSpace | None = None) -> None:
        self._space = space
        self._graphs: GraphSource | None = None
        choices = () if space is None else space.choices
        self._widths = np.array([len(choice.options) for choice in choices], dtype=np.int64)
        self._choices = np.zeros((0, int(self._widths.sum())))

    def _learn(self, graphs: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        if graphs is not self._graphs:
            self._see(graphs, seed)
        views = [View("matern", len(self._columns)), View("hamming", self._choices.shape[1])]
        self._process = GaussianProcess([view for view in views if view.columns])
        self._process.fit(self._inputs(labelled), normal_quantiles(labels))

    def posterior(self, rows: IntArray) -> Posterior:
        return Posterior(*self._process.predict(self._inputs(rows)))

    def covariance(self, rows: IntArray) -> FloatArray:
        return self._process.covariance(self._inputs(rows))

    def _see(self, graphs: GraphSource, seed: int) -> None:
        self._graphs, self._choices = graphs, self._choices[:0]
        size = min(REFERENCE, len(graphs))
        sample = np.random.default_rng(seed).choice(len(graphs), size=size, replace=False)
        statistics = graphs.statistics_of(sample).astype(np.float64)
        spread = statistics.std(axis=0)
        self._columns = np.flatnonzero(spread > _LEAST_SPREAD)
        self._mean, self._spread = statistics.mean(axis=0)[self._columns], spread[self._columns]

    def _inputs(self, rows: IntArray) -> FloatArray:
        """Standardised statistics, then one-hot choices: graphs x columns."""
        assert self._graphs is not None, "call fit() before asking for predictions"
        statistics = self._graphs.statistics_of(rows)[:, self._columns]
        standardised = np.clip((statistics - self._mean) / self._spread, -LIMIT, LIMIT)
        if self._space is None:
            return standardised
        known = len(self._choices)
        if known < len(self._graphs):
            new = self._one_hot(self._space, self._graphs, np.arange(known, len(self._graphs)))
            self._choices = np.concatenate([self._choices, new])
        return np.concatenate([standardised, self._choices[rows]], axis=1)

    def _one_hot(self, space: SearchSpace, graphs: GraphSource, rows: IntArray) -> FloatArray:
        decisions = np.array([space.encode(name) for name in graphs.architectures_of(rows)], dtype=np.int64)
        encoded = np.zeros((len(rows), int(self._widths.sum())))
        offsets = np.concatenate([[0], np.cumsum(self._widths)[:-1]])
        np.put_along_axis(encoded, decisions + offsets, 1.0, axis=1)
        return encoded
