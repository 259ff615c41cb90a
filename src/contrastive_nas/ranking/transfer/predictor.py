"""What other spaces taught, as the model that guides a search; it answers before the first label.

With labels the accuracy's normal quantile q of a network x is modelled as

    q(x) = w f(x) + r(x) + noise,

f being the transferred score (:class:`contrastive_nas.ranking.transfer.model.TransferModel`) and r a
Gaussian process on what the encoder says of a network, so that predictions near a label follow the label:
kriging with an external drift, e.g. Chiles and Delfiner, Geostatistics, 2nd edition, 2012, section 5.6.
The share w predicts
labels left out best, against a prior belief in w_0 = 10 / (10 + n) with n labels:

    w = argmin  sum over i of (e_i - w d_i)^2 + 5 (w - w_0)^2,    -1 <= w <= 1.2,

where e_i and d_i are the errors of predicting label i, and f(x_i), from all others (Rasmussen and Williams,
Gaussian Processes for Machine Learning, 2006, equation 5.12).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.comparator.training import feature_views, features
from contrastive_nas.ranking.encoder.embedding import one_per_function
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.gaussian_process.preference import left_out_scores
from contrastive_nas.ranking.gaussian_process.regression import GaussianProcess
from contrastive_nas.ranking.quantiles import normal_quantiles
from contrastive_nas.ranking.space_source import SpaceSource
from contrastive_nas.ranking.transfer.model import TransferModel
from contrastive_nas.ranking.transfer.ranker import BELIEF, LABELS_WORTH, SLOPE
from contrastive_nas.ranking.transfer.space_scale import SpaceScale
from contrastive_nas.spaces.base import Architecture, SearchSpace

FloatArray = NDArray[np.float64]
# Spaces up to this size are looked at whole before the first label; of others, a sample of this size below.
LISTED = 50_000
REFERENCE = 2048
# Networks by which features are standardised: as many as for the comparator.
STANDARDISED_BY = 1024
# A standardised feature further off counts as this far, as in the comparator.
LIMIT = 5.0
# A little above 1: networks of the searched space may differ by more than the transferred score says.
LARGEST_SHARE = 1.2
# Part of the process's deviation that the search believes in: chosen on NAS-Bench-101's pool, seeds 100 to
# 115, where 1 found the best cell in 11 of 16 searches of 60 queries, 1/2 in 14 and 1/4 in 16.
CAUTION = 0.25

# Before the first label: what the transferred score leaves open, its correlation with accuracy being SLOPE.
UNEXPLAINED = math.sqrt(1 - SLOPE**2)


class TransferPredictor:
    """Ranks the architectures of a space by other spaces' labels and, once there are any, its own.

    Args:
        space: where architectures come from.
        model: learned from other spaces than this one.
        encoder: describes graphs for the residual's kernel.
        seed: of the networks by which statistics and features are standardised.
    """

    answers_without_labels = True

    def __init__(self, space: SearchSpace, model: TransferModel, encoder: Encoder, *, seed: int) -> None:
        self.source = SpaceSource(space)
        self._encoder = encoder
        self._features: dict[int, FloatArray] = {}
        self._drifts: dict[int, float] = {}
        rng = np.random.default_rng(seed)
        rows = self.source.rows(_reference(space, rng))
        first, _ = one_per_function(self.source, rows)
        statistics = self.source.statistics_of(first)
        self._model, self._scale = model, SpaceScale.of(statistics)
        raw = model.scores(statistics, self._scale)
        self._centre, self._spread = float(raw.mean()), max(float(raw.std()), 1e-12)
        chosen = rng.choice(first, size=min(STANDARDISED_BY, len(first)), replace=False)
        self._views, self._columns, self._mean, self._deviation = feature_views(
            encoder, features(encoder, self.source, chosen)
        )
        self._forget()

    @property
    def relations(self) -> dict[str, float]:
        """How much each space learned from has to do with the searched one, 0 to 1."""
        return dict(zip(self._model.spaces, self._model.relations(self._scale).tolist(), strict=True))

    def fit(self, architectures: Sequence[Architecture], accuracies: FloatArray) -> None:
        """Replaces what was learned from labels before; without labels only other spaces speak again.

        Raises:
            InputError: labels that are not finite, or some but no two different ones.
        """
        if not len(architectures):
            self._forget()
            return
        labels = np.asarray(accuracies, dtype=np.float64)
        if not np.isfinite(labels).all() or len(np.unique(labels)) < 2:
            raise InputError("a predictor needs finite labels, two of them different")
        first, places = one_per_function(self.source, self.source.rows(architectures))
        targets = normal_quantiles(np.bincount(places, labels) / np.bincount(places))
        drift, inputs = self._drift(first), self._inputs(first)
        self._drift_centre = float(drift.mean())
        drift = drift - self._drift_centre
        self._share = self._best_share(inputs, targets, drift)
        self._process = GaussianProcess(self._views)
        self._process.fit(inputs, targets - self._share * drift)
        self._believed = CAUTION

    def scores(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Predicted normal quantiles of accuracy among the labelled networks; transferred ones before."""
        return self.distribution(architectures)[0]

    def distribution(self, architectures: Sequence[Architecture]) -> tuple[FloatArray, FloatArray]:
        """Means and standard deviations as of :meth:`scores`; equal for networks of one function."""
        first, places = one_per_function(self.source, self.source.rows(architectures))
        residual, deviation = self._process.predict(self._inputs(first))
        means = self._share * (self._drift(first) - self._drift_centre) + residual
        return means[places], self._believed * deviation[places]

    def covariance(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Covariance of scores, architectures x architectures."""
        rows = self.source.rows(architectures)
        return self._believed**2 * self._process.covariance(self._inputs(rows))

    def probability(self, first: Sequence[Architecture], second: Sequence[Architecture]) -> FloatArray:
        """Probabilities, first x second, that one beats the other, errors of the two taken as independent.

        The larger side is computed, so that both directions add up to exactly 1.
        """
        means, deviations = self.distribution([*first, *second])
        count, unsure = len(first), deviations / self._believed
        difference = means[:count, None] - means[None, count:]
        larger = ndtr(np.abs(difference) / np.hypot(unsure[:count, None], unsure[None, count:]))
        return np.where(difference >= 0, larger, 1 - larger)

    def _forget(self) -> None:
        self._process = GaussianProcess(self._views)
        self._share, self._drift_centre, self._believed = 1.0, 0.0, UNEXPLAINED

    def _best_share(self, inputs: FloatArray, targets: FloatArray, drift: FloatArray) -> float:
        """w of the module's formula; the kernel is the one that explains the labels without a drift."""
        process = GaussianProcess(self._views)
        process.fit(inputs, targets)
        kernel, noise = process.prior_covariance(), process.hyperparameters[2]
        missed = targets - left_out_scores(kernel, noise, targets)
        drift_missed = drift - left_out_scores(kernel, noise, drift)
        believed = LABELS_WORTH / (LABELS_WORTH + len(targets))
        best = (missed @ drift_missed + BELIEF * believed) / (drift_missed @ drift_missed + BELIEF)
        return float(np.clip(best, -1, LARGEST_SHARE))

    def _drift(self, rows: IntArray) -> FloatArray:
        """f: transferred scores of the graphs at ``rows``, of deviation ``SLOPE`` over the reference."""
        functions = self.source.function_ids[rows].tolist()
        new = np.array([function not in self._drifts for function in functions], dtype=bool)
        if new.any():
            raw = self._model.scores(self.source.statistics_of(rows[new]), self._scale)
            found = SLOPE * (raw - self._centre) / self._spread
            self._drifts.update(
                zip(self.source.function_ids[rows[new]].tolist(), found.tolist(), strict=True)
            )
        return np.array([self._drifts[function] for function in functions])

    def _inputs(self, rows: IntArray) -> FloatArray:
        """Standardised features of the graphs at ``rows``: rows x columns."""
        functions = self.source.function_ids[rows].tolist()
        new = np.array([function not in self._features for function in functions], dtype=bool)
        if new.any():
            raw = features(self._encoder, self.source, rows[new])[:, self._columns]
            found = np.clip((raw - self._mean) / self._deviation, -LIMIT, LIMIT)
            self._features.update(zip(self.source.function_ids[rows[new]].tolist(), found, strict=True))
        return np.stack([self._features[function] for function in functions])


def _reference(space: SearchSpace, rng: np.random.Generator) -> list[Architecture]:
    if space.size <= LISTED:
        return list(space.enumerate())
    return list(dict.fromkeys(space.sample(rng, REFERENCE)))
