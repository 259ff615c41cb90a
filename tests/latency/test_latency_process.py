"""The mixture of Gaussian processes, against the normal distribution itself."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from contrastive_nas.latency.process import LEVEL, Grid, condition, log_evidence, without_outliers


def features(count: int = 400, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 3)) * [0.5, 0.3, 0.1]


def drawn(inputs: np.ndarray, noise: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 2.0 + inputs @ rng.normal(size=inputs.shape[1]) + noise * rng.normal(size=len(inputs))


def test_evidence_is_the_density_of_the_normal_distribution() -> None:
    inputs = features(8)
    first, second = inputs[:, :1] @ inputs[:, :1].T, inputs[:, 1:] @ inputs[:, 1:].T
    values = drawn(inputs, 0.1, 3)
    grid = Grid.flat(2)
    found = log_evidence([first, second], values, grid)
    for point in (0, 17, len(found) - 1):
        scales, noise = grid.scales[point], grid.noise[point]
        covariance = scales[0] * first + scales[1] * second + LEVEL + noise * np.eye(8)
        expected = multivariate_normal(np.full(8, values.mean()), covariance).logpdf(values)
        assert found[point] == pytest.approx(expected)


def test_one_combination_gives_the_conditional_normal_distribution() -> None:
    inputs = features(40)
    kernel = inputs @ inputs.T
    values, measured = drawn(inputs, 0.1, 4), np.arange(0, 40, 5)
    grid = Grid(np.array([[0.7]]), np.array([0.01]), np.zeros(1))
    inner = kernel[np.ix_(measured, measured)]
    found = condition([inner], values[measured], grid).predict([kernel[:, measured]], [np.diag(kernel)])
    whole = 0.7 * kernel + LEVEL
    inner = whole[np.ix_(measured, measured)] + 0.01 * np.eye(len(measured))
    level = values[measured].mean()
    mean = level + whole[:, measured] @ np.linalg.inv(inner) @ (values[measured] - level)
    variance = np.diag(whole - whole[:, measured] @ np.linalg.inv(inner) @ whole[measured]) + 0.01
    np.testing.assert_allclose(found.mean, mean)
    np.testing.assert_allclose(found.deviation, np.sqrt(variance))


def test_intervals_hold_nine_in_ten() -> None:
    inside = []
    for seed in range(60):
        inputs, noise = features(seed=seed), [0.02, 0.05, 0.1][seed % 3]
        values, measured = drawn(inputs, noise, seed), np.arange(10)
        kernel = inputs @ inputs[measured].T
        fitted = condition([kernel[measured]], values[measured], Grid.flat(1))
        found = fitted.predict([kernel], [np.square(inputs).sum(axis=1)])
        inside.append((np.abs(values - found.mean) < 1.6449 * found.deviation)[10:].mean())
    assert 0.85 < np.mean(inside) < 0.97


def test_a_wild_measurement_is_left_out_and_no_other() -> None:
    inputs = features(12)
    values = drawn(inputs, 0.03, 5)
    assert without_outliers([inputs @ inputs.T], values, Grid.flat(1)).tolist() == list(range(12))
    values[4] += 5
    assert without_outliers([inputs @ inputs.T], values, Grid.flat(1)).tolist() == [
        place for place in range(12) if place != 4
    ]
