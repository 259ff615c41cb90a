"""Rankers that are put together from parts, for the registry: what each name stands for."""

from functools import partial

from contrastive_nas.ranking.base import PointRanker, Ranker
from contrastive_nas.ranking.baselines import zero_cost
from contrastive_nas.ranking.baselines.features import graph_statistics, hand_made, hand_made_with_sequences
from contrastive_nas.ranking.baselines.regressors import (
    AverageRanker,
    ProcessRanker,
    StatisticRanker,
    TreesRanker,
)
from contrastive_nas.ranking.comparator.ranker import ComparatorRanker
from contrastive_nas.ranking.described import DescribedRanker
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.parameters import AugmentParameters, CompareParameters, PretrainParameters
from contrastive_nas.ranking.transfer.model import TransferModel
from contrastive_nas.ranking.transfer.ranker import StackedRanker
from contrastive_nas.ranking.zero_cost.table import ProxyTable
from contrastive_nas.spaces.base import SearchSpace


def comparator_self_training(
    features: EncoderFeatures | None = None,
    comparing: CompareParameters | None = None,
    self_training: AugmentParameters | None = None,
) -> Ranker:
    """Rank by the comparator, trained on with pseudo-labels."""
    parameters = self_training or AugmentParameters()
    return ComparatorRanker(features, comparing=comparing, self_training=parameters)


def comparator_squared_error(features: EncoderFeatures | None = None) -> Ranker:
    """Rank by regression with the comparator's kernel."""
    return ComparatorRanker(features, squared_error=True)


def comparator_described_graphs(space: SearchSpace) -> Ranker:
    """Rank by the comparator on graphs as they are described, without canonical form."""
    return DescribedRanker(space, ComparatorRanker(EncoderFeatures(PretrainParameters())))


def trees(space: SearchSpace) -> PointRanker:
    """Rank by trees on features made by hand for the space."""
    return TreesRanker(hand_made(space))


def process(space: SearchSpace) -> PointRanker:
    """Rank by scikit-learn's Gaussian process on features made by hand for the space."""
    return ProcessRanker(hand_made_with_sequences(space))


def trees_and_process(space: SearchSpace) -> PointRanker:
    """Rank by the mean of trees and a Gaussian process, on features made by hand for the space."""
    return AverageRanker([trees(space), process(space)])


def statistics_trees() -> PointRanker:
    """Rank by trees on graph statistics."""
    return TreesRanker(graph_statistics)


def statistics_process() -> PointRanker:
    """Rank by scikit-learn's Gaussian process on graph statistics."""
    return ProcessRanker(graph_statistics)


def statistics_trees_and_process() -> PointRanker:
    """Rank by the mean of trees and a Gaussian process, both on graph statistics."""
    return AverageRanker([statistics_trees(), statistics_process()])


def statistics_and_proxies(proxies: ProxyTable) -> PointRanker:
    """Rank by the mean of trees and a Gaussian process, on graph statistics and zero-cost proxies."""
    features = zero_cost.statistics_and_proxies(proxies)
    return AverageRanker([TreesRanker(features), ProcessRanker(features)])


def macs() -> PointRanker:
    """Rank by multiply-accumulates: more are better."""
    return StatisticRanker("log_macs")


def parameters() -> PointRanker:
    """Rank by parameters: more are better."""
    return StatisticRanker("log_parameters")


def az_nas(proxies: ProxyTable) -> zero_cost.AggregateRanker:
    """Rank by the sum of AZ-NAS's scores."""
    return zero_cost.AggregateRanker(proxies, zero_cost.AZ_NAS)


def vkdnw_aggregate(proxies: ProxyTable) -> zero_cost.AggregateRanker:
    """Rank by the sum of VKDNW's score and of those that its authors add to it."""
    return zero_cost.AggregateRanker(proxies, zero_cost.VKDNW)


def stacked_and_az_nas(
    proxies: ProxyTable, model: TransferModel | None = None, features: EncoderFeatures | None = None
) -> PointRanker:
    """Rank by the sum of the score learned from other spaces and labels, and AZ-NAS's score."""
    return zero_cost.WithAggregate(StackedRanker(model, features), az_nas(proxies))


def stacked_and_vkdnw(
    proxies: ProxyTable, model: TransferModel | None = None, features: EncoderFeatures | None = None
) -> PointRanker:
    """Rank by the sum of the score learned from other spaces and labels, and VKDNW's aggregate."""
    return zero_cost.WithAggregate(StackedRanker(model, features), vkdnw_aggregate(proxies))


def _proxy(proxies: ProxyTable, *, name: str) -> PointRanker:
    """A zero-cost proxy: a score of the built network before training."""
    return zero_cost.ProxyRanker(proxies, name)


synflow = partial(_proxy, name="synflow")
snip = partial(_proxy, name="snip")
gradient_norm = partial(_proxy, name="gradient_norm")
zico = partial(_proxy, name="zico")
naswot = partial(_proxy, name="naswot")
jacobian_covariance = partial(_proxy, name="jacobian_covariance")
expressivity = partial(_proxy, name="expressivity")
progressivity = partial(_proxy, name="progressivity")
trainability = partial(_proxy, name="trainability")
vkdnw = partial(_proxy, name="vkdnw")
