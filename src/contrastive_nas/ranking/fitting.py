"""A ranker fitted to labelled networks of a list, and how well it orders labels that it was not shown."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.costs import graph_costs
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import FOLDS, FloatArray, Ranker
from contrastive_nas.ranking.graph_source import GraphSource, SpaceSource
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.ranking.scoring import DECIMALS
from contrastive_nas.spaces.base import SearchSpace

# Random networks of a space beside which the listed ones are seen.
REFERENCE = 1024
# Fitting takes the cube of their number, and more labels hardly change an order.
MOST_LABELS = 1000
# Fewer labels do not say which of two orders is better.
LEAST_JUDGED = 10
# Of more labels a part: each fold that is left out is a fit.
MOST_JUDGED = 200


def check_labels(labels: Mapping[str, float] | None) -> Mapping[str, float]:
    """Return the labels, none for None.

    Raises:
        InputError: they are not finite, or all equal.
    """
    labels = labels or {}
    wrong = [name for name, label in labels.items() if not np.isfinite(label)]
    if wrong:
        raise InputError(f"rank: the label of {wrong[0]} is {labels[wrong[0]]}")
    if labels and len(set(labels.values())) < 2:
        given = next(iter(labels.values()))
        raise InputError(f"rank: at least two different labels are needed, all are {given}")
    return labels


def check_count(networks: int) -> None:
    """Raise InputError for fewer than two networks."""
    if networks < 2:
        raise InputError(f"rank: at least two different networks are needed, got {networks}")


def learned_from(labelled: IntArray, seed: int) -> IntArray:
    """Return those of the labelled networks that are learned from, in the order of learning."""
    return np.random.default_rng(seed).permutation(labelled)[:MOST_LABELS]


def reference_source(space: SearchSpace, seed: int) -> SpaceSource:
    """Return the random networks of a space beside which the listed ones are seen."""
    source = SpaceSource(space)
    source.rows(space.sample(np.random.default_rng(seed), REFERENCE))
    return source


def fit_and_judge(
    source: GraphSource, rows: IntArray, labels: NDArray[np.float64], ranker: Ranker, seed: int
) -> dict[str, float]:
    """Fit the ranker to labels, and return how well it orders labels that it was not shown.

    Args:
        source: the graphs.
        rows: of the labelled networks.
        labels: theirs.
        ranker: is fitted to all of them in the end.
        seed: of the ranker, and of the parts that are left out.

    Returns:
        Kendall's tau by ``ranking``, ``macs`` and ``parameters``, of ``MOST_JUDGED`` labels at most; nothing
        where there are too few.

    Raises:
        InputError: a ranker that needs labels where there are none.
    """
    tau = _judged(source, rows[:MOST_JUDGED], labels[:MOST_JUDGED], ranker, seed)
    ranker.fit(source, rows, labels, seed)
    return tau


def _judged(
    source: GraphSource, rows: IntArray, labels: NDArray[np.float64], ranker: Ranker, seed: int
) -> dict[str, float]:
    """Networks of one function are left out together."""
    _, functions = np.unique(source.function_ids[rows], return_inverse=True)
    fold = np.random.default_rng(seed).permutation(functions.max(initial=0) + 1)[functions] % FOLDS
    outside = [fold != number for number in range(FOLDS)]
    if len(rows) < LEAST_JUDGED or min(len(np.unique(labels[kept])) for kept in outside) < 2:
        return {}
    predicted: FloatArray = np.zeros(len(rows))
    for kept in outside:
        if not kept.all():
            ranker.fit(source, rows[kept], labels[kept], seed)
            predicted[~kept] = ranker.scores(rows[~kept])
    costs = graph_costs(source.batch(rows))
    orders = {"ranking": predicted.round(DECIMALS), "macs": costs[:, 0], "parameters": costs[:, 1]}
    found = {name: kendall_tau(order.astype(np.float64), labels) for name, order in orders.items()}
    # Where all are alike there is no order: it is no better than chance.
    return {name: 0.0 if np.isnan(tau) else tau for name, tau in found.items()}
