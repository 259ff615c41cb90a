"""A ranking of networks of a space without a label of it: learned from comparisons within other spaces.

Accuracies of different spaces are never compared: every label counts as the normal quantile of its rank
within its space, and statistics are taken as normal quantiles within their space too, so that what is learned
is what better networks have more of than their neighbours.

The model is linear in these quantiles, so everything that it has to know of a space s are the correlations
C_s of the statistics with each other and their trend c_s, the correlations with accuracy. For a target t, of
which only unlabelled networks are known, the weights are those of a ridge regression on all other spaces,

    w = argmin  sum over s of p_s (w . C_s w - 2 w . c_s) + ridge * w . C_t^(-1/2) w.

A space counts as much as it has to do with the target: p_s is proportional to the square of their
similarity (:func:`contrastive_nas.ranking.transfer.space_scale.similarity`). The penalty is that of a prior
in which what networks of the target differ in most decides most; what they do not differ in has no weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.ranking.base import normal_quantiles
from contrastive_nas.ranking.gaussian_process.preference import calibrate
from contrastive_nas.ranking.transfer.space_scale import SpaceScale, similarity

FloatArray = NDArray[np.float64]
RIDGE = 1.0
RELATION_POWER = 2
# Networks of each space among which win probabilities are calibrated.
_CALIBRATED = 300


@dataclass(frozen=True, eq=False)
class LabelledSpace:
    """What is known of a space that others learn from.

    Attributes:
        name: of the space.
        statistics: networks x statistics, best one network a function.
        labels: their accuracies, higher is better; NaN where there is none.
    """

    name: str
    statistics: NDArray[np.floating]
    labels: NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class TransferModel:
    """Scores networks of any space.

    Attributes:
        spaces: names of those learned from.
        correlations: float32, spaces x statistics x statistics: C, of their unlabelled networks.
        trends: float32, spaces x statistics: c.
        temperature: what scores of standard deviation 1 are divided by to make differences logits of winning.
    """

    spaces: tuple[str, ...]
    correlations: NDArray[np.float32]
    trends: NDArray[np.float32]
    temperature: float

    def scores(self, statistics: NDArray[np.floating], scale: SpaceScale) -> FloatArray:
        """One number per network; the difference of two is the logit that one beats the other.

        Args:
            statistics: networks x statistics.
            scale: of their space, from unlabelled networks of it.
        """
        weights = self.weights(scale)
        deviation = np.sqrt(max(float(weights @ scale.correlation @ weights), 1e-12))
        return scale.standardise(statistics) @ weights / (deviation * self.temperature)

    def weights(self, scale: SpaceScale) -> FloatArray:
        """w of a space: how much every statistic counts there."""
        relations = self.relations(scale) ** RELATION_POWER
        parts = relations / max(relations.sum(), 1e-12)
        values, vectors = np.linalg.eigh(scale.correlation)
        # C_t^(1/4), in units that do not depend on how many statistics vary.
        quarter = np.maximum(values / max(values.mean(), 1e-12), 0) ** 0.25
        prior = (vectors * quarter) @ vectors.T
        known = prior @ np.tensordot(parts, self.correlations.astype(np.float64), 1) @ prior
        trend = prior @ (parts @ self.trends)
        weights: FloatArray = prior @ np.linalg.solve(known + RIDGE * np.eye(len(known)), trend)
        return weights

    def without(self, space: str) -> "TransferModel":
        """The model of all other spaces: for a search of ``space``, whose labels may only be paid for.

        Raises:
            InputError: no other space is left.
        """
        others = [place for place, name in enumerate(self.spaces) if name != space]
        if not others:
            raise InputError(f"transfer: the model has learned from {space} alone: it has no other space")
        kept = tuple(self.spaces[place] for place in others)
        return replace(self, spaces=kept, correlations=self.correlations[others], trends=self.trends[others])

    def relations(self, scale: SpaceScale) -> FloatArray:
        """How much each space learned from has to do with a space: one number from 0 to 1 each."""
        return np.array([similarity(scale.correlation, known) for known in self.correlations])


def fit_transfer(spaces: Sequence[LabelledSpace]) -> TransferModel:
    """Learns from the comparisons within each space.

    The temperature is calibrated on spaces left out: each is scored by the model of the others, and together
    these scores give the observed comparisons most probability. With one space it is 1.

    Args:
        spaces: at least one, each once.

    Raises:
        InputError: no space, a space twice, or one without two different finite labels.
    """
    if not spaces or len({space.name for space in spaces}) < len(spaces):
        raise InputError("transfer: learns from at least one space, and from each once")
    scales = [SpaceScale.of(space.statistics) for space in spaces]
    model = TransferModel(
        tuple(space.name for space in spaces),
        np.stack([scale.correlation for scale in scales]).astype(np.float32),
        np.stack([_trend(*pair) for pair in zip(spaces, scales, strict=True)]).astype(np.float32),
        temperature=1.0,
    )
    return replace(model, temperature=_temperature(model, spaces, scales)) if len(spaces) > 1 else model


def _trend(space: LabelledSpace, scale: SpaceScale) -> FloatArray:
    known = np.isfinite(space.labels)
    if len(np.unique(space.labels[known])) < 2:
        raise InputError(f"transfer: {space.name} has no two different labels to learn from")
    points = scale.standardise(space.statistics[known])
    trend: FloatArray = points.T @ normal_quantiles(space.labels[known]) / len(points)
    return trend


def _temperature(
    model: TransferModel, spaces: Sequence[LabelledSpace], scales: Sequence[SpaceScale]
) -> float:
    rng = np.random.default_rng(0)
    scores, better, worse, known = [], [], [], 0
    for number, (space, scale) in enumerate(zip(spaces, scales, strict=True)):
        others = np.arange(len(spaces)) != number
        left_out = replace(model, correlations=model.correlations[others], trends=model.trends[others])
        rows = rng.permutation(np.flatnonzero(np.isfinite(space.labels)))[:_CALIBRATED]
        scores.append(left_out.scores(space.statistics[rows], scale))
        higher, lower = np.nonzero(space.labels[rows][:, None] > space.labels[rows][None, :])
        better.append(higher + known)
        worse.append(lower + known)
        known += len(rows)
    return calibrate(np.concatenate(scores), np.concatenate(better), np.concatenate(worse))
