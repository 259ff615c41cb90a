"""What is said of a comparator's quality."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from contrastive_nas.graphs.storage.store import GraphStore
from contrastive_nas.ranking.base import Floats
from contrastive_nas.ranking.calibration import reliability
from contrastive_nas.ranking.comparator.comparator import Comparator
from contrastive_nas.ranking.comparator.training import comparator_scores
from contrastive_nas.ranking.metrics import kendall_tau, spearman_rho
from contrastive_nas.spaces.base import Architecture


def comparator_quality(
    comparator: Comparator, store: GraphStore, labelled: Sequence[Architecture], truth: Floats
) -> dict[str, Any]:
    """Return Kendall's tau-b and Spearman's rho over the graphs that are not labelled, with two baselines.

    Args:
        comparator: trained.
        store: all graphs.
        labelled: architectures that the comparator learned from, in the store or not.
        truth: accuracy of every row, in percent.

    Returns:
        ``labels``, ``ranked`` (rows that are measured), ``kendall_tau``, ``spearman_rho``, and the same two
        with the prefix ``macs_`` and ``parameters_`` for these counts in place of scores; ``brier_score``
        and ``calibration_error`` of the comparator's win probabilities; None where there is nothing to rank.
    """
    rest = np.setdiff1d(np.arange(len(store)), store.find(labelled))
    rest = rest[np.isfinite(truth[rest])]
    names, statistics = list(store.statistic_names), store.statistics_of(rest)
    rankings = {
        "": comparator_scores(comparator, store, rest),
        "macs_": statistics[:, names.index("log_macs")],
        "parameters_": statistics[:, names.index("log_parameters")],
    }
    quality: dict[str, Any] = {"labels": len(labelled), "ranked": len(rest)}
    for prefix, scores in rankings.items():
        quality[f"{prefix}kendall_tau"] = _number(kendall_tau(scores, truth[rest]))
        quality[f"{prefix}spearman_rho"] = _number(spearman_rho(scores, truth[rest]))
    calibration = reliability(rankings[""], truth[rest])
    quality["brier_score"] = _number(calibration.brier_score)
    quality["calibration_error"] = _number(calibration.calibration_error)
    return quality


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
