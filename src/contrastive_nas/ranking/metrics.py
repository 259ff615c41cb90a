"""How good a ranking is."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.floating]


def kendall_tau(scores: Floats, truth: Floats) -> float:
    """Return Kendall's tau-b; NaN where either side is constant or shorter than two."""
    return float(stats.kendalltau(scores, truth).statistic) if len(scores) > 1 else float("nan")


def spearman_rho(scores: Floats, truth: Floats) -> float:
    """Return Spearman's rank correlation; NaN where either side is constant or shorter than two."""
    if len(scores) < 2 or np.ptp(scores) == 0 or np.ptp(truth) == 0:
        return float("nan")
    return float(stats.spearmanr(scores, truth).statistic)


def ndcg(scores: Floats, truth: Floats, count: int = 10) -> float:
    """Return normalised discounted cumulative gain of the first ``count``, gains scaled to 0 .. 1 over the
    rows.

    Equal scores share their gain, so that the order of rows does not matter.
    """
    spread = np.ptp(truth)
    if spread == 0:
        return 1.0
    gains = (truth - truth.min()) / spread
    discounts = 1 / np.log2(np.arange(min(count, len(truth))) + 2)
    _, groups = np.unique(-scores, return_inverse=True)
    shared = np.bincount(groups, gains) / np.bincount(groups)
    reached = shared[np.sort(groups)[: len(discounts)]] @ discounts
    return float(reached / (np.sort(gains)[::-1][: len(discounts)] @ discounts))


def top_precision(scores: Floats, truth: Floats, fraction: float = 0.01) -> float:
    """Return part of the ``fraction`` ranked first that belongs to the ``fraction`` with the highest
    truth.
    """
    count = max(1, round(fraction * len(truth)))
    first = np.argsort(-scores, kind="stable")[:count]
    return float((truth[first] >= np.partition(truth, -count)[-count]).mean())


def rank_of_best(scores: Floats, truth: Floats, count: int = 10) -> int:
    """Return true rank, from 1, of the best of the ``count`` ranked first."""
    first = np.argsort(-scores, kind="stable")[:count]
    return int((truth > truth[first].max()).sum()) + 1
