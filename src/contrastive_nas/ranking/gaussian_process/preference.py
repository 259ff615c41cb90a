"""Scores under a Gaussian process prior, fitted to comparisons.

Source: Chu and Ghahramani, Preference Learning with Gaussian Processes, ICML 2005, with the logistic in place
of the normal distribution, which makes the fit the pairwise cross-entropy of a comparator.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import minimize, minimize_scalar

from contrastive_nas.graphs.schema import IntArray

FloatArray = NDArray[np.float64]
JITTER = 1e-6
# Standard deviation of the difference of two labels in units of the logistic's scale: the slopes at 0 agree.
LOGISTIC_SCALE = 0.8
STEPS = 60


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
    """The weights a of the most probable scores f = K a.

    Minimises f^T K^-1 f / 2 + sum over pairs of weight * log(1 + exp(-(f_better - f_worse) / scale)), which
    is convex.

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

    def loss(white: FloatArray) -> tuple[float, FloatArray]:
        scores = factor @ white
        logits = (scores[better] - scores[worse]) / scale
        # weight * p(the worse one wins) / scale, without overflow.
        pull = weights * np.exp(-np.logaddexp(0, logits)) / scale
        count = len(scores)
        gradient = np.bincount(worse, pull, minlength=count) - np.bincount(better, pull, minlength=count)
        value = 0.5 * white @ white + weights @ np.logaddexp(0, -logits)
        return float(value), white + factor.T @ gradient

    white = solve_triangular(factor, start, lower=True)
    found = minimize(loss, white, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    solution: FloatArray = solve_triangular(factor, found.x, lower=True, trans="T")
    return solution


def left_out_scores(kernel: FloatArray, noise: float, targets: FloatArray) -> FloatArray:
    """What regression on all other targets predicts for each: Rasmussen and Williams 2006, equation 5.12."""
    inverse = np.linalg.inv(kernel + (noise + JITTER) * np.eye(len(kernel)))
    predictions: FloatArray = targets - (inverse @ targets) / np.diag(inverse)
    return predictions


def calibrate(scores: FloatArray, better: IntArray, worse: IntArray) -> float:
    """The temperature at which sigmoid(difference / temperature) gives the observed comparisons most
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
