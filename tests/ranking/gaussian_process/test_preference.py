import numpy as np
import pytest
from scipy.optimize import minimize

from contrastive_nas.ranking.gaussian_process.preference import (
    Comparisons,
    calibrate,
    fit_preferences,
    left_out_scores,
)


@pytest.fixture
def kernel():
    points = np.random.default_rng(0).normal(size=(12, 3))
    return np.exp(-0.5 * np.square(points[:, None] - points[None]).sum(-1))


def test_scores_are_the_most_probable_ones(kernel):
    """Against a minimiser without derivatives on the objective written down plainly."""
    kernel, better, worse = kernel[:4, :4], np.array([0, 1, 2]), np.array([1, 2, 3])

    def objective(scores):
        prior = 0.5 * scores @ np.linalg.solve(kernel + 1e-6 * np.eye(4), scores)
        return prior + sum(
            1.5 * np.log1p(np.exp(-(scores[b] - scores[w]) / 0.7)) for b, w in zip(better, worse, strict=True)
        )

    expected = minimize(
        objective, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxfev": 20000}
    )
    weights = fit_preferences(kernel, [Comparisons(better, worse, 1.5)], 0.7, np.zeros(4))
    np.testing.assert_allclose(kernel @ weights, expected.x, atol=1e-3)


def test_start_does_not_matter_and_huge_logits_do_not_overflow(kernel):
    rng = np.random.default_rng(1)
    better, worse = rng.permuted(np.tile(np.arange(12), (30, 1)), axis=1)[:, :2].T
    found = [
        kernel @ fit_preferences(kernel, [Comparisons(better, worse, 1.0)], 0.5, start)
        for start in (np.zeros(12), rng.normal(size=12), 1e3 * rng.normal(size=12))
    ]
    np.testing.assert_allclose(found[0], found[1], atol=2e-2)
    assert np.isfinite(found[2]).all()


def test_left_out_scores_are_those_of_fits_without_the_label(kernel):
    targets = np.random.default_rng(2).normal(size=12)
    for number in range(12):
        rest = np.delete(np.arange(12), number)
        noisy = kernel[np.ix_(rest, rest)] + (0.1 + 1e-6) * np.eye(11)
        expected = kernel[number, rest] @ np.linalg.solve(noisy, targets[rest])
        assert left_out_scores(kernel, 0.1, targets)[number] == pytest.approx(expected, abs=1e-8)


def test_calibration_finds_the_temperature_of_the_data():
    rng = np.random.default_rng(3)
    scores = rng.normal(size=400)
    first, second = rng.integers(0, 400, size=(2, 20_000))
    wins = rng.random(20_000) < 1 / (1 + np.exp(-(scores[first] - scores[second]) / 0.6))
    better, worse = np.where(wins, first, second), np.where(wins, second, first)
    assert calibrate(scores, better, worse) == pytest.approx(0.6, rel=0.05)
