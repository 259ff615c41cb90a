"""Every way of ranking that can be compared, by name."""

from collections.abc import Callable
from dataclasses import dataclass

from contrastive_nas.learning.baselines.features import (
    Features,
    graph_statistics,
    hand_made,
    hand_made_with_sequences,
)
from contrastive_nas.learning.baselines.regressors import (
    AverageRanker,
    GaussianProcessRanker,
    StatisticRanker,
    TreesRanker,
)
from contrastive_nas.learning.ranker import Ranker
from contrastive_nas.spaces.base import SearchSpace


@dataclass(frozen=True)
class Method:
    """A way of ranking.

    Attributes:
        make: a fresh ranker for architectures of a space.
        learns: whether it needs labels of that space.
    """

    make: Callable[[SearchSpace], Ranker]
    learns: bool = True


def _average(trees: Features, gaussian_process: Features) -> Ranker:
    return AverageRanker((TreesRanker(trees), GaussianProcessRanker(gaussian_process)))


METHODS: dict[str, Method] = {
    "macs": Method(lambda space: StatisticRanker("log_macs"), learns=False),
    "parameters": Method(lambda space: StatisticRanker("log_parameters"), learns=False),
    "trees": Method(lambda space: TreesRanker(hand_made(space))),
    "gaussian_process": Method(lambda space: GaussianProcessRanker(hand_made_with_sequences(space))),
    "trees_and_process": Method(lambda space: _average(hand_made(space), hand_made_with_sequences(space))),
    "statistics_trees": Method(lambda space: TreesRanker(graph_statistics)),
    "statistics_process": Method(lambda space: GaussianProcessRanker(graph_statistics)),
    "statistics_trees_and_process": Method(lambda space: _average(graph_statistics, graph_statistics)),
}
