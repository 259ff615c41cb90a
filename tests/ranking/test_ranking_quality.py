from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from contrastive_nas.errors import InputError
from contrastive_nas.ranking.quality import labelled_rows, ranking_quality


class Source(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.function_ids)


class Noisy:
    """Scores are the truth with noise; notes what it was shown."""

    def __init__(self, truth: np.ndarray) -> None:
        self.all_scores = truth + np.random.default_rng(0).normal(size=len(truth))

    def fit(self, source: Source, labelled: np.ndarray, labels: np.ndarray, seed: int) -> None:
        self.seen = (labelled, labels, seed)

    def scores(self, rows: np.ndarray) -> np.ndarray:
        self.asked = rows
        return self.all_scores[rows]


def test_only_rows_without_a_label_count() -> None:
    truth = np.random.default_rng(1).normal(size=60)
    source = Source(function_ids=np.arange(60) // 3)
    labelled = labelled_rows(60, 10, seed=4)
    ranker = Noisy(truth)
    quality = ranking_quality(ranker, source, labelled, truth[labelled], truth, seed=4)
    assert ranker.seen[2] == 4
    assert not set(ranker.asked) & set(labelled)
    assert len(ranker.asked) == 50
    rest = ranker.asked
    assert quality.kendall_tau == stats.kendalltau(ranker.all_scores[rest], truth[rest]).statistic
    unseen = rest[~np.isin(rest // 3, labelled // 3)]
    assert 0 < len(unseen) < 50
    assert (
        quality.kendall_tau_unseen_functions
        == stats.kendalltau(ranker.all_scores[unseen], truth[unseen]).statistic
    )


def test_fewer_labels_are_a_part_of_more_labels() -> None:
    assert set(labelled_rows(100, 10, seed=2)) < set(labelled_rows(100, 40, seed=2))
    assert len(labelled_rows(100, 0, seed=2)) == 0
    with pytest.raises(InputError, match="99 labels of 100"):
        labelled_rows(100, 99, seed=0)


def test_groups_are_judged_one_by_one() -> None:
    """A group that is better as a whole makes no order good; small ones do not count."""
    rng = np.random.default_rng(3)
    groups = np.repeat([0, 1, 2], [30, 20, 5])
    truth = rng.normal(size=55) + 100 * groups
    source, none = Source(function_ids=np.arange(55)), np.zeros(0, int)
    ranker = Noisy(truth)
    found = ranking_quality(ranker, source, none, truth[none], truth, 0, groups)
    parts = [slice(0, 30), slice(30, 50)]
    taus = [stats.kendalltau(ranker.all_scores[part], truth[part]).statistic for part in parts]
    assert found.kendall_tau == pytest.approx(np.mean(taus))
    assert found.kendall_tau < ranking_quality(ranker, source, none, truth[none], truth, 0).kendall_tau
    with pytest.raises(InputError, match="fewer than 10 networks trained in the same way"):
        ranking_quality(ranker, source, none, truth[none], truth, 0, np.arange(55) // 9)
