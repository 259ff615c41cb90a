"""A Gaussian process on what is known of whole networks, as the model that guides a search."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from contrastive_nas.errors import InputError
from contrastive_nas.ranking.gaussian_process.kernel import View
from contrastive_nas.ranking.gaussian_process.regression import GaussianProcess
from contrastive_nas.ranking.quantiles import normal_quantiles
from contrastive_nas.ranking.space_source import SpaceSource
from contrastive_nas.spaces.base import Architecture, SearchSpace

FloatArray = NDArray[np.float64]
REFERENCE = 1024
LIMIT = 4.0


class GaussianPredictor:
    """Ranks the architectures of a space from graph statistics and choices, and knows how sure it is.

    Two views are compared: the statistics of the canonical graph, which networks of one function share, and
    the categorical choices, which tell apart what no statistic does. Statistics are standardised over a
    random sample of the space; accuracies are mapped to normal quantiles of their ranks.

    Args:
        space: where architectures come from.
        seed: of the sample.
    """

    def __init__(self, space: SearchSpace, *, seed: int) -> None:
        self.space = space
        self.source = SpaceSource(space)
        self._widths = np.array([len(choice.options) for choice in space.choices])
        self._features: dict[Architecture, FloatArray] = {}
        sample = space.sample(np.random.default_rng(seed), REFERENCE)
        rows = self.source.rows(sample)
        statistics = self.source.statistics_of(rows).astype(np.float64)
        spread = statistics.std(axis=0)
        self._columns = np.flatnonzero(spread > 1e-9)
        self._mean, self._spread = statistics.mean(axis=0)[self._columns], spread[self._columns]
        self._process: GaussianProcess | None = None

    def fit(self, architectures: Sequence[Architecture], accuracies: NDArray[np.float64]) -> None:
        """Replaces what was learned before.

        Raises:
            InputError: labels that are not finite, or no two different ones.
        """
        labels = np.asarray(accuracies, dtype=np.float64)
        if not np.isfinite(labels).all() or len(np.unique(labels)) < 2:
            raise InputError("a predictor needs finite labels, two of them different")
        views = [View("matern", len(self._columns)), View("hamming", int(self._widths.sum()))]
        self._process = GaussianProcess(views)
        self._process.fit(self.features(architectures), normal_quantiles(labels))

    def scores(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Posterior means, in standard deviations of the labels' normal quantiles."""
        return self.distribution(architectures)[0]

    def distribution(self, architectures: Sequence[Architecture]) -> tuple[FloatArray, FloatArray]:
        """Posterior means and standard deviations, on the scale of :meth:`scores`.

        Raises:
            RuntimeError: called before :meth:`fit`.
        """
        return self._fitted().predict(self.features(architectures))

    def covariance(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Posterior covariance of scores, architectures x architectures.

        Raises:
            RuntimeError: called before :meth:`fit`.
        """
        return self._fitted().covariance(self.features(architectures))

    def probability(self, first: Sequence[Architecture], second: Sequence[Architecture]) -> FloatArray:
        """Probabilities, first x second, that one beats the other, the two taken as independent.

        The larger side is computed, so that both directions add up to exactly 1.
        """
        means, deviations = self.distribution([*first, *second])
        count = len(first)
        difference = means[:count, None] - means[None, count:]
        larger = ndtr(np.abs(difference) / np.hypot(deviations[:count, None], deviations[None, count:]))
        return np.where(difference >= 0, larger, 1 - larger)

    def features(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Standardised statistics, then one-hot choices: architectures x columns."""
        new = [name for name in dict.fromkeys(architectures) if name not in self._features]
        if new:
            self._features.update(zip(new, self._measure(new), strict=True))
        return np.stack([self._features[name] for name in architectures])

    def _fitted(self) -> GaussianProcess:
        if self._process is None:
            raise RuntimeError("a prediction is asked for before the predictor was fitted")
        return self._process

    def _measure(self, architectures: Sequence[Architecture]) -> FloatArray:
        rows = self.source.rows(architectures)
        statistics = self.source.statistics_of(rows)[:, self._columns]
        standardised = np.clip((statistics - self._mean) / self._spread, -LIMIT, LIMIT)
        choices = np.array([self.space.encode(name) for name in architectures])
        one_hot = np.zeros((len(choices), int(self._widths.sum())))
        offsets = np.concatenate([[0], np.cumsum(self._widths)[:-1]])
        np.put_along_axis(one_hot, choices + offsets, 1.0, axis=1)
        return np.concatenate([standardised, one_hot], axis=1)
