"""Every way of ranking that can be compared, by name."""

from collections.abc import Callable
from dataclasses import dataclass

from contrastive_nas.ranking.base import Ranker
from contrastive_nas.ranking.baselines.ctnas import CtnasRanker
from contrastive_nas.ranking.baselines.features import (
    Features,
    graph_statistics,
    hand_made,
    hand_made_with_sequences,
)
from contrastive_nas.ranking.baselines.regression import RegressionRanker
from contrastive_nas.ranking.baselines.regressors import (
    AverageRanker,
    GaussianProcessRanker,
    StatisticRanker,
    TreesRanker,
)
from contrastive_nas.ranking.baselines.zero_cost import AzNasRanker, ProxyRanker, statistics_and_proxies
from contrastive_nas.ranking.comparator.ranker import ComparatorRanker
from contrastive_nas.ranking.described import DescribedRanker
from contrastive_nas.ranking.encoder.pretrained import PretrainedEncoders
from contrastive_nas.ranking.parameters import AugmentParameters, Optimisation, PretrainParameters
from contrastive_nas.ranking.zero_cost.proxies import PROXY_NAMES
from contrastive_nas.ranking.zero_cost.table import ProxyTable
from contrastive_nas.spaces.base import SearchSpace


@dataclass(frozen=True)
class Method:
    """A way of ranking.

    Attributes:
        make: a fresh ranker for architectures of a space; zero-cost scores are computed if it asks for them.
        learns: whether it needs labels of that space.
    """

    make: Callable[[SearchSpace, ProxyTable], Ranker]
    learns: bool = True


def _average(trees: Features, gaussian_process: Features) -> Ranker:
    return AverageRanker((TreesRanker(trees), GaussianProcessRanker(gaussian_process)))


def _proxy(name: str) -> Method:
    return Method(lambda space, proxies: ProxyRanker(proxies, name), learns=False)


# Shared, so that methods which differ in what comes after it need one pretraining.
_ENCODERS = PretrainedEncoders(PretrainParameters())
_DROPOUT_ENCODERS = PretrainedEncoders(PretrainParameters(variant="dropout"))
_UNTRAINED_ENCODERS = PretrainedEncoders(PretrainParameters(optimisation=Optimisation(steps=0)))

METHODS: dict[str, Method] = {
    "macs": Method(lambda space, proxies: StatisticRanker("log_macs"), learns=False),
    "parameters": Method(lambda space, proxies: StatisticRanker("log_parameters"), learns=False),
    "trees": Method(lambda space, proxies: TreesRanker(hand_made(space))),
    "gaussian_process": Method(lambda space, proxies: GaussianProcessRanker(hand_made_with_sequences(space))),
    "trees_and_process": Method(
        lambda space, proxies: _average(hand_made(space), hand_made_with_sequences(space))
    ),
    "statistics_trees": Method(lambda space, proxies: TreesRanker(graph_statistics)),
    "statistics_process": Method(lambda space, proxies: GaussianProcessRanker(graph_statistics)),
    "statistics_trees_and_process": Method(
        lambda space, proxies: _average(graph_statistics, graph_statistics)
    ),
    "statistics_and_proxies": Method(
        lambda space, proxies: _average(statistics_and_proxies(proxies), statistics_and_proxies(proxies))
    ),
    "regression": Method(lambda space, proxies: RegressionRanker(_ENCODERS)),
    "ctnas": Method(lambda space, proxies: CtnasRanker()),
    "ours": Method(lambda space, proxies: ComparatorRanker(_ENCODERS)),
    "ours_without_pretraining": Method(lambda space, proxies: ComparatorRanker(_UNTRAINED_ENCODERS)),
    "ours_dropout_variant": Method(lambda space, proxies: ComparatorRanker(_DROPOUT_ENCODERS)),
    "ours_without_canonical_form": Method(
        lambda space, proxies: DescribedRanker(
            space, ComparatorRanker(PretrainedEncoders(PretrainParameters()))
        )
    ),
    "ours_with_pseudo_labels": Method(
        lambda space, proxies: ComparatorRanker(_ENCODERS, augmenting=AugmentParameters())
    ),
    "ours_squared_error": Method(lambda space, proxies: ComparatorRanker(_ENCODERS, squared_error=True)),
    "az_nas": Method(lambda space, proxies: AzNasRanker(proxies), learns=False),
    **{name: _proxy(name) for name in PROXY_NAMES},
}
