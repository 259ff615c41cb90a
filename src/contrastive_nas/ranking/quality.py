"""One protocol for every way of ranking: fit on few labelled architectures, judge on all the others."""

import time
from dataclasses import dataclass

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import Floats, Ranker
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.ranking.metrics import kendall_tau, ndcg, spearman_rho, top_precision


@dataclass(frozen=True)
class RankingQuality:
    """How well a ranker orders the architectures that it saw no label of.

    Attributes:
        kendall_tau: tau-b over the rows that are not labelled.
        kendall_tau_unseen_functions: over those of them whose function has no labelled twin.
        spearman_rho: over the rows that are not labelled.
        ndcg_at_10: over the rows that are not labelled.
        precision_top_1_percent: over the rows that are not labelled.
        fit_seconds: what fitting took.
        predict_seconds: what scoring all rows that are not labelled took.
    """

    kendall_tau: float
    kendall_tau_unseen_functions: float
    spearman_rho: float
    ndcg_at_10: float
    precision_top_1_percent: float
    fit_seconds: float
    predict_seconds: float


def labelled_rows(candidates: int, count: int, seed: int) -> IntArray:
    """The rows whose labels are known: ``count`` at random, those of a smaller count among those of a larger.

    Raises:
        InputError: fewer than two rows would be left to judge by.
    """
    if count > candidates - 2:
        raise InputError(
            f"{count} labels of {candidates} architectures leave too few to judge the ranking by"
        )
    return np.random.default_rng(seed).permutation(candidates)[:count]


def ranking_quality(
    ranker: Ranker, source: GraphSource, labelled: IntArray, labels: Floats, truth: Floats, seed: int
) -> RankingQuality:
    """Fits ``ranker`` on the labelled rows and judges its scores on all others.

    Args:
        ranker: fitted here; nothing of ``truth`` reaches it but what ``labels`` say.
        source: the graphs, one per row.
        labelled: rows whose labels are known, maybe none.
        labels: accuracies at ``labelled``.
        truth: what is to be ranked, for every row.
        seed: for everything random in the ranker.
    """
    started = time.perf_counter()
    ranker.fit(source, labelled, labels, seed)
    fitted = time.perf_counter()
    rest = np.setdiff1d(np.arange(len(source)), labelled)
    scores = ranker.scores(rest)
    predicted = time.perf_counter()
    functions = np.asarray(source.function_ids)
    unseen = ~np.isin(functions[rest], functions[labelled])
    actual = truth[rest]
    return RankingQuality(
        kendall_tau=kendall_tau(scores, actual),
        kendall_tau_unseen_functions=kendall_tau(scores[unseen], actual[unseen]),
        spearman_rho=spearman_rho(scores, actual),
        ndcg_at_10=ndcg(scores, actual),
        precision_top_1_percent=top_precision(scores, actual),
        fit_seconds=fitted - started,
        predict_seconds=predicted - fitted,
    )
