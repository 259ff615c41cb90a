"""Gaussian process regression with a sum of kernels, one per view of the inputs.

Kernels and prediction: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, algorithm 2.1
and equation 4.17. Hyper-parameters are the most probable ones under log-normal priors, since marginal
likelihood alone overfits them with some dozen labels.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from contrastive_nas.ranking.gaussian_process.kernel import View, compared, covariance, prior_variances

FloatArray = NDArray[np.float64]
JITTER = 1e-6
NOISE = 0.05
STEPS = 50
# Of hyper-parameters: standard deviations of the prior around its centre.
LIMIT = 4.0


class GaussianProcess:
    """Regression of standardised targets (mean 0, variance 1) on the views' columns.

    Args:
        views: the kernels, in the order of their columns.
    """

    def __init__(self, views: Sequence[View]) -> None:
        self._views = tuple(views)
        # Before the first fit it predicts by its prior: no points, and where a fit's search starts.
        width = sum(view.columns for view in self._views)
        self._inputs = torch.zeros((0, width), dtype=torch.float64)
        self._logs = torch.from_numpy(self._start())
        self._factor = torch.zeros((0, 0), dtype=torch.float64)
        self._weights = torch.zeros(0, dtype=torch.float64)

    def fit(self, inputs: FloatArray, targets: FloatArray) -> None:
        """Find hyper-parameters and conditions on the targets.

        Args:
            inputs: points x columns.
            targets: one number per point.
        """
        self._inputs = torch.as_tensor(inputs, dtype=torch.float64)
        values = torch.as_tensor(targets, dtype=torch.float64)
        distances = compared(self._inputs, self._inputs, self._views)

        def negative_log_posterior(point: FloatArray) -> tuple[float, FloatArray]:
            logs = torch.tensor(point, requires_grad=True)
            loss = self._negative_log_likelihood(logs, distances, values) - self._log_prior(logs)
            loss.backward()
            assert logs.grad is not None
            return loss.item(), logs.grad.numpy()

        with _one_thread():
            found = minimize(
                negative_log_posterior,
                self._start(),
                jac=True,
                method="L-BFGS-B",
                bounds=self._bounds(),
                options={"maxiter": STEPS},
            )
        self._logs = torch.tensor(found.x)
        self._factor = torch.linalg.cholesky(self._noisy(self._logs, distances))
        self._weights = torch.cholesky_solve(values[:, None], self._factor)[:, 0]

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return posterior mean and standard deviation (without noise) of the function at every point."""
        points = torch.as_tensor(inputs, dtype=torch.float64)
        cross = self._kernel(self._logs, compared(points, self._inputs, self._views))
        solved = torch.linalg.solve_triangular(self._factor, cross.T, upper=False)
        variances = self._logs[: len(self._views)].exp()
        variance = prior_variances(points, self._views, variances) - solved.square().sum(0)
        return (cross @ self._weights).numpy(), variance.clamp_min(1e-12).sqrt().numpy()

    def covariance(self, inputs: FloatArray) -> FloatArray:
        """Return posterior covariance, points x points."""
        points = torch.as_tensor(inputs, dtype=torch.float64)
        cross = self._kernel(self._logs, compared(points, self._inputs, self._views))
        solved = torch.linalg.solve_triangular(self._factor, cross.T, upper=False)
        prior = self._kernel(self._logs, compared(points, points, self._views))
        return (prior - solved.T @ solved).numpy()

    def prior_covariance(self) -> FloatArray:
        """Return covariance, without noise, of the function at the points that it was fitted to: points x
        points.
        """
        parts = compared(self._inputs, self._inputs, self._views)
        return self._kernel(self._logs, parts).numpy()

    @property
    def hyperparameters(self) -> tuple[FloatArray, FloatArray, float]:
        """Variances and lengths of the views, and variance of the noise."""
        values, count = self._logs.exp().numpy(), len(self._views)
        return values[:count], values[count : 2 * count], float(values[-1])

    # Hyper-parameters are logarithms: variances of the views, lengths of the views, noise.

    def _start(self) -> FloatArray:
        count = len(self._views)
        return np.array([-math.log(count)] * count + [0.0] * count + [math.log(NOISE)])

    def _bounds(self) -> list[tuple[float, float]]:
        """Beyond them a long step of the line search leaves no matrix that can be factorised."""
        start, reach = self._start(), LIMIT * self._widths()
        return list(zip((start - reach).tolist(), (start + reach).tolist(), strict=True))

    def _widths(self) -> FloatArray:
        count = len(self._views)
        return np.array([1.5] * count + [1.0] * count + [1.0])

    def _log_prior(self, logs: Tensor) -> Tensor:
        distance = (logs - torch.from_numpy(self._start())) / torch.from_numpy(self._widths())
        return -0.5 * distance.square().sum()

    def _kernel(self, logs: Tensor, parts: Sequence[Tensor]) -> Tensor:
        count = len(self._views)
        return covariance(parts, self._views, logs[:count].exp(), logs[count : 2 * count].exp())

    def _noisy(self, logs: Tensor, distances: list[Tensor]) -> Tensor:
        return self._kernel(logs, distances) + (logs[-1].exp() + JITTER) * torch.eye(
            len(distances[0]), dtype=torch.float64
        )

    def _negative_log_likelihood(self, logs: Tensor, distances: list[Tensor], targets: Tensor) -> Tensor:
        factor = torch.linalg.cholesky(self._noisy(logs, distances))
        weights = torch.cholesky_solve(targets[:, None], factor)[:, 0]
        return 0.5 * targets @ weights + factor.diagonal().log().sum()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps torch to one thread: sharing matrices of some dozen rows takes four times as long as the work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
