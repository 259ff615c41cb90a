"""Scores under a Gaussian process prior, fitted to comparisons.

Source: Chu and Ghahramani, Preference Learning with Gaussian Processes, ICML 2005, with the logistic in place
of the normal distribution, which makes the fit the pairwise cross-entropy of a comparator.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve, solve_triangular
from scipy.optimize import minimize_scalar

from contrastive_nas.graphs.schema import IntArray

FloatArray = NDArray[np.float64]
JITTER = 1e-6
# Standard deviation of the difference of two labels in units of the logistic's scale: the slopes at 0 agree.
LOGISTIC_SCALE = 0.8
# Newton's method doubles the digits with each step; some ten suffice.
STEPS = 60
# Largest derivative at the end, in units of standard deviations of the prior.
TOLERANCE = 1e-10
# After so many halvings a step has vanished in double precision.
HALVINGS = 50


@dataclass(frozen=True)
class Comparisons:
    """Pairs of points with a winner.

    Attributes:
        better: number of the winner, per pair.
        worse: number of the loser, per pair.
        weight: of every pair in the loss.
    """

    better: IntArray
    worse: IntArray
    weight: float


def fit_preferences(
    kernel: FloatArray, comparisons: list[Comparisons], scale: float, start: FloatArray
) -> FloatArray:
    """Return the weights a of the most probable scores f = K a.

    Minimises f^T K^-1 f / 2 + sum over pairs of weight * log(1 + exp(-(f_better - f_worse) / scale)), which
    is convex, by Newton's method.

    Args:
        kernel: points x points, K.
        comparisons: sets of pairs.
        scale: difference of scores that makes a logit of 1.
        start: scores that the search begins with; they change the time it takes, not where it ends.
    """
    factor = np.linalg.cholesky(kernel + JITTER * np.eye(len(kernel)))
    better = np.concatenate([pairs.better for pairs in comparisons])
    worse = np.concatenate([pairs.worse for pairs in comparisons])
    weights = np.repeat([pairs.weight for pairs in comparisons], [len(pairs.better) for pairs in comparisons])

    def loss(white: FloatArray) -> float:
        scores = factor @ white
        losses = weights @ np.logaddexp(0, -(scores[better] - scores[worse]) / scale)
        return float(0.5 * white @ white + losses)

    white = solve_triangular(factor, start, lower=True)
    for _ in range(STEPS):
        gradient, curvature = _derivatives(factor @ white, better, worse, weights / scale, scale)
        slope = white + factor.T @ gradient
        if np.abs(slope).max() < TOLERANCE:
            break
        hessian = np.eye(len(white)) + factor.T @ curvature @ factor
        white = _descend(loss, white, -solve(hessian, slope, assume_a="pos"))
    solution: FloatArray = solve_triangular(factor, white, lower=True, trans="T")
    return solution


def _derivatives(
    scores: FloatArray, better: IntArray, worse: IntArray, pull: FloatArray, scale: float
) -> tuple[FloatArray, FloatArray]:
    """Gradient and Hessian of all pairs' weighted losses, by the scores; ``pull`` is weight / scale."""
    logits, count = (scores[better] - scores[worse]) / scale, len(scores)
    # p(the worse one wins), without overflow.
    upset = np.exp(-np.logaddexp(0, logits))
    pulled = pull * upset
    lost, won = (np.bincount(ends, pulled, count).astype(np.float64) for ends in (worse, better))
    flat = np.bincount(better * count + worse, pulled * (1 - upset) / scale, minlength=count * count)
    joined = flat.reshape(count, count)
    joined = joined + joined.T
    return lost - won, np.diag(joined.sum(axis=1)) - joined


def _descend(loss: Callable[[FloatArray], float], point: FloatArray, step: FloatArray) -> FloatArray:
    """The point after a step, halved until the loss does not rise; the loss is convex, so this ends."""
    value = loss(point)
    for _ in range(HALVINGS):
        if loss(point + step) <= value:
            return point + step
        step = step / 2
    return point


def left_out_scores(kernel: FloatArray, noise: float, targets: FloatArray) -> FloatArray:
    """Return what regression on all other targets predicts for each: Rasmussen and Williams 2006, equation
    5.12.
    """
    inverse = np.linalg.inv(kernel + (noise + JITTER) * np.eye(len(kernel)))
    predictions: FloatArray = targets - (inverse @ targets) / np.diag(inverse)
    return predictions


def calibrate(scores: FloatArray, better: IntArray, worse: IntArray) -> float:
    """Return the temperature at which sigmoid(difference / temperature) gives the observed comparisons most
    probability.

    Args:
        scores: made without knowing the comparisons.
        better: numbers of winners.
        worse: numbers of losers.
    """
    gaps = scores[better] - scores[worse]
    found = minimize_scalar(
        lambda log: float(np.logaddexp(0, -gaps / np.exp(log)).mean()), bounds=(-5.0, 3.0), method="bounded"
    )
    return float(np.exp(found.x))
