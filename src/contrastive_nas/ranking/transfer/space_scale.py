"""How the networks of a space differ from each other, seen without labels: what makes spaces comparable."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from contrastive_nas.graphs.schema import IntArray

FloatArray = NDArray[np.float64]
# More networks say hardly more, and take longer to sort.
NETWORKS = 10_000
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True, eq=False)
class SpaceScale:
    """Where a network stands among the networks of its space, in every statistic.

    Attributes:
        sorted: networks x statistics: each statistic's values, ascending.
        varies: statistics: whether networks differ in it.
        correlation: statistics x statistics: mean products of normal quantiles; 0 for what does not vary.
    """

    sorted: FloatArray
    varies: NDArray[np.bool_]
    correlation: FloatArray

    @classmethod
    def of(cls, statistics: NDArray[np.floating]) -> "SpaceScale":
        """Measure the scale on unlabelled networks, best one a function: networks x statistics."""
        values = np.asarray(statistics, dtype=np.float64)
        values = values[measured_on(len(values))]
        size = np.maximum(1, np.abs(values).max(axis=0))
        scale = cls(np.sort(values, axis=0), values.std(axis=0) > _LEAST_SPREAD * size, np.zeros((0, 0)))
        points = scale.standardise(values)
        return cls(scale.sorted, scale.varies, points.T @ points / len(points))

    def deviation(self, weights: FloatArray) -> float:
        """Return the standard deviation of a weighted sum of normal quantiles, over the networks of the
        space.
        """
        return math.sqrt(max(float(weights @ self.correlation @ weights), 0.0))

    def standardise(self, statistics: NDArray[np.floating]) -> FloatArray:
        """Return the normal quantile of every value's rank in its space, equal values sharing their mean
        rank.

        Values beyond those of the space count like its least and largest; what does not vary is 0.
        """
        values = np.asarray(statistics, dtype=np.float64)
        count, points = len(self.sorted), np.zeros(values.shape)
        for column in np.flatnonzero(self.varies):
            known = self.sorted[:, column]
            below = np.searchsorted(known, values[:, column], side="left")
            up_to = np.searchsorted(known, values[:, column], side="right")
            points[:, column] = ndtri(np.clip((below + up_to) / 2, 0.5, count - 0.5) / count)
        return points


def measured_on(networks: int) -> IntArray:
    """Return which of so many networks the scale of their space is measured on: all, or a sample."""
    if networks <= NETWORKS:
        return np.arange(networks)
    return np.random.default_rng(0).choice(networks, NETWORKS, replace=False)


def similarity(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return how alike the statistics of two spaces vary together, 0 to 1: the RV coefficient.

    Robert and Escoufier, A unifying tool for linear multivariate statistical methods: the RV-coefficient,
    Applied Statistics, 1976. What better networks have more of in one space says something about another one
    as far as the same statistics rise and fall together.

    Args:
        first: correlations of one space's statistics, as in :class:`SpaceScale`.
        second: those of another.
    """
    size = float(np.sqrt(np.square(first).sum(dtype=float) * np.square(second).sum(dtype=float)))
    return float((first * second).sum(dtype=float)) / size if size > 0 else 0.0
