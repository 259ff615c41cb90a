"""What is said of a comparator's quality."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from contrastive_nas.graphs.storage.store import GraphStore
from contrastive_nas.ranking.base import Floats
from contrastive_nas.ranking.calibration import reliability
from contrastive_nas.ranking.comparator.comparator import Comparator
from contrastive_nas.ranking.comparator.training import comparator_scores
from contrastive_nas.ranking.metrics import kendall_tau, spearman_rho
from contrastive_nas.ranking.quality import number_or_none, quality_beside_counts
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
    scores = comparator_scores(comparator, store, rest)
    measures = {"kendall_tau": kendall_tau, "spearman_rho": spearman_rho}
    calibration = reliability(scores, truth[rest])
    return {
        "labels": len(labelled),
        "ranked": len(rest),
        **quality_beside_counts(scores, store.statistics_of(rest), truth[rest], measures),
        "brier_score": number_or_none(calibration.brier_score),
        "calibration_error": number_or_none(calibration.calibration_error),
    }
