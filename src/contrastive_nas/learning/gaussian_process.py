"""Gaussian process regression with a sum of kernels, one per view of the inputs.

Kernels and prediction: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, algorithm 2.1
and equation 4.17. Hyper-parameters are the most probable ones under log-normal priors, since marginal
likelihood alone overfits them with some dozen labels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

FloatArray = NDArray[np.float64]
JITTER = 1e-6
NOISE = 0.05
STEPS = 50


@dataclass(frozen=True)
class View:
    """How two inputs are compared.

    Attributes:
        kernel: ``matern``: Matern 5/2 on root mean square differences of standardised columns; ``hamming``:
            exp(-differing choices / length) on one-hot columns.
        columns: how many columns of the input belong to the view; views stand side by side.
    """

    kernel: Literal["matern", "hamming"]
    columns: int


class GaussianProcess:
    """Regression of standardised targets (mean 0, variance 1) on the views' columns.

    Args:
        views: the kernels, in the order of their columns.
    """

    def __init__(self, views: Sequence[View]) -> None:
        self._views = tuple(views)
        self._inputs = torch.zeros(0)
        self._logs = torch.zeros(0)

    def fit(self, inputs: FloatArray, targets: FloatArray) -> None:
        """Finds hyper-parameters and conditions on the targets.

        Args:
            inputs: points x columns.
            targets: one number per point.
        """
        self._inputs = torch.as_tensor(inputs, dtype=torch.float64)
        values = torch.as_tensor(targets, dtype=torch.float64)
        distances = self._distances(self._inputs, self._inputs)

        def negative_log_posterior(point: FloatArray) -> tuple[float, FloatArray]:
            logs = torch.tensor(point, requires_grad=True)
            loss = self._negative_log_likelihood(logs, distances, values) - self._log_prior(logs)
            loss.backward()
            assert logs.grad is not None
            return loss.item(), logs.grad.numpy()

        found = minimize(
            negative_log_posterior, self._start(), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}
        )
        self._logs = torch.tensor(found.x)
        self._factor = torch.linalg.cholesky(self._noisy(self._logs, distances))
        self._weights = torch.cholesky_solve(values[:, None], self._factor)[:, 0]

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Posterior mean and standard deviation (without noise) of the function at every point."""
        points = torch.as_tensor(inputs, dtype=torch.float64)
        cross = self._kernel(self._logs, self._distances(points, self._inputs))
        solved = torch.linalg.solve_triangular(self._factor, cross.T, upper=False)
        variance = self._variances(self._logs).sum() - solved.square().sum(0)
        return (cross @ self._weights).numpy(), variance.clamp_min(1e-12).sqrt().numpy()

    def covariance(self, inputs: FloatArray) -> FloatArray:
        """Posterior covariance, points x points."""
        points = torch.as_tensor(inputs, dtype=torch.float64)
        cross = self._kernel(self._logs, self._distances(points, self._inputs))
        solved = torch.linalg.solve_triangular(self._factor, cross.T, upper=False)
        prior = self._kernel(self._logs, self._distances(points, points))
        return (prior - solved.T @ solved).numpy()

    # Hyper-parameters are logarithms: variances of the views, lengths of the views, noise.

    def _start(self) -> FloatArray:
        count = len(self._views)
        return np.array([-math.log(count)] * count + [0.0] * count + [math.log(NOISE)])

    def _log_prior(self, logs: Tensor) -> Tensor:
        count = len(self._views)
        widths = torch.tensor([1.5] * count + [1.0] * count + [1.0], dtype=torch.float64)
        return -0.5 * ((logs - torch.from_numpy(self._start())) / widths).square().sum()

    def _variances(self, logs: Tensor) -> Tensor:
        return logs[: len(self._views)].exp()

    def _distances(self, first: Tensor, second: Tensor) -> list[Tensor]:
        """Per view, points x points; they stay the same while hyper-parameters are sought."""
        parts: list[Tensor] = []
        start = 0
        for view in self._views:
            a, b = (points[:, start : start + view.columns] for points in (first, second))
            start += view.columns
            if view.kernel == "hamming":
                parts.append(a.sum(1, keepdim=True) - a @ b.T)
            else:
                squared = a.square().sum(1, keepdim=True) + b.square().sum(1) - 2 * a @ b.T
                parts.append((squared.clamp_min(0) / view.columns).sqrt())
        return parts

    def _kernel(self, logs: Tensor, distances: list[Tensor]) -> Tensor:
        count = len(self._views)
        total = torch.zeros_like(distances[0])
        for number, (view, distance) in enumerate(zip(self._views, distances, strict=True)):
            variance, scaled = logs[number].exp(), distance / logs[count + number].exp()
            if view.kernel == "matern":
                scaled = math.sqrt(5) * scaled
                total = total + variance * (1 + scaled + scaled.square() / 3) * (-scaled).exp()
            else:
                total = total + variance * (-scaled).exp()
        return total

    def _noisy(self, logs: Tensor, distances: list[Tensor]) -> Tensor:
        return self._kernel(logs, distances) + (logs[-1].exp() + JITTER) * torch.eye(
            len(distances[0]), dtype=torch.float64
        )

    def _negative_log_likelihood(self, logs: Tensor, distances: list[Tensor], targets: Tensor) -> Tensor:
        factor = torch.linalg.cholesky(self._noisy(logs, distances))
        weights = torch.cholesky_solve(targets[:, None], factor)[:, 0]
        return 0.5 * targets @ weights + factor.diagonal().log().sum()
