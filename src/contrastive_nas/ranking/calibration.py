"""Whether predicted win probabilities are the frequencies with which networks win."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from contrastive_nas.ranking.base import Floats

FloatArray = NDArray[np.float64]
PAIRS = 200_000
BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Predicted and observed wins of the favourite of each pair: the network with the higher score.

    The other direction says nothing more, because both probabilities of a pair add up to 1.

    Attributes:
        confidence: bins: mean predicted probability that the favourite wins, 0.5 .. 1; NaN in an empty bin.
        frequency: bins: how often it wins; NaN in an empty bin.
        pairs: bins: how many pairs.
        brier_score: mean square of what the probability misses the outcome by; 0.25 for always saying 0.5.
        calibration_error: mean distance of confidence and frequency over bins, weighted by their pairs.
        accuracy: part of the favourites that win.
    """

    confidence: FloatArray
    frequency: FloatArray
    pairs: NDArray[np.int64]
    brier_score: float
    calibration_error: float
    accuracy: float


def reliability(
    scores: Floats, truth: Floats, *, seed: int = 0, pairs: int = PAIRS, bins: int = BINS
) -> Reliability:
    """Compare sigmoid(difference of scores) with who is truly better, on pairs drawn at random.

    Pairs of equal truth have no winner and do not count, nor do networks whose truth is not finite. Equal
    scores win half a time.

    Args:
        scores: one per network; differences are logits.
        truth: accuracy of every network.
        seed: of the pairs, by default the same for figures and metrics; where there are no more than
            ``pairs``, all of them are taken.
        pairs: at most so many.
        bins: of equal width between probability 0.5 and 1.
    """
    known = np.isfinite(truth)
    scores, truth = np.asarray(scores, np.float64)[known], np.asarray(truth, np.float64)[known]
    first, second = _pairs(len(scores), pairs, np.random.default_rng(seed))
    decided = truth[first] != truth[second]
    first, second = first[decided], second[decided]
    gaps = scores[first] - scores[second]
    right = favourite_wins(gaps, truth[first], truth[second])
    return favourites_reliability(expit(np.abs(gaps)), right, bins=bins)


def favourite_wins(ahead: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Return whether (1, 0) the favourite of each pair is the better one; half where there is no favourite.

    Args:
        ahead: above 0 where the first of a pair is the favourite, below where the second is.
        first: accuracy of the first.
        second: accuracy of the second, another one.
    """
    return np.where(ahead == 0, 0.5, (ahead > 0) == (first > second))


def favourites_reliability(confidence: FloatArray, right: FloatArray, *, bins: int = BINS) -> Reliability:
    """Return the same from probabilities of at least 0.5 and from whether (1, 0) the favourite won."""
    if len(confidence) == 0:
        empty = np.full(bins, np.nan)
        return Reliability(empty, empty, np.zeros(bins, np.int64), *[float("nan")] * 3)
    place = np.clip(((confidence - 0.5) * 2 * bins).astype(np.int64), 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        predicted = np.bincount(place, confidence, minlength=bins) / count
        observed = np.bincount(place, right, minlength=bins) / count
    missed = np.nansum(count * np.abs(predicted - observed)) / len(confidence)
    squares = right * (1 - confidence) ** 2 + (1 - right) * confidence**2
    return Reliability(predicted, observed, count, float(squares.mean()), float(missed), float(right.mean()))


def _pairs(
    networks: int, limit: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if networks * (networks - 1) // 2 <= limit:
        first, second = np.triu_indices(networks, k=1)
        return first, second
    first = rng.integers(networks, size=limit)
    # An offset of at least 1 never gives a network itself.
    return first, (first + rng.integers(1, networks, size=limit)) % networks
