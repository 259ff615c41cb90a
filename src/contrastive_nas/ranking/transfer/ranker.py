"""Ranking a space with what other spaces taught, and with its own labels where there are some."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import Floats, GraphSource
from contrastive_nas.ranking.comparator.comparator import Comparator
from contrastive_nas.ranking.comparator.training import all_pairs, kernel_matrix, train_comparator
from contrastive_nas.ranking.encoder.embedding import one_per_function
from contrastive_nas.ranking.encoder.pretrained import PretrainedEncoders
from contrastive_nas.ranking.gaussian_process.preference import calibrate, left_out_scores
from contrastive_nas.ranking.parameters import CompareParameters
from contrastive_nas.ranking.quantiles import normal_quantiles
from contrastive_nas.ranking.transfer.model import TransferModel
from contrastive_nas.ranking.transfer.space_scale import SpaceScale

FloatArray = NDArray[np.float64]
# About the correlation of transferred scores with normal quantiles of accuracies.
SLOPE = 0.8
# What other spaces say counts as much as so many labels, before labels say how good it is.
LABELS_WORTH = 10
# How many labels' worth of that belief there is against the labels' own verdict.
BELIEF = 5


@dataclass
class TransferRanker:
    """The transferred score as it is without labels; with some, that and a comparator trained on them.

    Both are predictions of an accuracy's normal quantile, f and g. With n labels q_i, one a function, the
    score is w f + (1 - w) g, where w is the share that predicts labels left out best, with a prior belief
    w_0 = 10 / (10 + n):

        w = argmin  sum over i of (w (f_i - mean f) + (1 - w) g_i - q_i)^2 + 5 (w - w_0)^2,  -1 <= w <= 1,

    g_i being the comparator's prediction from all other labels, and mean f that of the labelled networks,
    which need not be average ones; where w < 0, better networks are those that the others call worse. That is
    stacking: Wolpert, Stacked Generalization, Neural Networks, 1992;
    Breiman, Stacked Regressions, Machine Learning, 1996.

    Attributes:
        model: learned from other spaces.
        encoders: of the comparator.
        comparing: of the comparator.
    """

    model: TransferModel
    encoders: PretrainedEncoders = field(default_factory=PretrainedEncoders)
    comparing: CompareParameters = field(default_factory=CompareParameters)
    _source: GraphSource | None = field(default=None, init=False)
    _transferred: FloatArray = field(default_factory=lambda: np.zeros(0), init=False)
    _relations: dict[str, float] = field(default_factory=dict, init=False)
    _own: Comparator | None = field(default=None, init=False)
    _share: float = field(default=1.0, init=False)
    _temperature: float = field(default=1.0, init=False)

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Looks at all graphs of a source not seen before, then learns from the labels, if they differ.

        Where all graphs are of one function there is nothing to learn.
        """
        if self._source is not source or len(self._transferred) != len(source):
            self._transferred, self._source = self._describe(source), source
        self._own, self._share, self._temperature = None, 1.0, SLOPE * self.model.temperature
        first, rows = one_per_function(source, labelled)
        means = np.bincount(rows, labels) / np.bincount(rows)
        if len(np.unique(means)) > 1:
            self._learn(source, first, means, seed)

    def scores(self, source: GraphSource, indices: IntArray) -> FloatArray:
        """Predicted normal quantiles of accuracy; the same for graphs of one function.

        Raises:
            RuntimeError: called before :meth:`fit`, or for another source.
        """
        if self._source is not source:
            raise RuntimeError("scores are asked for before the ranker was fitted to this source")
        transferred = self._transferred[np.asarray(indices)]
        if self._own is None:
            return transferred
        own = self.encoders.scores(self._own, source, indices) * float(self._own.temperature)
        return self._share * transferred + (1 - self._share) * own

    @property
    def temperature(self) -> float:
        """What differences of scores are divided by to be logits of winning."""
        return self._temperature

    @property
    def relations(self) -> dict[str, float]:
        """How much each space learned from has to do with the source: see :meth:`TransferModel.relations`."""
        return self._relations

    def _learn(self, source: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        encoder = self.encoders.encoder(source)
        self._own = train_comparator(encoder, source, labelled, labels, self.comparing, seed=seed)
        targets, kernel = normal_quantiles(labels), kernel_matrix(self._own).astype(np.float64)
        own = left_out_scores(kernel, float(self._own.noise), targets)
        transferred, believed = self._transferred[labelled], LABELS_WORTH / (LABELS_WORTH + len(labels))
        gap = transferred - transferred.mean() - own
        best = (gap @ (targets - own) + BELIEF * believed) / (gap @ gap + BELIEF)
        self._share = float(np.clip(best, -1, 1))
        pairs = all_pairs(np.arange(len(labels)), labels)
        observed = calibrate(own + self._share * gap, pairs.better, pairs.worse)
        # Few comparisons, all of them right, would make the ranker sure of everything.
        self._temperature = self._temperature**believed * observed ** (1 - believed)

    def _describe(self, source: GraphSource) -> FloatArray:
        """The transferred score of every graph, standardised over the functions of the source."""
        first, rows = one_per_function(source, np.arange(len(source)))
        statistics = source.statistics_of(first).astype(np.float64)
        scale = SpaceScale.of(statistics)
        self._relations = dict(zip(self.model.spaces, self.model.relations(scale).tolist(), strict=True))
        found = self.model.scores(statistics, scale)
        scores: FloatArray = SLOPE * (found - found.mean()) / max(float(found.std()), 1e-12)
        return scores[rows]
