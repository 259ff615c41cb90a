"""Rankers that fit a scikit-learn regressor to features, and rankers that fit nothing.

Accuracies are mapped to normal quantiles of their rank before fitting: only the order is asked for, and
accuracies of networks have a long lower tail.
"""

import warnings
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.graphs.statistics.network import STATISTICS
from contrastive_nas.ranking.base import Floats, GraphSource
from contrastive_nas.ranking.baselines.features import Features
from contrastive_nas.ranking.quantiles import normal_quantiles

FloatArray = NDArray[np.float64]
TREES = 500


class Regressor(Protocol):
    """What the rankers need of scikit-learn."""

    def predict(self, X: FloatArray) -> FloatArray: ...


@dataclass
class StatisticRanker:
    """Ranks by one statistic of the graph, without labels."""

    statistic: str

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Learns nothing."""

    def scores(self, source: GraphSource, indices: IntArray) -> FloatArray:
        """The statistic."""
        return source.statistics_of(indices)[:, STATISTICS.index(self.statistic)].astype(np.float64)


@dataclass
class TreesRanker:
    """500 extremely randomised trees, a third of the features tried at every split."""

    features: Features
    _model: Regressor | None = field(default=None, init=False)

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Fits the trees."""
        model = ExtraTreesRegressor(TREES, max_features=1 / 3, random_state=seed)
        self._model = model.fit(self.features(source, labelled), normal_quantiles(labels))

    def scores(self, source: GraphSource, indices: IntArray) -> FloatArray:
        """Predicted normal quantiles."""
        assert self._model is not None, "fit comes first"
        return self._model.predict(self.features(source, indices))


@dataclass
class GaussianProcessRanker:
    """A Gaussian process with Matern plus linear kernel on standardised features."""

    features: Features
    _model: Regressor | None = field(default=None, init=False)
    _varying: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool), init=False)
    _mean: FloatArray = field(default_factory=lambda: np.zeros(0), init=False)
    _spread: FloatArray = field(default_factory=lambda: np.zeros(0), init=False)

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Fits the kernel's parameters by marginal likelihood.

        Features are standardised over the whole source, which needs no labels, and those that are constant
        there are left out.
        """
        everything = self.features(source, np.arange(len(source)))
        self._varying = everything.std(axis=0) > 1e-9
        everything = everything[:, self._varying]
        self._mean, self._spread = everything.mean(axis=0), everything.std(axis=0)
        inputs = (everything[labelled] - self._mean) / self._spread
        width = max(inputs.shape[1], 1)
        kernel = (
            ConstantKernel(1.0) * Matern(np.sqrt(width), length_scale_bounds=(0.1, 1e3), nu=2.5)
            + ConstantKernel(1 / width, (1e-6, 10)) * DotProduct(1.0, (1e-3, 1e3))
            + WhiteKernel(0.1, (1e-3, 1))
        )
        model = GaussianProcessRegressor(kernel, random_state=seed)
        with warnings.catch_warnings():
            # A parameter at its bound is a result like any other here.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._model = model.fit(inputs, normal_quantiles(labels))

    def scores(self, source: GraphSource, indices: IntArray) -> FloatArray:
        """Predicted normal quantiles."""
        assert self._model is not None, "fit comes first"
        features = self.features(source, indices)[:, self._varying]
        return self._model.predict((features - self._mean) / self._spread)


@dataclass
class AverageRanker:
    """The mean of the predictions of several rankers whose scores are normal quantiles."""

    rankers: tuple[TreesRanker | GaussianProcessRanker, ...]

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Fits every ranker."""
        for ranker in self.rankers:
            ranker.fit(source, labelled, labels, seed)

    def scores(self, source: GraphSource, indices: IntArray) -> FloatArray:
        """The mean of their scores."""
        return np.mean([ranker.scores(source, indices) for ranker in self.rankers], axis=0)
