import numpy as np
import pytest
from scipy.special import expit

from contrastive_nas.ranking.calibration import favourites_reliability, reliability


def outcomes(scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores and truths of which two differ by logistic noise: a logit of a pair is its difference of scores.

    Gumbel noise of scale 1 on each makes the difference logistic (Bradley and Terry; Luce).
    """
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 1.5, 6000)
    return scores * scale, scores + rng.gumbel(size=6000)


def test_true_probabilities_are_found_calibrated():
    found = reliability(*outcomes(1.0), seed=1)
    assert found.calibration_error < 0.01
    assert np.abs(found.confidence - found.frequency).max() < 0.03
    assert found.pairs.sum() == 200_000


def test_too_sure_and_too_unsure_scores_are_told():
    right, sure, unsure = (reliability(*outcomes(scale), seed=1) for scale in (1.0, 3.0, 0.3))
    assert (sure.frequency < sure.confidence).all()
    assert (unsure.frequency[unsure.pairs > 100] > unsure.confidence[unsure.pairs > 100]).all()
    assert right.brier_score < min(sure.brier_score, unsure.brier_score)
    assert sure.accuracy == pytest.approx(right.accuracy, abs=1e-12)


def test_few_networks_give_every_pair_once_and_ties_give_none():
    scores, truth = np.array([2.0, 1.0, 0.0, 5.0]), np.array([3.0, 1.0, 1.0, np.nan])
    found = reliability(scores, truth, seed=0)
    # 0 beats 1 with logit 1 and beats 2 with logit 2; 1 and 2 are equal, 3 is not known.
    assert found.pairs.sum() == 2
    missed = [1 - expit(1.0), 1 - expit(2.0)]
    assert found.brier_score == pytest.approx(np.square(missed).mean())
    assert found.calibration_error == pytest.approx(np.mean(missed))
    assert found.accuracy == 1


def test_equal_scores_are_a_coin():
    found = reliability(np.zeros(3), np.array([1.0, 2.0, 3.0]), seed=0)
    assert (found.brier_score, found.accuracy, found.calibration_error) == (0.25, 0.5, 0.0)


def test_bins_hold_what_was_counted_by_hand():
    confidence, right = np.array([0.55, 0.55, 0.95, 1.0]), np.array([1.0, 0.0, 1.0, 1.0])
    found = favourites_reliability(confidence, right, bins=5)
    assert found.pairs.tolist() == [2, 0, 0, 0, 2]
    assert found.frequency[[0, 4]].tolist() == [0.5, 1.0]
    assert found.confidence[[0, 4]] == pytest.approx([0.55, 0.975])
    assert np.isnan(found.frequency[1:4]).all()


def test_nothing_to_compare_gives_nan():
    found = reliability(np.array([1.0]), np.array([1.0]), seed=0)
    assert np.isnan([found.brier_score, found.calibration_error, found.accuracy]).all()
    assert found.pairs.sum() == 0
