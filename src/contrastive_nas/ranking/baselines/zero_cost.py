"""Rankings and features from zero-cost proxies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import Floats, GraphSource, Ranker
from contrastive_nas.ranking.baselines.features import Features, architectures_of, costs, graph_statistics
from contrastive_nas.ranking.zero_cost.proxies import PROXY_NAMES
from contrastive_nas.ranking.zero_cost.table import ProxyTable

FloatArray = NDArray[np.float64]
AZ_NAS = ("expressivity", "progressivity", "trainability")


@dataclass
class ProxyRanker:
    """Ranks by one proxy, without labels."""

    proxies: ProxyTable
    proxy: str

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Learns nothing."""

    def scores(self, source: GraphSource, indices: IntArray) -> FloatArray:
        """The rank by the proxy among the graphs asked for; those without a value come last."""
        return _ranks(self.proxies.scores(architectures_of(source, indices))[self.proxy].to_numpy())


@dataclass
class AzNasRanker:
    """Ranks by AZ-NAS's four scores, without labels.

    Lee and Ham, AZ-NAS, CVPR 2024, equation 7: the sum over scores of log(rank / number of networks), so that
    the order depends on which networks are asked for.
    """

    proxies: ProxyTable

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Learns nothing."""

    def scores(self, source: GraphSource, indices: IntArray) -> FloatArray:
        """The sum of logarithms of ranks."""
        table = self.proxies.scores(architectures_of(source, indices))
        columns = [table[name].to_numpy() for name in AZ_NAS] + [costs(source, indices)[:, 0]]
        return sum((np.log(_ranks(column) / len(indices)) for column in columns), np.zeros(len(indices)))


@dataclass
class WithAzNas:
    """The sum of another ranker's scores and of AZ-NAS's, each standardised over the graphs asked for."""

    ranker: Ranker
    proxies: ProxyTable

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Fits the other ranker."""
        self.ranker.fit(source, labelled, labels, seed)

    def scores(self, source: GraphSource, indices: IntArray) -> FloatArray:
        """The sum."""
        parts = [ranker.scores(source, indices) for ranker in (self.ranker, AzNasRanker(self.proxies))]
        return sum(((part - part.mean()) / part.std() for part in parts), np.zeros(len(indices)))


def statistics_and_proxies(proxies: ProxyTable) -> Features:
    """General graph statistics and, as normal quantiles of their rank in the source, the proxies."""

    def features(source: GraphSource, rows: IntArray) -> FloatArray:
        table = proxies.scores(architectures_of(source, np.arange(len(source))))
        ranks = np.stack([_ranks(table[name].to_numpy()) for name in PROXY_NAMES], axis=1)
        quantiles = ndtri((ranks - 0.5) / len(ranks))
        return np.concatenate([graph_statistics(source, rows), quantiles[rows]], axis=1)

    return features


def _ranks(values: FloatArray) -> FloatArray:
    return rankdata(np.where(np.isnan(values), -np.inf, values))
