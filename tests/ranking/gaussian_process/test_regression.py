import itertools

import numpy as np
import pytest
import torch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from contrastive_nas.ranking.gaussian_process.kernel import View, compared, covariance, weighted_sums
from contrastive_nas.ranking.gaussian_process.regression import JITTER, GaussianProcess

VIEWS = (View("linear", 4), View("matern", 6), View("hamming", 3), View("matern", 2))


def smooth(points: np.ndarray) -> np.ndarray:
    values = np.sin(2 * points[:, 0]) + 0.5 * points[:, 1]
    return (values - values.mean()) / values.std()


def fitted(count: int = 40) -> tuple[GaussianProcess, np.ndarray, np.ndarray]:
    points = np.random.default_rng(0).normal(size=(count, 3))
    process = GaussianProcess([View("matern", 3)])
    process.fit(points, smooth(points))
    return process, points, smooth(points)


def test_posterior_against_scikit_learn():
    process, points, values = fitted()
    variance, length, noise = process._logs.exp().numpy()
    # Distances are root mean squares here, sums of squares there.
    kernel = ConstantKernel(variance) * Matern(length * np.sqrt(3), nu=2.5) + WhiteKernel(noise + JITTER)
    reference = GaussianProcessRegressor(kernel, optimizer=None).fit(points, values)
    queries = np.random.default_rng(1).normal(size=(30, 3))
    mean, deviation = process.predict(queries)
    expected, noisy = reference.predict(queries, return_std=True)
    np.testing.assert_allclose(mean, expected, atol=1e-8)
    np.testing.assert_allclose(deviation**2, noisy**2 - noise - JITTER, atol=1e-8)


def test_learns_a_smooth_function():
    process, _, _ = fitted(80)
    points = np.random.default_rng(2).normal(size=(200, 3))
    mean, deviation = process.predict(points)
    truth = smooth(points)
    assert np.corrcoef(mean, truth)[0, 1] > 0.95
    assert (np.abs(mean - truth) < 3 * deviation + 0.1).mean() > 0.9


def test_uncertainty_grows_away_from_the_data():
    process, points, _ = fitted()
    _, near = process.predict(points)
    _, far = process.predict(points + 100)
    assert near.max() < far.min()


def test_hamming_view_counts_differing_choices():
    process = GaussianProcess([View("hamming", 6)])
    one_hot = np.eye(3)[np.array([[0, 0], [0, 1], [2, 2]])].reshape(3, 6)
    process.fit(one_hot, np.array([1.0, 0.5, -1.5]))
    variance, length, noise = process._logs.exp().numpy()
    differing = np.array([[0, 1, 2], [1, 0, 2], [2, 2, 0]])
    prior = variance * np.exp(-differing / length)
    gain = prior @ np.linalg.inv(prior + (noise + JITTER) * np.eye(3))
    mean, deviation = process.predict(one_hot)
    np.testing.assert_allclose(mean, gain @ [1.0, 0.5, -1.5], atol=1e-8)
    np.testing.assert_allclose(deviation**2, np.diag(prior - gain @ prior), atol=1e-8)


def test_same_data_same_bits():
    (first, points, _), (second, _, _) = fitted(), fitted()
    assert all(
        np.array_equal(a, b) for a, b in zip(first.predict(points), second.predict(points), strict=True)
    )


def test_constant_inputs_are_no_trouble():
    process = GaussianProcess([View("matern", 2)])
    process.fit(np.zeros((4, 2)), np.array([1.0, -1.0, 1.0, -1.0]))
    mean, deviation = process.predict(np.zeros((1, 2)))
    assert mean[0] == pytest.approx(0, abs=1e-6)
    assert np.isfinite(deviation).all()


@pytest.mark.parametrize("spread", [0.0, 1e-7, 1.0])
def test_no_allowed_hyperparameters_break_the_factorisation(spread: float):
    views = [View("matern", 2), View("hamming", 3)]
    process = GaussianProcess(views)
    rng = np.random.default_rng(0)
    points = np.hstack([spread * rng.normal(size=(300, 2)), np.eye(3)[rng.integers(0, 3, 300)]])
    inputs = torch.as_tensor(points)
    distances = compared(inputs, inputs, views)
    for corner in itertools.product(*process._bounds()):
        torch.linalg.cholesky(process._noisy(torch.tensor(corner, dtype=torch.float64), distances))


def test_weighted_sums_are_products_with_the_kernel():
    generator = torch.Generator().manual_seed(0)
    points, support = (torch.randn(count, 15, generator=generator, dtype=torch.float64) for count in (30, 9))
    weights = torch.randn(9, generator=generator, dtype=torch.float64)
    variances, lengths = (torch.rand(4, generator=generator, dtype=torch.float64) + 0.5 for _ in range(2))
    kernel = covariance(compared(points, support, VIEWS), VIEWS, variances, lengths)
    found = weighted_sums(points, support, weights, VIEWS, variances, lengths)
    torch.testing.assert_close(found, kernel @ weights, rtol=1e-9, atol=1e-9)
    # The kernel of a point with itself, whose squared distance may come out below 0.
    same = weighted_sums(support, support, weights, VIEWS, variances, lengths)
    assert torch.isfinite(same).all()
