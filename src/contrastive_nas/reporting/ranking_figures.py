"""Figures of a ranker: its order, its probabilities and its pseudo-labels against the truth."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.stats import rankdata

from contrastive_nas.ranking.calibration import Reliability
from contrastive_nas.reporting.figures import GREY, OTHER, OURS, add_band, titled

FloatArray = NDArray[np.float64]
# Points that a browser draws at once, and that are told apart.
_SHOWN = 1500
# Groups of networks with neighbouring predicted ranks, for the band; of tables of some thousand each has
# more than a hundred.
_GROUPS = 20
_LEAST_GROUP = 10
_BAND = "rgba(0, 114, 178, 0.18)"


def draw_ranks(
    scores: NDArray[np.floating], truth: FloatArray, labelled: NDArray[np.integer], name: str
) -> go.Figure:
    """Draw predicted against true ranks, with the band that holds 80 % of networks with such a prediction.

    Args:
        scores: of every network, higher is better.
        truth: accuracy of every network, percent; where it is not finite the network is left out.
        labelled: numbers of the networks that the ranker learned from.
        name: of the accuracy.
    """
    known = np.flatnonzero(np.isfinite(truth))
    predicted = rankdata(-np.asarray(scores, float)[known], method="average")
    true = rankdata(-truth[known], method="average")
    learned = np.isin(known, labelled)
    figure = go.Figure()
    if len(known) >= 2 * _LEAST_GROUP:
        _add_band(figure, predicted[~learned], true[~learned])
    rest = np.flatnonzero(~learned)
    shown = np.random.default_rng(0).permutation(rest)[:_SHOWN]
    few = f" ({len(shown):,} of {len(rest):,} shown)" if len(shown) < len(rest) else ""
    for rows, label, color, size in (
        (shown, f"not labelled{few}", GREY, 4),
        (np.flatnonzero(learned), "labelled", OTHER, 9),
    ):
        if not len(rows):
            continue
        figure.add_scatter(
            x=predicted[rows],
            y=true[rows],
            mode="markers",
            name=label,
            marker={"color": color, "size": size, "opacity": 0.6},
        )
    ends = [1, max(len(known), 1)]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", name="perfect order", line={"color": GREY, "dash": "dot"}
    )
    return titled(
        figure, "Predicted against true rank", "predicted rank (1 is the best)", f"true rank by {name}"
    )


def _add_band(figure: go.Figure, predicted: FloatArray, true: FloatArray) -> None:
    order = np.argsort(predicted, kind="stable")
    groups = np.array_split(order, max(1, min(_GROUPS, len(order) // _LEAST_GROUP)))
    places = [float(np.median(predicted[group])) for group in groups]
    low, middle, high = np.array([np.quantile(true[group], [0.1, 0.5, 0.9]) for group in groups]).T
    add_band(figure, places, low, high, _BAND, "80 % of networks")
    figure.add_scatter(x=places, y=middle, mode="lines", line={"color": OURS, "width": 2.5}, name="median")


def draw_reliability(found: Reliability, who: str = "comparator") -> go.Figure:
    """Draw how often favourites win against the probability predicted; larger points stand for more pairs.

    Args:
        found: predicted and observed wins.
        who: predicted them.
    """
    share = found.pairs / max(found.pairs.sum(), 1)
    figure = go.Figure()
    figure.add_scatter(
        x=[0.5, 1], y=[0.5, 1], mode="lines", name="calibrated", line={"color": OTHER, "dash": "dot"}
    )
    figure.add_scatter(
        x=found.confidence,
        y=found.frequency,
        mode="lines+markers",
        name=who,
        line={"color": OURS},
        marker={"size": 6 + 24 * np.sqrt(share)},
        text=[f"{count:,} pairs" for count in found.pairs],
    )
    title = f"Win probabilities: Brier score {found.brier_score:.3f}, error {found.calibration_error:.3f}"
    return titled(figure, title, "predicted probability of the favourite", "share of favourites that win")


def draw_pseudo_labels(confidence: FloatArray, right: NDArray[np.bool_]) -> go.Figure:
    """Draw how confident pseudo-labels were, and how many of them were right.

    Args:
        confidence: of each pseudo-label, 0.5 to 1.
        right: whether the network called better truly is.
    """
    bins = np.linspace(0.5, 1.0, 11)
    figure = go.Figure()
    for chosen, name, color in ((right, "right", OURS), (~right, "wrong", OTHER)):
        counts, _ = np.histogram(confidence[chosen], bins)
        figure.add_bar(x=(bins[:-1] + bins[1:]) / 2, y=counts, name=name, marker={"color": color})
    titled(figure, "Pseudo-labels", "confidence of the comparator", "pairs")
    return figure.update_layout(barmode="stack")


def pseudo_labels_right(
    pseudo_labels: pd.DataFrame, truth: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return confidence of pseudo-labels, and whether they are right; pairs of unknown accuracy are left out.

    Args:
        pseudo_labels: a row per pair: ``better``, ``worse`` (rows of ``truth``), ``confidence``.
        truth: accuracies in percent.
    """
    better, worse = (truth[pseudo_labels[name].to_numpy(dtype=np.int64)] for name in ("better", "worse"))
    known = np.isfinite(better) & np.isfinite(worse)
    return pseudo_labels["confidence"].to_numpy(dtype=float)[known], (better > worse)[known]
