from dataclasses import dataclass

import numpy as np
import pytest
from tests.learning.test_transfer import few, made_up

from contrastive_nas.learning.metrics import spearman_rho
from contrastive_nas.learning.transfer import LabelledSpace, TransferModel, fit_transfer
from contrastive_nas.learning.transfer_ranker import TransferRanker


@dataclass
class Source:
    """Statistics alone: nothing else of graphs is looked at."""

    space: LabelledSpace

    def __len__(self) -> int:
        return len(self.space.labels)

    @property
    def statistics(self) -> np.ndarray:
        return self.space.statistics

    @property
    def function_ids(self) -> np.ndarray:
        return np.arange(len(self))


@pytest.fixture(scope="module")
def model() -> TransferModel:
    return fit_transfer([made_up(f"s{seed}", seed, few(0)) for seed in range(3)])


def quality(ranker: TransferRanker, source: Source, count: int) -> float:
    labelled = np.random.default_rng(0).permutation(len(source))[:count]
    ranker.fit(source, labelled, source.space.labels[labelled], 0)
    rest = np.setdiff1d(np.arange(len(source)), labelled)
    return spearman_rho(ranker.scores(source, rest), source.space.labels[rest])


def test_without_labels_it_is_the_model(model: TransferModel) -> None:
    source = Source(made_up("target", 9, few(0)))
    assert quality(TransferRanker(model), source, 0) > 0.75


def test_few_labels_are_worth_more_with_other_spaces(model: TransferModel) -> None:
    source = Source(made_up("target", 9, few(0)))
    none, some = (quality(TransferRanker(model), source, count) for count in (0, 40))
    assert some > none - 0.02
    assert some > quality(TransferRanker(None), source, 40) + 0.2


def test_labels_overrule_spaces_that_mislead(model: TransferModel) -> None:
    source = Source(made_up("contrary", 9, -few(0), noise=0.05))
    ranker = TransferRanker(model)
    assert quality(ranker, source, 0) < -0.75
    assert quality(ranker, source, 40) > 0.7


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
    with pytest.raises(ValueError, match="without labels"):
        TransferRanker(None).fit(source, np.zeros(0, int), np.zeros(0), 0)
