"""A ranking of networks of a space without a label of it: learned from comparisons within other spaces.

Accuracies of different spaces are never compared: every label counts as the normal quantile of its rank
within its space (or group: networks that were trained alike), and statistics are taken as normal quantiles
within their space too, so that what is learned is what better networks have more of than their neighbours.

In every space s the quantile of an accuracy is q = w_s . z + noise, with z the quantiles of the statistics.
All that has to be known of a labelled space are the correlations C_s of its statistics with each other and
their trend c_s, the correlations with accuracy. Weights of different spaces have to do with each other as far
as their statistics vary together: with w_s = P v_s and every part of v alike,

    cov(v_s, v_t) = k(s, t) = SHARED + (1 - SHARED) r(s, t)^RELATION_POWER,

r being :func:`contrastive_nas.ranking.transfer.space_scale.similarity`: a Gaussian process over tasks
(Bonilla, Chai and Williams, Multi-task Gaussian Process Prediction, NeurIPS 2007, equation 2). P = C_t^(1/4)
of the target t, of which only unlabelled networks are known: what its networks differ in most decides most.
The log-likelihood of a labelled space is EVIDENCE (w_s . c_s - w_s . C_s w_s / 2), and w_t is what is most
probable then.

However far away a space is, its better networks are mostly larger. So w_t is completed by
multiply-accumulates and parameters as far as what it says of their trends, C_t w_t, falls short of what
is usual: their mean trend over labelled spaces, weighed by k, give or take the deviation between spaces (a
random-effects meta-analysis: DerSimonian and Laird, Meta-analysis in clinical trials, 1986). Where no
labelled space is near, that completion of w_t = 0 is all that is left: counting. In between, by the
similarity r of the nearest one, it is the mean of both, with a share of (r - FAR) / (NEAR - FAR) for w_t;
less where fewer than ENOUGH networks are known, which say little about how alike spaces are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.graphs.statistics.network import STATISTICS
from contrastive_nas.ranking.base import normal_quantiles, trained_alike
from contrastive_nas.ranking.transfer.space_scale import SpaceScale, similarity

FloatArray = NDArray[np.float64]
# Chosen by leaving out each of eight labelled spaces; docs/transfer.md says which of them were seen before.
SHARED, RELATION_POWER, EVIDENCE = 0.05, 2, 1.0
FAR, NEAR = 0.6, 0.7
# Lists of some tens of networks of one family were ranked worse than by counting when they trusted fully.
ENOUGH = 200
# What better networks have more of in nearly every space.
CAPACITY = (STATISTICS.index("log_macs"), STATISTICS.index("log_parameters"))
# Least deviation of a trend between spaces: few spaces may happen to agree.
LEAST_DEVIATION = 0.1
# The logistic is nearest to the normal distribution at a scale of 1.7; two networks have twice the variance.
LOGIT = 1.7 / math.sqrt(2)
# Networks of each space among which win probabilities are calibrated.
_CALIBRATED = 300
# Where spaces left out are all near, or none is, nothing else says how sure to be in the other case.
_ALIKE = 1e-3
# Fewer networks that were trained alike hardly say what is better.
_LEAST_GROUP = 4
# Of a space's networks, ninety-eight in a hundred lie between: single odd ones say nothing of the others.
_RANGE = (0.01, 0.99)
# Statistics a little beyond what is known are no news: a tenth of the whole range.
_MARGIN = 0.1
# Two spaces may be the same but for their labels.
_JITTER = 1e-6


@dataclass(frozen=True, eq=False)
class LabelledSpace:
    """What is known of a space that others learn from.

    Attributes:
        name: of the space.
        statistics: networks x statistics, best one network a function.
        labels: networks, or networks x tasks: accuracies, higher is better; NaN where there is none.
        groups: which of them were trained alike, by number: only these are compared; None for all.
    """

    name: str
    statistics: NDArray[np.floating]
    labels: NDArray[np.floating]
    groups: IntArray | None = None

    def comparable(self) -> list[IntArray]:
        """Return the networks, by their places, that are compared with each other."""
        return trained_alike(self.groups, len(self.labels), _LEAST_GROUP)

    def tasks(self) -> FloatArray:
        """Return labels as tasks x networks."""
        return np.atleast_2d(np.asarray(self.labels, dtype=np.float64).T)


@dataclass(frozen=True, eq=False)
class TransferModel:
    """Scores networks of any space.

    Attributes:
        spaces: names of those learned from.
        correlations: float32, spaces x statistics x statistics: C.
        trends: float32, spaces x statistics: c.
        ranges: float32, spaces x 2 x statistics: between what values nearly all of their networks lie.
        temperatures: what differences of expected quantiles are divided by to make them logits of winning,
            where no space is near, and where one is.
    """

    spaces: tuple[str, ...]
    correlations: NDArray[np.float32]
    trends: NDArray[np.float32]
    ranges: NDArray[np.float32]
    temperatures: tuple[float, float]

    def scores(self, statistics: NDArray[np.floating], scale: SpaceScale) -> FloatArray:
        """Return one number per network; the difference of two is the logit that one beats the other.

        Args:
            statistics: networks x statistics.
            scale: of their space, from unlabelled networks of it.
        """
        return scale.standardise(statistics) @ self.weights(scale) / self.temperature(scale)

    def temperature(self, scale: SpaceScale) -> float:
        """Return what differences of w . z are divided by to make them logits of winning."""
        trusted = self.trusted(scale)
        far, near = self.temperatures
        return float(far ** (1 - trusted) * near**trusted)

    def trusted(self, scale: SpaceScale) -> float:
        """Return the share of what labelled spaces taught beside counting, 0 to 1."""
        near = np.clip((self.relations(scale).max() - FAR) / (NEAR - FAR), 0, 1)
        return float(near * min(1.0, len(scale.sorted) / ENOUGH))

    def weights(self, scale: SpaceScale) -> FloatArray:
        """Return w of a space: how much every statistic counts there."""
        shared = SHARED + (1 - SHARED) * self.relations(scale) ** RELATION_POWER
        counted = self._completed(np.zeros(len(scale.varies)), scale.correlation, shared)
        trusted = self.trusted(scale)
        if not trusted:
            return counted
        transferred = self._transferred(scale, shared)
        return (1 - trusted) * counted + trusted * self._completed(transferred, scale.correlation, shared)

    def expected_correlation(self, scale: SpaceScale, weights: FloatArray) -> float:
        """Return the correlation with accuracy that win probabilities of these weights amount to.

        Two networks whose scores, of correlation r with accuracy, are d standard deviations apart end in that
        order with probability Phi(r d / sqrt(2 (1 - r^2))), where both are normal; the logit of that is
        about LOGIT r d / sqrt(1 - r^2), and it is d s / T by the calibration: so r = b / sqrt(1 + b^2) with
        b = s / (T LOGIT), s being the standard deviation of w . z and T the temperature.
        """
        slope = scale.deviation(weights) / (self.temperature(scale) * LOGIT)
        return slope / math.hypot(1, slope)

    def relations(self, scale: SpaceScale) -> FloatArray:
        """Return how much each space learned from has to do with a space: one number from 0 to 1 each."""
        return np.array([similarity(scale.correlation, known) for known in self.correlations])

    def unlike(self, statistics: NDArray[np.floating]) -> FloatArray:
        """Return the share of its statistics in which each network is outside of what every labelled space
        has.
        """
        low, high = self.ranges[:, 0].min(axis=0), self.ranges[:, 1].max(axis=0)
        margin = _MARGIN * (high - low)
        outside: FloatArray = ((statistics < low - margin) | (statistics > high + margin)).mean(axis=1)
        return outside

    def without(self, space: str) -> "TransferModel":
        """Return the model of all other spaces: for a search of ``space``, whose labels may only be paid for.

        Raises:
            InputError: no other space is left.
        """
        others = [place for place, name in enumerate(self.spaces) if name != space]
        if not others:
            raise InputError(
                f"transfer: the model has learned from {space} alone: no other space is left to learn from"
            )
        return self._of(others)

    def _of(self, places: list[int]) -> "TransferModel":
        kept = tuple(self.spaces[place] for place in places)
        parts = (self.correlations[places], self.trends[places], self.ranges[places])
        return TransferModel(kept, *parts, self.temperatures)

    @cached_property
    def _shared(self) -> FloatArray:
        """k between the spaces learned from."""
        known = self.correlations.reshape(len(self.spaces), -1).astype(np.float64)
        products = known @ known.T
        sizes = np.sqrt(np.diag(products))
        relations = products / np.maximum(np.outer(sizes, sizes), 1e-12)
        return SHARED + (1 - SHARED) * relations**RELATION_POWER + _JITTER * np.eye(len(known))

    def _transferred(self, scale: SpaceScale, shared: FloatArray) -> FloatArray:
        """Weights by the process over spaces; what does not vary has none."""
        varying = np.flatnonzero(scale.varies)
        block, count, width = np.ix_(varying, varying), len(self.spaces), len(varying)
        prior, inverse = _root(scale.correlation[block]), np.linalg.inv(self._shared)
        system = np.kron(inverse, np.eye(width)).reshape(count, width, count, width)
        said = np.empty((count, width))
        for place, (known, trend) in enumerate(zip(self.correlations, self.trends, strict=True)):
            system[place, :, place] += EVIDENCE * prior @ known[block].astype(np.float64) @ prior
            said[place] = EVIDENCE * prior @ trend[varying]
        found = np.linalg.solve(system.reshape(count * width, -1), said.ravel())
        weights = np.zeros(len(scale.varies))
        weights[varying] = prior @ (shared @ inverse @ found.reshape(count, width))
        return weights

    def _completed(self, weights: FloatArray, correlation: FloatArray, shared: FloatArray) -> FloatArray:
        """With what is missing of the usual trends of capacity, added to the weights of capacity alone."""
        columns = np.array(CAPACITY)
        expected, deviation = self._usual_trends(shared)
        own = correlation[np.ix_(columns, columns)]
        missing = expected - correlation[columns] @ weights
        completed = weights.copy()
        completed[columns] += own @ np.linalg.solve(own @ own + np.diag(deviation**2), missing)
        return completed

    def _usual_trends(self, shared: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean over spaces, and deviation between them, of the trends of capacity; a space where a statistic
        does not vary says nothing of it."""
        columns = np.array(CAPACITY)
        weights = shared[:, None] * (self.correlations[:, columns, columns] > 0)
        weights = weights / np.maximum(weights.sum(axis=0), 1e-12)
        trends = self.trends[:, columns].astype(np.float64)
        means = (weights * trends).sum(axis=0)
        variances = (weights * np.square(trends - means)).sum(axis=0)
        return means, np.maximum(np.sqrt(variances), LEAST_DEVIATION)


def _root(correlation: FloatArray) -> FloatArray:
    """C^(1/4), in units that do not depend on how many statistics vary."""
    values, vectors = np.linalg.eigh(correlation)
    quarter = np.maximum(values / max(values.mean(), 1e-12), 0) ** 0.25
    root: FloatArray = (vectors * quarter) @ vectors.T
    return root


def fit_transfer(spaces: Sequence[LabelledSpace]) -> TransferModel:
    """Learn from the comparisons within each space.

    Temperatures are calibrated on spaces left out: each is scored by the model of the others, and together
    these scores give the observed comparisons most probability. With one space they are 1.

    Args:
        spaces: at least one, each once.

    Raises:
        InputError: no space, a space twice, or one without two different finite labels.
    """
    if not spaces or len({space.name for space in spaces}) < len(spaces):
        raise InputError("transfer: needs at least one space, and each only once")
    scales = [SpaceScale.of(space.statistics) for space in spaces]
    learned = [_learned(*pair) for pair in zip(spaces, scales, strict=True)]
    model = TransferModel(
        tuple(space.name for space in spaces),
        np.stack([correlation for correlation, _ in learned]).astype(np.float32),
        np.stack([trend for _, trend in learned]).astype(np.float32),
        np.stack([np.quantile(space.statistics, _RANGE, axis=0) for space in spaces]).astype(np.float32),
        temperatures=(1.0, 1.0),
    )
    return replace(model, temperatures=_temperatures(model, spaces, scales)) if len(spaces) > 1 else model


def _learned(space: LabelledSpace, scale: SpaceScale) -> tuple[FloatArray, FloatArray]:
    """C and c of a space, the mean over its tasks, of differences within groups."""
    points = scale.standardise(space.statistics)
    centred, trends = np.zeros_like(points), []
    parts = space.comparable()
    for part in parts:
        centred[part] = points[part] - points[part].mean(axis=0)
    compared = np.concatenate(parts) if parts else np.zeros(0, dtype=int)
    for labels in space.tasks():
        products, known = np.zeros(points.shape[1]), 0
        for part in parts:
            part = part[np.isfinite(labels[part])]
            if len(np.unique(labels[part])) > 1:
                products += points[part].T @ _centred(normal_quantiles(labels[part]))
                known += len(part)
        if known:
            trends.append(products / known)
    if not trends:
        raise InputError(f"transfer: {space.name} has no two different labels to learn from")
    correlation = scale.correlation if space.groups is None else centred.T @ centred / len(compared)
    return correlation, np.mean(trends, axis=0)


def _centred(values: FloatArray) -> FloatArray:
    return values - values.mean()


def _temperatures(
    model: TransferModel, spaces: Sequence[LabelledSpace], scales: Sequence[SpaceScale]
) -> tuple[float, float]:
    """Those at which comparisons within spaces left out are most probable; each space counts the same.

    A space whose random networks were all trained differently has no comparison, and says nothing.
    """
    rng = np.random.default_rng(0)
    gaps, trusted = [], []
    for number, (space, scale) in enumerate(zip(spaces, scales, strict=True)):
        left_out = model._of([place for place in range(len(spaces)) if place != number])
        labelled = np.flatnonzero(np.isfinite(space.tasks()).any(axis=0))
        rows = rng.permutation(labelled)[:_CALIBRATED]
        found = _gaps(space, rows, left_out.scores(space.statistics[rows], scale))
        if len(found):
            gaps.append(found)
            trusted.append(left_out.trusted(scale))

    def loss(logs: FloatArray) -> float:
        shares = [np.array([1 - near, near]) for near in trusted]
        scaled = [gap / np.exp(share @ logs) for gap, share in zip(gaps, shares, strict=True)]
        surprise = np.mean([np.logaddexp(0, -part).mean() for part in scaled])
        return float(surprise + _ALIKE * (logs[0] - logs[1]) ** 2)

    far, near = np.exp(minimize(loss, np.zeros(2), method="Nelder-Mead").x)
    return float(far), float(near)


def _gaps(space: LabelledSpace, rows: IntArray, scores: FloatArray) -> FloatArray:
    """By how much winners are ahead of losers, in pairs of networks at ``rows`` that were trained alike."""
    labels = space.tasks()[:, rows]
    groups = np.zeros(len(rows)) if space.groups is None else space.groups[rows]
    gaps = [
        (scores[:, None] - scores)[(task[:, None] > task) & (groups[:, None] == groups)] for task in labels
    ]
    return np.concatenate(gaps)
