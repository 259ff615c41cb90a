from dataclasses import dataclass

import numpy as np
import pytest
from tests.graphs.random_graphs import random_graph
from tests.ranking.transfer.test_transfer import few, made_up

from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.ranking.base import Ranker
from contrastive_nas.ranking.comparator.ranker import ComparatorRanker
from contrastive_nas.ranking.metrics import spearman_rho
from contrastive_nas.ranking.transfer.model import LabelledSpace, TransferModel, fit_transfer
from contrastive_nas.ranking.transfer.ranker import TransferRanker


@dataclass
class Source:
    """Networks that differ in their statistics alone."""

    space: LabelledSpace

    def __len__(self) -> int:
        return len(self.space.labels)

    def batch(self, indices: np.ndarray) -> GraphBatch:
        return GraphBatch.from_graphs([random_graph(np.random.default_rng(0), 8)] * len(indices))

    @property
    def statistics(self) -> np.ndarray:
        return self.space.statistics

    def statistics_of(self, rows: np.ndarray) -> np.ndarray:
        return self.space.statistics[rows]

    @property
    def function_ids(self) -> np.ndarray:
        return np.arange(len(self))

    @property
    def spaces(self) -> list[str]:
        return [self.space.name] * len(self)


@pytest.fixture(scope="module")
def model() -> TransferModel:
    return fit_transfer([made_up(f"s{seed}", seed, few(0)) for seed in range(3)])


def wins(ranker: TransferRanker, source: Source, labelled: np.ndarray) -> tuple[float, float]:
    """How often favourites win among unlabelled networks, and how often they are predicted to."""
    rest = np.setdiff1d(np.arange(len(source)), labelled)
    scores, truth = ranker.scores(source, rest), source.space.labels[rest]
    gaps = np.subtract.outer(scores, scores) / ranker.temperature
    favoured = gaps > 0
    won = np.subtract.outer(truth, truth)[favoured] > 0
    return won.mean(), (1 / (1 + np.exp(-gaps[favoured]))).mean()


def quality(ranker: Ranker, source: Source, count: int) -> float:
    labelled = np.random.default_rng(0).permutation(len(source))[:count]
    ranker.fit(source, labelled, source.space.labels[labelled], 0)
    rest = np.setdiff1d(np.arange(len(source)), labelled)
    return spearman_rho(ranker.scores(source, rest), source.space.labels[rest])


def test_without_labels_it_is_the_model(model: TransferModel) -> None:
    source = Source(made_up("target", 9, few(0)))
    assert quality(TransferRanker(model), source, 0) > 0.75


def test_few_labels_are_worth_more_with_other_spaces(model: TransferModel) -> None:
    source, ranker = Source(made_up("target", 9, few(0))), TransferRanker(model)
    none, some = (quality(ranker, source, count) for count in (0, 40))
    assert some > none - 0.02
    assert some > quality(ComparatorRanker(ranker.encoders), source, 40) + 0.2


def test_labels_of_the_best_alone_leave_other_spaces_their_say(model: TransferModel) -> None:
    """Who trains what was ranked first labels no average networks."""
    source, ranker = Source(made_up("target", 9, few(0))), TransferRanker(model)
    ranker.fit(source, np.zeros(0, int), np.zeros(0), 0)
    order = np.argsort(-ranker.scores(source, np.arange(len(source))))
    best, rest = order[:20], order[20:]
    without = spearman_rho(ranker.scores(source, rest), source.space.labels[rest])
    ranker.fit(source, best, source.space.labels[best], 0)
    assert spearman_rho(ranker.scores(source, rest), source.space.labels[rest]) > without - 0.05


def test_labels_overrule_spaces_that_mislead(model: TransferModel) -> None:
    source = Source(made_up("contrary", 9, -few(0), noise=0.05))
    ranker = TransferRanker(model)
    assert quality(ranker, source, 0) < -0.75
    assert quality(ranker, source, 40) > 0.7


def test_probabilities_of_winning_hold_with_labels(model: TransferModel) -> None:
    source, ranker = Source(made_up("target", 9, few(0))), TransferRanker(model)
    labelled = np.random.default_rng(0).permutation(len(source))[:40]
    ranker.fit(source, labelled, source.space.labels[labelled], 0)
    won, predicted = wins(ranker, source, labelled)
    assert predicted == pytest.approx(won, abs=0.06)


def test_three_labels_in_order_do_not_make_it_sure_of_everything(model: TransferModel) -> None:
    source, ranker = Source(made_up("target", 9, few(0))), TransferRanker(model)
    order = np.argsort(source.space.labels)[[10, 200, 390]]
    ranker.fit(source, order, source.space.labels[order], 0)
    won, predicted = wins(ranker, source, order)
    assert predicted < won + 0.15


def test_equal_labels_say_nothing(model: TransferModel) -> None:
    source = Source(made_up("target", 9, few(0)))
    ranker = TransferRanker(model)
    ranker.fit(source, np.array([1, 2]), np.array([50.0, 50.0]), 0)
    again = TransferRanker(model)
    again.fit(source, np.zeros(0, int), np.zeros(0), 0)
    rows = np.arange(len(source))
    np.testing.assert_array_equal(ranker.scores(source, rows), again.scores(source, rows))


def test_use_before_fitting(model: TransferModel) -> None:
    source = Source(made_up("target", 9, few(0)))
    with pytest.raises(RuntimeError):
        TransferRanker(model).scores(source, np.arange(3))
