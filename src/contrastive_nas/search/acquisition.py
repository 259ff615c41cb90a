"""What there is to gain by buying a label.

With a single objective the gain is the expected improvement on the best labelled score (Jones et al.,
Efficient Global Optimization of Expensive Black-Box Functions, 1998, equation 15). With costs as further
objectives it is the expected improvement of the hypervolume: costs are known, so it is the integral over all
budgets u that cover the candidate's costs of the expected improvement on the best labelled score within u
(Emmerich et al., 2011, in the case that only one objective is uncertain); the integral is a mean over fixed
budgets.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import pinvh
from scipy.special import ndtr
from scipy.stats import qmc

from contrastive_nas.ranking.space_ranker import SpaceRanker
from contrastive_nas.spaces.base import Architecture

FloatArray = NDArray[np.float64]
BUDGETS = 512
# Variance that is left of a score that is known.
SMALLEST = 1e-12


def explored(ranker: SpaceRanker, architectures: Sequence[Architecture]) -> tuple[FloatArray, FloatArray]:
    """Means, and the part of deviations that is explored: 0 where the ranker does not know how sure it is."""
    if not ranker.has_uncertainty:
        means = ranker.scores(architectures)
        return means, np.zeros_like(means)
    means, deviations = ranker.posterior(architectures)
    return means, ranker.exploration * deviations


def expected_improvement(means: FloatArray, deviations: FloatArray, best: FloatArray | float) -> FloatArray:
    """Return E[max(0, score - best)] of normal scores; arrays broadcast, deviation 0 gives max(0, mean -
    best).
    """
    difference = means - best
    safe = np.where(deviations > 0, deviations, 1.0)
    z = difference / safe
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return np.where(deviations > 0, safe * (z * ndtr(z) + density), np.maximum(difference, 0))


def gains(ranker: SpaceRanker, candidates: Sequence[Architecture], best: float) -> FloatArray:
    """Return expected improvement of every candidate on ``best``; sure rankers give their scores.

    Where improvements vanish in floating point, scores decide: the result orders candidates, it is no amount.

    Args:
        ranker: fitted to labels.
        candidates: what may be bought.
        best: the highest score of a labelled network.
    """
    means, deviations = explored(ranker, candidates)
    return _order(means, deviations, best) if deviations.any() else means


def _order(means: FloatArray, deviations: FloatArray, best: float) -> FloatArray:
    improvement = expected_improvement(means, deviations, best)
    # exp(-700) is about the smallest double; below it the order is that of the upper bounds.
    return np.log(improvement + 1e-300) + 1e-6 * (means + deviations)


def bought_together(
    ranker: SpaceRanker,
    candidates: Sequence[Architecture],
    best: float | None,
    count: int,
    under_way: Sequence[Architecture] = (),
) -> list[int]:
    """Return up to ``count`` candidates to buy at once, by index, the one with most to gain first.

    Each is chosen as if the scores of those before it were known to be their means (the kriging believer:
    Ginsbourger, Le Riche and Carraro, Kriging Is Well-Suited to Parallelize Optimization, 2010, section 4),
    so that near copies of one network are not all bought; what is ``under_way``, bought and not answered yet,
    counts as the first of those. Before any label, where ``best`` is None, what is
    to be improved on is the highest mean of all candidates, and the whole deviation is explored. A ranker
    that does not know how its errors go together has the candidates with most to gain, each for itself.
    """
    names = [*under_way, *candidates]
    covariance = ranker.covariance(names) if ranker.has_uncertainty else None
    if covariance is None:
        order = ranker.scores(candidates) if best is None else gains(ranker, candidates, best)
        return np.argsort(-order, kind="stable")[:count].tolist()
    means = ranker.scores(names)
    covariance = covariance * (1.0 if best is None else ranker.exploration**2)
    best = float(means.max()) if best is None else best
    if under_way:
        first = len(under_way)
        best = max(best, float(means[:first].max()))
        means, covariance = means[first:], _known(covariance, first)
    chosen: list[int] = []
    for _ in range(min(count, len(candidates))):
        variances = np.maximum(covariance.diagonal(), SMALLEST)
        order = _order(means, np.sqrt(variances), best)
        order[chosen] = -np.inf
        pick = int(order.argmax())
        chosen.append(pick)
        best = max(best, float(means[pick]))
        column = covariance[:, pick]
        covariance = covariance - np.outer(column, column) / variances[pick]
    return chosen


def _known(covariance: FloatArray, first: int) -> FloatArray:
    """The covariance of all but the first scores, once those are known."""
    # Networks of one function have one score, so that there may be no inverse.
    inverse = pinvh(covariance[:first, :first])
    across = covariance[:first, first:]
    left: FloatArray = covariance[first:, first:] - across.T @ inverse @ across
    return left


def front_gains(
    ranker: SpaceRanker,
    candidates: Sequence[Architecture],
    candidate_costs: FloatArray,
    labelled: Sequence[Architecture],
    labelled_costs: FloatArray,
    reference: FloatArray,
) -> FloatArray:
    """Return expected improvement of the hypervolume between scores and costs, over all budgets up to
    ``reference``.

    Args:
        candidate_costs: candidates x costs, smaller is better.
        labelled_costs: labelled x costs.
        reference: costs up to which the front counts.
    """
    means, deviations = explored(ranker, candidates)
    scores = ranker.scores(labelled)
    low = np.minimum(labelled_costs.min(axis=0), candidate_costs.min(axis=0))
    budgets = low + _unit_points(len(reference)) * np.maximum(reference - low, 0)
    reached = best_within(scores, labelled_costs, budgets, floor=scores.min())
    total = np.zeros(len(means))
    for budget, best in zip(budgets, reached, strict=True):
        affordable = (candidate_costs <= budget).all(axis=1)
        total[affordable] += expected_improvement(means[affordable], deviations[affordable], best)
    return total / len(budgets)


def best_within(values: FloatArray, costs: FloatArray, budgets: FloatArray, floor: float) -> FloatArray:
    """Return the highest value whose costs stay within each budget, ``floor`` where none does."""
    affordable = (costs[None, :, :] <= budgets[:, None, :]).all(axis=2)
    return np.where(affordable, values[None, :], floor).max(axis=1, initial=floor)


def _unit_points(dimensions: int) -> FloatArray:
    """Budgets that fill the unit cube evenly, the same in every call."""
    if dimensions == 1:
        return ((np.arange(BUDGETS) + 0.5) / BUDGETS)[:, None]
    return qmc.Sobol(dimensions, scramble=False).random(BUDGETS)
