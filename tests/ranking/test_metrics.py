import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from contrastive_nas.ranking.metrics import kendall_tau, ndcg, rank_of_best, spearman_rho, top_precision


def test_tau_b_counts_pairs_and_corrects_for_ties():
    scores, truth = np.array([1.0, 2, 2, 3, 0]), np.array([1.0, 3, 2, 2, 0])
    signs = np.sign(np.subtract.outer(scores, scores) * np.subtract.outer(truth, truth)).sum() / 2
    pairs = [np.count_nonzero(np.triu(np.subtract.outer(x, x), 1)) for x in (scores, truth)]
    assert kendall_tau(scores, truth) == pytest.approx(signs / np.sqrt(pairs[0] * pairs[1]))


def test_perfect_and_reversed_orders():
    truth = np.arange(10.0)
    assert kendall_tau(truth, truth) == pytest.approx(1)
    assert spearman_rho(-truth, truth) == pytest.approx(-1)
    assert np.isnan(spearman_rho(np.zeros(10), truth))
    assert np.isnan(kendall_tau(truth[:1], truth[:1]))


def test_ndcg_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    scores, truth = rng.integers(0, 8, 50).astype(float), rng.normal(size=50)
    gains = (truth - truth.min()) / np.ptp(truth)
    assert ndcg(scores, truth) == pytest.approx(ndcg_score(gains[None], scores[None], k=10))


def test_precision_at_the_top():
    truth = np.arange(200.0)
    assert top_precision(truth, truth) == 1
    assert top_precision(-truth, truth) == 0
    assert top_precision(np.where(truth == 198, 1000, truth), truth) == 1
    assert top_precision(np.where(truth == 5, 1000, truth), truth) == 0.5


def test_the_true_rank_of_the_best_of_the_first():
    truth = np.arange(100.0)
    assert rank_of_best(truth, truth) == 1
    assert rank_of_best(-truth, truth) == 91
    assert rank_of_best(np.where(truth == 97, 1000, -truth), truth) == 3
    assert rank_of_best(-truth, truth, count=100) == 1
