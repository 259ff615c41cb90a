"""How well the ranker that guided a search orders networks that the search did not query."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contrastive_nas.ranking.calibration import Reliability, favourite_wins, favourites_reliability
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.ranking.quality import number_or_none, quality_beside_counts
from contrastive_nas.ranking.space_ranker import SpaceRanker

FloatArray = NDArray[np.float64]
# Rows of a table that are ranked: Kendall's tau of so many repeats to a hundredth.
MEASURED = 5000
# Networks among which win probabilities are compared: 80,000 pairs.
_COMPARED = 400
# Fewer networks do not say how good an order is.
_LEAST = 10


@dataclass(frozen=True, eq=False)
class RankerQuality:
    """What a ranker says of networks with known accuracy, and how right it is.

    Attributes:
        metrics: ``labels`` that the ranker learned from, ``ranked`` networks, Kendall's tau-b of their truth
            with the scores (``kendall_tau``), with multiply-accumulates (``macs_kendall_tau``) and with
            parameters (``parameters_kendall_tau``), ``brier_score`` and ``calibration_error`` of win
            probabilities; None where there is nothing to rank.
        scores: one per ranked network.
        truth: accuracy of each, percent.
        wins: predicted and observed wins.
    """

    metrics: dict[str, Any]
    scores: FloatArray
    truth: FloatArray
    wins: Reliability


def ranker_quality(
    ranker: SpaceRanker | None, history: pd.DataFrame, table: pd.DataFrame, test: str, seed: int
) -> RankerQuality:
    """Fit a ranker to the labels of a search and measure it on the other networks of a table.

    Args:
        ranker: as the search had it; None where none guided the search.
        history: ``architecture`` and ``accuracy`` of the search's full trainings.
        table: ``architecture``, and their accuracies. Of more than ``MEASURED`` networks a random part.
        test: column that networks are ranked by.
        seed: of that part.

    Raises:
        InputError: a string is no architecture of the space.
    """
    labels = history.dropna(subset="accuracy").drop_duplicates("architecture")
    others = table.dropna(subset=[test]).drop_duplicates("architecture")
    others = others[~others["architecture"].isin(labels["architecture"])]
    if len(others) > MEASURED:
        others = others.iloc[np.sort(np.random.default_rng(seed).permutation(len(others))[:MEASURED])]
    learned = {"labels": len(labels), "ranked": len(others)}
    if ranker is None or len(others) < _LEAST or labels["accuracy"].nunique() < 2:
        none = np.zeros(0)
        measured = ("kendall_tau", "macs_kendall_tau", "parameters_kendall_tau")
        unknown = dict.fromkeys((*measured, "brier_score", "calibration_error"))
        return RankerQuality(learned | unknown, none, none, favourites_reliability(none, none))
    ranker.fit(labels["architecture"].tolist(), labels["accuracy"].to_numpy(dtype=float))
    names, truth = others["architecture"].tolist(), others[test].to_numpy(dtype=float)
    scores = ranker.scores(names)
    statistics = ranker.source.statistics_of(ranker.source.rows(names))
    taus = quality_beside_counts(scores, statistics, truth, {"kendall_tau": kendall_tau})
    wins = _wins(ranker, names, truth, seed)
    calibration = {
        "brier_score": number_or_none(wins.brier_score),
        "calibration_error": number_or_none(wins.calibration_error),
    }
    return RankerQuality(learned | taus | calibration, scores, truth, wins)


def _wins(ranker: SpaceRanker, names: list[str], truth: FloatArray, seed: int) -> Reliability:
    """Of all pairs of some networks whose truth differs, the network with the higher probability."""
    some = np.random.default_rng(seed).permutation(len(names))[:_COMPARED]
    drawn = [names[place] for place in some]
    first, second = np.triu_indices(len(drawn), k=1)
    wins, better = ranker.probability(drawn, drawn)[first, second], truth[some]
    decided = better[first] != better[second]
    wins, first, second = wins[decided], first[decided], second[decided]
    right = favourite_wins(wins - 0.5, better[first], better[second])
    return favourites_reliability(np.maximum(wins, 1 - wins), right)
