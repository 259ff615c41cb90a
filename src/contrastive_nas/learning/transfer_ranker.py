"""Ranking a space with what other spaces taught, and with its own labels where there are some."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.learning.gaussian_process import GaussianProcess
from contrastive_nas.learning.quantiles import normal_quantiles
from contrastive_nas.learning.ranker import Floats, GraphSource
from contrastive_nas.learning.space_scale import SpaceScale
from contrastive_nas.learning.transfer import TransferModel
from contrastive_nas.models.kernel import View

FloatArray = NDArray[np.float64]
# A statistic this many standard deviations off counts as this far.
LIMIT = 4.0
# About the correlation of transferred scores with normal quantiles of accuracies.
SLOPE = 0.8


@dataclass
class TransferRanker:
    """The transferred score as it is without labels; with some, what is expected before they are seen.

    With labels, a Gaussian process is fitted whose prior mean is ``SLOPE`` times the transferred score. Its
    three kernels are linear in that score, so that labels can make it count more or less, and Matern and
    linear in the statistics.

    Attributes:
        model: learned from other spaces; without one, the space's own labels are all there is.
    """

    model: TransferModel | None
    _source: GraphSource | None = field(default=None, init=False)
    _features: FloatArray = field(default_factory=lambda: np.zeros((0, 0)), init=False)
    _process: GaussianProcess | None = field(default=None, init=False)

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Looks at all graphs of a source not seen before, then learns from the labels, if there are any.

        Raises:
            ValueError: neither a model nor labels.
        """
        if self.model is None and len(labelled) == 0:
            raise ValueError("without labels there must be a model of other spaces")
        if self._source is not source:
            self._features, self._source = self._describe(source), source
        self._process = None
        if len(np.unique(labels)) > 1:
            points = self._points(np.asarray(labelled))
            width = self._features.shape[1] - 1
            views = [View("matern", width), View("linear", width)]
            self._process = GaussianProcess([View("linear", 1), *views] if self.model else views)
            self._process.fit(points, normal_quantiles(labels) - self._expected(np.asarray(labelled)))

    def scores(self, source: GraphSource, indices: IntArray) -> FloatArray:
        """The transferred score in standard deviations of the source, or the process's mean.

        Raises:
            RuntimeError: called before :meth:`fit`, or for another source.
        """
        if self._source is not source:
            raise RuntimeError("scores are asked for before the ranker was fitted to this source")
        if self._process is None:
            return self._features[indices, 0]
        rows = np.asarray(indices)
        return self._process.predict(self._points(rows))[0] + self._expected(rows)

    def _expected(self, rows: IntArray) -> FloatArray:
        """The prior mean; 0 without a model, since scores are 0 then."""
        return SLOPE * self._features[rows, 0]

    def _points(self, rows: IntArray) -> FloatArray:
        """Columns of the views side by side."""
        score, statistics = self._features[rows, :1], self._features[rows, 1:]
        return np.concatenate([score, statistics, statistics] if self.model else [statistics] * 2, axis=1)

    def _describe(self, source: GraphSource) -> FloatArray:
        """Transferred score and varying statistics, standardised over the functions of the source."""
        statistics = np.asarray(source.statistics, dtype=np.float64)
        _, first, function = np.unique(source.function_ids, return_index=True, return_inverse=True)
        scale = SpaceScale.of(statistics[first])
        points = np.clip(_standardised(statistics[first][:, scale.varies]), -LIMIT, LIMIT)
        score = np.zeros((len(first), 1))
        if self.model is not None:
            score = _standardised(self.model.scores(statistics[first], scale)[:, None])
        return np.concatenate([score, points], axis=1)[function]


def _standardised(values: FloatArray) -> FloatArray:
    """Columns with mean 0 and standard deviation 1."""
    scaled: FloatArray = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
    return scaled
