"""Log latency on a device as a Gaussian process whose covariance is what other devices taught.

    log t(x) = c + f(x) + e,   Cov(f(x), f(x')) = sum over b of v_b k_b(x, x'),   e ~ N(0, s^2)

with one kernel k_b for each population of devices: the covariance of the log latencies of x and x' over the
devices of the population, their mean level taken off (simulated devices, and those of known tables where
there are any). The level c has a wide prior. The scales v and the noise s are not known for a new device: all
combinations of a grid are kept, each weighted by its prior times the marginal likelihood of the measured
networks (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, equations 2.25, 2.26 and
5.8), and predictions are the mixture of all. With known devices, the prior of a combination is how probable
it is on average for them, each predicted from the others: empirical Bayes.

A measurement may be an outlier, with probability ``OUTLIERS``, which is anywhere within ``OUTLIER_RANGE``
natural logarithms (Box and Tiao, A Bayesian approach to some outlier problems, 1968). A measurement whose
removal makes the whole more probable by that is left out, the worst one first.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

FloatArray = NDArray[np.float64]
# Half an order of magnitude apart; 1 is the spread of the population itself.
SCALES = (0.03, 0.1, 0.3, 1.0, 3.0)
# Standard deviations of natural logarithms: from repeated runs of one network to a busy phone.
NOISES = (0.015, 0.03, 0.06, 0.12, 0.24)
# Variance of the level about the mean of the measured networks, which may be far from that of all.
LEVEL = 9.0
OUTLIERS, OUTLIER_RANGE = 0.02, 10.0
# Of measurements, beyond which it is the model that does not fit.
_MOST_OUTLIERS = 0.2
# Combinations that are less probable than this change nothing.
_NEGLIGIBLE = 1e-3


@dataclass(frozen=True, eq=False)
class Grid:
    """Combinations of hyper-parameters and their prior.

    Attributes:
        scales: combinations x kernels: v.
        noise: combinations: s squared.
        log_prior: combinations.
    """

    scales: FloatArray
    noise: FloatArray
    log_prior: FloatArray

    @classmethod
    def flat(cls, kernels: int) -> "Grid":
        """Make every combination as probable as any other."""
        points = np.array(list(itertools.product(*[SCALES] * kernels, NOISES)))
        return cls(points[:, :-1], points[:, -1] ** 2, np.full(len(points), -np.log(len(points))))

    def expected(self) -> tuple[FloatArray, float]:
        """Give prior means of the scales and of the noise variance, on a log scale."""
        weights = np.exp(self.log_prior - logsumexp(self.log_prior))
        return np.exp(weights @ np.log(self.scales)), float(np.exp(weights @ np.log(self.noise)))


@dataclass(frozen=True, eq=False)
class Posterior:
    """Log latencies of networks: means and standard deviations, of a new measurement of each."""

    mean: FloatArray
    deviation: FloatArray


def log_evidence(kernels: Sequence[FloatArray], values: FloatArray, grid: Grid) -> FloatArray:
    """Give the log marginal likelihood of measured log latencies under every combination, without its prior.

    Args:
        kernels: measured x measured each.
        values: measured.
        grid: the combinations.
    """
    centred = values - values.mean()
    factors = np.linalg.cholesky(_covariances(kernels, grid))
    solved = np.linalg.solve(factors, np.broadcast_to(centred[:, None], (len(factors), len(values), 1)))
    determinants = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    constant = len(values) * np.log(2 * np.pi) / 2
    return np.asarray(-0.5 * np.square(solved).sum(axis=(1, 2)) - determinants - constant)


def without_outliers(kernels: Sequence[FloatArray], values: FloatArray, grid: Grid) -> NDArray[np.intp]:
    """Give the places of the measurements that are used."""
    price = np.log(OUTLIERS / OUTLIER_RANGE)
    kept = np.arange(len(values))

    def evidence(places: NDArray[np.intp]) -> float:
        block = np.ix_(places, places)
        found = log_evidence([kernel[block] for kernel in kernels], values[places], grid)
        return float(logsumexp(found + grid.log_prior))

    current = evidence(kept)
    for _ in range(int(_MOST_OUTLIERS * len(values))):
        others = [np.delete(kept, place) for place in range(len(kept))]
        found = np.array([evidence(places) for places in others]) + price
        if found.max() <= current:
            break
        kept, current = others[int(found.argmax())], float(found.max())
    return kept


@dataclass(frozen=True, eq=False)
class Conditioned:
    """The mixture once some networks are measured.

    Attributes:
        kept: places of the measurements that are used.
        level: their mean.
        scales: combinations x kernels, of those that are probable enough to count.
        noise: combinations: s squared.
        weights: combinations, their posterior probabilities.
        inverses: combinations x kept x kept, of the covariance of the measurements.
        solved: combinations x kept, the inverse times the measurements less their level.
    """

    kept: NDArray[np.intp]
    level: float
    scales: FloatArray
    noise: FloatArray
    weights: FloatArray
    inverses: FloatArray
    solved: FloatArray

    def predict(self, kernels: Sequence[FloatArray], prior_variances: Sequence[FloatArray]) -> Posterior:
        """Predict log latencies of networks.

        Args:
            kernels: networks x measured each.
            prior_variances: networks, of each kernel.
        """
        stacked = np.stack(kernels)[:, :, self.kept]
        variances = np.stack(prior_variances)
        mean, square = np.zeros(stacked.shape[1]), np.zeros(stacked.shape[1])
        for point, weight in enumerate(self.weights):
            cross = LEVEL + np.tensordot(self.scales[point], stacked, axes=1)
            found = cross @ self.solved[point]
            explained = ((cross @ self.inverses[point]) * cross).sum(axis=1)
            variance = np.maximum(LEVEL + self.scales[point] @ variances - explained, 0) + self.noise[point]
            mean += weight * found
            square += weight * (variance + np.square(found))
        spread = np.maximum(square - np.square(mean), self.noise.min())
        return Posterior(self.level + mean, np.sqrt(spread))


def condition(kernels: Sequence[FloatArray], values: FloatArray, grid: Grid) -> Conditioned:
    """Condition the mixture on the networks that were measured.

    Args:
        kernels: measured x measured each.
        values: their log latencies.
        grid: the combinations of hyper-parameters.
    """
    kept = without_outliers(kernels, values, grid)
    inner, values = [kernel[np.ix_(kept, kept)] for kernel in kernels], values[kept]
    log_weights = log_evidence(inner, values, grid) + grid.log_prior
    weights = np.exp(log_weights - logsumexp(log_weights))
    used = np.flatnonzero(weights > _NEGLIGIBLE)
    inverses: FloatArray = np.asarray(np.linalg.inv(_covariances(inner, grid)[used]), dtype=np.float64)
    level = float(values.mean())
    return Conditioned(
        kept,
        level,
        grid.scales[used],
        grid.noise[used],
        weights[used] / weights[used].sum(),
        inverses,
        inverses @ (values - level),
    )


def _covariances(kernels: Sequence[FloatArray], grid: Grid) -> FloatArray:
    """Combinations x measured x measured."""
    mixed = np.einsum("pk,kij->pij", grid.scales, np.stack(kernels))
    return np.asarray(mixed + LEVEL + grid.noise[:, None, None] * np.eye(len(kernels[0])))
