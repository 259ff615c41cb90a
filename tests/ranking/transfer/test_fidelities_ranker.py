"""A ranker that learns from labels of shorter trainings: the same without them, better with them."""

import numpy as np
import pytest
from tests.ranking.transfer.test_transfer import few, made_up
from tests.ranking.transfer.test_transfer_ranker import Source

from contrastive_nas.ranking.metrics import spearman_rho
from contrastive_nas.ranking.transfer.fidelities import FidelitiesRanker, Lower
from contrastive_nas.ranking.transfer.model import TransferModel, fit_transfer
from contrastive_nas.ranking.transfer.ranker import TransferRanker


@pytest.fixture(scope="module")
def model() -> TransferModel:
    return fit_transfer([made_up(f"s{seed}", seed, few(0)) for seed in range(3)])


@pytest.fixture(scope="module")
def source() -> Source:
    return Source(made_up("target", 7, few(0)))


def short_labels(source: Source, count: int, noise: float) -> Lower:
    """Labels on another scale, which only their order relates to the full ones."""
    rng = np.random.default_rng(3)
    rows = rng.choice(len(source), count, replace=False)
    labels = source.space.labels[rows]
    return Lower(rows, np.exp(0.1 * (labels + noise * labels.std() * rng.normal(size=count))))


def test_without_shorter_trainings_it_is_the_ranker_transfer(model: TransferModel, source: Source):
    rows, every = np.arange(12), np.arange(len(source))
    ours, plain = FidelitiesRanker(model), TransferRanker(model)
    for ranker in (ours, plain):
        ranker.fit(source, rows, source.space.labels[rows], seed=0)
    assert np.array_equal(ours.posterior(every).mean, plain.posterior(every).mean)
    assert np.array_equal(ours.posterior(every).deviation, plain.posterior(every).deviation)


def test_their_labels_tell_what_full_trainings_would(model: TransferModel, source: Source):
    every, rows = np.arange(len(source)), np.arange(6)
    found = {}
    for name, lower in {"none": [], "short": [short_labels(source, 60, 0.3)]}.items():
        ranker = FidelitiesRanker(model)
        ranker.take_lower(lower)
        ranker.fit(source, rows, source.space.labels[rows], seed=0)
        found[name] = spearman_rho(ranker.scores(every), source.space.labels)
        both = ranker.probability(every[:9], every[:9])
        assert np.array_equal(both + both.T, np.ones((9, 9)))
    assert found["short"] > found["none"]


def test_they_answer_before_the_first_full_training(model: TransferModel, source: Source):
    every, short = np.arange(len(source)), short_labels(source, 60, 0.1)
    ranker, plain = FidelitiesRanker(model), FidelitiesRanker(model)
    ranker.take_lower([short])
    for one in (ranker, plain):
        one.fit(source, np.zeros(0, dtype=np.int64), np.zeros(0), seed=0)
    truth = source.space.labels
    assert spearman_rho(ranker.scores(every), truth) > spearman_rho(plain.scores(every), truth)


def test_only_the_order_of_their_labels_counts(model: TransferModel, source: Source):
    short, rows = short_labels(source, 30, 0.2), np.arange(5)
    scores = []
    for labels in (short.labels, 7 + short.labels**3):
        ranker = FidelitiesRanker(model)
        ranker.take_lower([Lower(short.rows, labels)])
        ranker.fit(source, rows, source.space.labels[rows], seed=0)
        scores.append(ranker.scores(np.arange(50)))
    assert np.array_equal(*scores)


def test_misleading_ones_lose_their_share(model: TransferModel, source: Source):
    rows, short = np.arange(40), short_labels(source, 60, 0.1)
    shares = []
    for labels in (short.labels, -short.labels):
        ranker = FidelitiesRanker(model)
        ranker.take_lower([Lower(short.rows, labels)])
        ranker.fit(source, rows, source.space.labels[rows], seed=0)
        level = ranker.levels[0]
        assert level is not None
        shares.append(level.share)
    assert shares[1] < shares[0]


def test_a_network_that_was_measured_has_less_left_to_tell(model: TransferModel, source: Source):
    short = short_labels(source, 40, 0.2)
    ranker = FidelitiesRanker(model)
    ranker.take_lower([short])
    ranker.fit(source, np.zeros(0, dtype=np.int64), np.zeros(0), seed=0)
    rest = np.setdiff1d(np.arange(len(source)), short.rows)
    assert ranker.resolved(short.rows, 0).mean() < ranker.resolved(rest, 0).mean()
