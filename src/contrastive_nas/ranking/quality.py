"""One protocol for every way of ranking: fit on few labelled architectures, judge on all the others."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.graphs.statistics.network import STATISTICS
from contrastive_nas.ranking.base import Floats, Ranker, trained_alike
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.ranking.metrics import kendall_tau, ndcg, rank_of_best, spearman_rho, top_precision

# Fewer networks that were trained alike hardly say how good an order of them is.
LEAST_GROUP = 10


@dataclass(frozen=True)
class RankingQuality:
    """How well a ranker orders the architectures that it saw no label of.

    Attributes:
        kendall_tau: tau-b over the rows that are not labelled.
        kendall_tau_unseen_functions: over those of them whose function has no labelled twin.
        spearman_rho: over the rows that are not labelled.
        ndcg_at_10: over the rows that are not labelled.
        precision_top_1_percent: over the rows that are not labelled.
        rank_of_best_of_10: true rank of the best of the ten rows that are ranked first, among those that are
            not labelled.
        fit_seconds: what fitting took.
        predict_seconds: what scoring all rows that are not labelled took.
    """

    kendall_tau: float
    kendall_tau_unseen_functions: float
    spearman_rho: float
    ndcg_at_10: float
    precision_top_1_percent: float
    rank_of_best_of_10: float
    fit_seconds: float
    predict_seconds: float


def labelled_rows(candidates: int, count: int, seed: int) -> IntArray:
    """Return the rows whose labels are known: ``count`` at random, those of a smaller count among those of a
    larger.

    Raises:
        InputError: fewer than two rows would be left to judge by.
    """
    if count > candidates - 2:
        raise InputError(
            f"{count} labels of {candidates} architectures leave too few networks to measure the ranking on"
        )
    return np.random.default_rng(seed).permutation(candidates)[:count]


def ranking_quality(
    ranker: Ranker,
    source: GraphSource,
    labelled: IntArray,
    labels: Floats,
    truth: Floats,
    seed: int,
    groups: IntArray | None = None,
) -> RankingQuality:
    """Fit ``ranker`` on the labelled rows and judge its scores on all others.

    Args:
        ranker: fitted here; nothing of ``truth`` reaches it but what ``labels`` say.
        source: the graphs, one per row.
        labelled: rows whose labels are known, maybe none.
        labels: accuracies at ``labelled``.
        truth: what is to be ranked, for every row.
        seed: for everything random in the ranker.
        groups: which rows were trained alike, by number; then the quality is the mean over groups of at least
            ``LEAST_GROUP`` rows that are not labelled. None for all.

    Raises:
        InputError: no group is large enough.
    """
    started = time.perf_counter()
    ranker.fit(source, labelled, labels, seed)
    fitted = time.perf_counter()
    rest = np.setdiff1d(np.arange(len(source)), labelled)
    scores = ranker.scores(rest)
    predicted = time.perf_counter()
    functions = np.asarray(source.function_ids)
    unseen = ~np.isin(functions[rest], functions[labelled])
    parts = trained_alike(None if groups is None else groups[rest], len(rest), LEAST_GROUP)
    if not parts:
        raise InputError(
            f"fewer than {LEAST_GROUP} networks trained in the same way are left to measure the ranking on"
        )
    found = [_order_quality(scores[part], truth[rest[part]], unseen[part]) for part in parts]
    tau, unseen_tau, rho, gain, precision, best = np.mean(found, axis=0).tolist()
    return RankingQuality(
        kendall_tau=tau,
        kendall_tau_unseen_functions=unseen_tau,
        spearman_rho=rho,
        ndcg_at_10=gain,
        precision_top_1_percent=precision,
        rank_of_best_of_10=best,
        fit_seconds=fitted - started,
        predict_seconds=predicted - fitted,
    )


def quality_beside_counts(
    scores: Floats,
    statistics: NDArray[np.floating],
    truth: Floats,
    measures: Mapping[str, Callable[[Floats, Floats], float]],
) -> dict[str, float | None]:
    """Return measures of an order, and of the orders by multiply-accumulates and by parameters.

    Args:
        scores: one per network, higher is better.
        statistics: networks x statistics.
        truth: accuracy of every network.
        measures: by name, functions of an order and the truth.

    Returns:
        Each measure by its name, with the prefixes ``macs_`` and ``parameters_`` for these counts in place of
        scores; None where it says nothing.
    """
    orders = {
        "": scores,
        "macs_": statistics[:, STATISTICS.index("log_macs")],
        "parameters_": statistics[:, STATISTICS.index("log_parameters")],
    }
    return {
        f"{prefix}{name}": number_or_none(measure(order, truth))
        for prefix, order in orders.items()
        for name, measure in measures.items()
    }


def number_or_none(value: float) -> float | None:
    """Return a number as JSON has it: None for NaN."""
    return None if math.isnan(value) else value


def _order_quality(scores: Floats, truth: Floats, unseen: NDArray[np.bool_]) -> tuple[float, ...]:
    """The first attributes of :class:`RankingQuality`, in their order."""
    return (
        kendall_tau(scores, truth),
        kendall_tau(scores[unseen], truth[unseen]),
        spearman_rho(scores, truth),
        ndcg(scores, truth),
        top_precision(scores, truth),
        rank_of_best(scores, truth),
    )
