"""Rankings and features from zero-cost proxies."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import FloatArray, PointRanker, Ranker, standardiser
from contrastive_nas.ranking.baselines.features import Features, costs, graph_statistics
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.ranking.zero_cost.proxies import PROXY_NAMES
from contrastive_nas.ranking.zero_cost.table import ProxyTable

AZ_NAS = ("expressivity", "progressivity", "trainability")
VKDNW = ("vkdnw", "jacobian_covariance", "expressivity", "trainability")
# Networks by which a proxy is standardised; each has to be built and run.
_REFERENCE = 64
# A network for which a proxy is not defined, in standard deviations.
_UNDEFINED = -10.0


class ProxyRanker(PointRanker):
    """Ranks by one proxy, without labels; networks without a value come last.

    Args:
        proxies: has the values.
        proxy: one of ``PROXY_NAMES``.
    """

    answers_without_labels = True

    def __init__(self, proxies: ProxyTable, proxy: str) -> None:
        self._proxies, self._proxy = proxies, proxy

    def _train(
        self, graphs: GraphSource, labelled: IntArray, targets: FloatArray, seed: int
    ) -> Callable[[IntArray], FloatArray]:
        size = min(_REFERENCE, len(graphs))
        sample = np.random.default_rng(seed).choice(len(graphs), size=size, replace=False)
        known = self._values(graphs, sample)
        standardise = standardiser(known[np.isfinite(known)] if np.isfinite(known).any() else np.zeros(1))

        def predict(rows: IntArray) -> FloatArray:
            values = standardise(self._values(graphs, rows))
            return np.where(np.isfinite(values), values, np.fmin(_UNDEFINED, np.nanmin(values, initial=0)))

        return predict

    def _values(self, graphs: GraphSource, rows: IntArray) -> FloatArray:
        values = self._proxies.scores(graphs.architectures_of(rows))[self._proxy].to_numpy(dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan)


class AggregateRanker(PointRanker):
    """Ranks by several proxies and multiply-accumulates, without labels.

    Lee and Ham, AZ-NAS, CVPR 2024, equation 7: the sum over scores of log(rank / number of networks), the
    networks being those of the source when it is fitted; standardised over them. AZ-NAS adds up the scores
    ``AZ_NAS`` so; Týbl and Neumann, CVPR 2025, those of ``VKDNW``.

    Args:
        proxies: has the scores.
        names: of the proxies that are added up.
    """

    answers_without_labels = True

    def __init__(self, proxies: ProxyTable, names: Sequence[str]) -> None:
        self._proxies, self._names = proxies, names

    def _train(
        self, graphs: GraphSource, labelled: IntArray, targets: FloatArray, seed: int
    ) -> Callable[[IntArray], FloatArray]:
        known = [np.sort(column) for column in self._columns(graphs, np.arange(len(graphs)))]

        def summed(rows: IntArray) -> FloatArray:
            columns = self._columns(graphs, rows)
            parts = [
                np.log(_rank_among(values, column)) for values, column in zip(known, columns, strict=True)
            ]
            return sum(parts, np.zeros(len(rows)))

        standardise = standardiser(summed(np.arange(len(graphs))))
        return lambda rows: standardise(summed(rows))

    def _columns(self, graphs: GraphSource, rows: IntArray) -> list[FloatArray]:
        table = self._proxies.scores(graphs.architectures_of(rows))
        columns = [
            *(table[name].to_numpy(dtype=np.float64) for name in self._names),
            costs(graphs, rows)[:, 0],
        ]
        return [np.where(np.isnan(column), -np.inf, column) for column in columns]


class WithAggregate(PointRanker):
    """The sum of another ranker's scores and of several proxies', each standardised over the source.

    Args:
        ranker: the other one, which answers without labels.
        aggregate: of the proxies.
    """

    answers_without_labels = True

    def __init__(self, ranker: Ranker, aggregate: AggregateRanker) -> None:
        self._ranker, self._aggregate = ranker, aggregate

    def _train(
        self, graphs: GraphSource, labelled: IntArray, targets: FloatArray, seed: int
    ) -> Callable[[IntArray], FloatArray]:
        self._ranker.fit(graphs, labelled, targets, seed)
        zero_cost = self._aggregate._train(graphs, labelled, targets, seed)
        standardise = standardiser(self._ranker.scores(np.arange(len(graphs))))
        return lambda rows: (standardise(self._ranker.scores(rows)) + zero_cost(rows)) / np.sqrt(2)


def statistics_and_proxies(proxies: ProxyTable) -> Features:
    """Return general graph statistics and, as normal quantiles of their rank in the source, the proxies."""

    def features(graphs: GraphSource, rows: IntArray) -> FloatArray:
        table = proxies.scores(graphs.architectures_of(np.arange(len(graphs))))
        values = np.nan_to_num(table[list(PROXY_NAMES)].to_numpy(dtype=np.float64), nan=-np.inf)
        ranks = rankdata(values, axis=0)
        quantiles = ndtri((ranks - 0.5) / len(ranks))
        return np.concatenate([graph_statistics(graphs, rows), quantiles[rows]], axis=1)

    return features


def _rank_among(known: FloatArray, values: FloatArray) -> FloatArray:
    """Mean rank of every value among sorted ones, as a part of their number, at least that of the least."""
    low, high = np.searchsorted(known, values, side="left"), np.searchsorted(known, values, side="right")
    return np.maximum((low + high + 1) / 2, 1) / len(known)
