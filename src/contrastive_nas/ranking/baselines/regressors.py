"""Rankers that fit a scikit-learn regressor to features, and rankers that fit nothing.

Accuracies are mapped to normal quantiles of their rank before fitting: only the order is asked for, and
accuracies of networks have a long lower tail.
"""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.graphs.statistics.network import STATISTICS
from contrastive_nas.ranking.base import FloatArray, PointRanker, standardiser
from contrastive_nas.ranking.baselines.features import Features
from contrastive_nas.ranking.graph_source import GraphSource, in_parts

TREES = 500
# Networks by which a number that knows nothing of accuracies is standardised.
_REFERENCE = 1024


class StatisticRanker(PointRanker):
    """Ranks by one statistic of the graph, standardised over the source, without labels.

    Args:
        statistic: one of ``STATISTICS``.
    """

    answers_without_labels = True

    def __init__(self, statistic: str) -> None:
        self._column = STATISTICS.index(statistic)

    def _train(
        self, graphs: GraphSource, labelled: IntArray, targets: FloatArray, seed: int
    ) -> Callable[[IntArray], FloatArray]:
        size = min(_REFERENCE, len(graphs))
        sample = np.random.default_rng(seed).choice(len(graphs), size=size, replace=False)
        standardise = standardiser(self._values(graphs, sample))
        return lambda rows: standardise(self._values(graphs, rows))

    def _values(self, graphs: GraphSource, rows: IntArray) -> FloatArray:
        return graphs.statistics_of(rows)[:, self._column].astype(np.float64)


class TreesRanker(PointRanker):
    """Extremely randomised trees, a third of the features tried at every split.

    Args:
        features: what the trees see.
        trees: their number.
    """

    def __init__(self, features: Features, trees: int = TREES) -> None:
        self._features, self._count = features, trees

    def _train(
        self, graphs: GraphSource, labelled: IntArray, targets: FloatArray, seed: int
    ) -> Callable[[IntArray], FloatArray]:
        model = ExtraTreesRegressor(self._count, max_features=1 / 3, random_state=seed)
        model.fit(self._features(graphs, labelled), targets)
        return lambda rows: in_parts(lambda part: model.predict(self._features(graphs, part)), rows)


class ProcessRanker(PointRanker):
    """scikit-learn's Gaussian process, Matern plus linear kernel on standardised features; its mean alone.

    Features are standardised over the whole source, which needs no labels, and those that are constant there
    are left out; the kernel's parameters are found by marginal likelihood.

    Args:
        features: what the process sees.
    """

    def __init__(self, features: Features) -> None:
        self._features = features

    def _train(
        self, graphs: GraphSource, labelled: IntArray, targets: FloatArray, seed: int
    ) -> Callable[[IntArray], FloatArray]:
        everything = self._features(graphs, np.arange(len(graphs)))
        varying = everything.std(axis=0) > 1e-9
        everything = everything[:, varying]
        mean, spread = everything.mean(axis=0), everything.std(axis=0)
        inputs = (everything[labelled] - mean) / spread
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
            model.fit(inputs, targets)
        return lambda rows: model.predict((self._features(graphs, rows)[:, varying] - mean) / spread)


class AverageRanker(PointRanker):
    """The mean of the predictions of several rankers.

    Args:
        rankers: whose errors differ.
    """

    def __init__(self, rankers: Sequence[PointRanker]) -> None:
        self._rankers = tuple(rankers)

    def _train(
        self, graphs: GraphSource, labelled: IntArray, targets: FloatArray, seed: int
    ) -> Callable[[IntArray], FloatArray]:
        fitted = [ranker._train(graphs, labelled, targets, seed) for ranker in self._rankers]
        return lambda rows: np.mean([predict(rows) for predict in fitted], axis=0)
