"""Plots of every stage, as plotly figures."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from contrastive_nas.ranking.calibration import Reliability

FloatArray = NDArray[np.float64]
OURS, OTHER = "#1f5fa8", "#b0592c"
_BAND = "rgba(176, 89, 44, 0.15)"


def draw_losses(losses: pd.DataFrame) -> go.Figure:
    """The pretraining loss (``loss``) over the steps (``step``); without steps, a word that says why."""
    figure = go.Figure(go.Scatter(x=losses["step"], y=losses["loss"], line={"color": OURS}))
    title = "Contrastive pretraining" if len(losses) else "Encoder: the released one, not pretrained here"
    return _titled(figure, title, "step", "loss")


def draw_scores(
    scores: NDArray[np.floating], truth: FloatArray, labelled: NDArray[np.integer], name: str
) -> go.Figure:
    """Scores against true accuracies of all rows, labelled ones marked.

    Args:
        scores: of every row.
        truth: accuracy of every row, percent.
        labelled: rows that the model learned from.
        name: of the accuracy.
    """
    rest = np.setdiff1d(np.arange(len(scores)), labelled)
    figure = go.Figure()
    for rows, label, color, size in ((rest, "not labelled", OURS, 3), (labelled, "labelled", OTHER, 8)):
        figure.add_scattergl(
            x=scores[rows],
            y=truth[rows],
            mode="markers",
            name=label,
            marker={"color": color, "size": size, "opacity": 0.6},
        )
    return _titled(figure, "Comparator", "score", f"{name} (%)")


def draw_reliability(found: Reliability) -> go.Figure:
    """How often favourites win against the probability predicted; larger points stand for more pairs."""
    share = found.pairs / max(found.pairs.sum(), 1)
    figure = go.Figure()
    figure.add_scatter(
        x=[0.5, 1], y=[0.5, 1], mode="lines", name="calibrated", line={"color": OTHER, "dash": "dot"}
    )
    figure.add_scatter(
        x=found.confidence,
        y=found.frequency,
        mode="lines+markers",
        name="comparator",
        line={"color": OURS},
        marker={"size": 6 + 24 * np.sqrt(share)},
        text=[f"{count} pairs" for count in found.pairs],
    )
    title = f"Win probabilities: Brier score {found.brier_score:.3f}, error {found.calibration_error:.3f}"
    return _titled(figure, title, "predicted probability of the favourite", "part of favourites that win")


def draw_search_history(history: pd.DataFrame, random: pd.DataFrame, summary: dict[str, Any]) -> go.Figure:
    """Best accuracy so far against queries, with random search: its mean and 10 to 90 % band.

    Args:
        history: of the search; ``query``, ``accuracy``, ``best_accuracy``.
        random: the course of random search, ``query``, ``mean``, ``low``, ``high``; may be empty.
        summary: of the search.
    """
    queries = history["query"].to_numpy()
    figure = go.Figure()
    shown = [history["best_accuracy"].to_numpy(dtype=float)]
    if len(random):
        shown += [random["low"].to_numpy(), random["high"].to_numpy()]
        edge = {"x": random["query"], "line": {"width": 0}}
        figure.add_scatter(y=random["high"], showlegend=False, hoverinfo="skip", **edge)
        figure.add_scatter(
            y=random["low"], fill="tonexty", fillcolor=_BAND, name="random, 10 to 90 %", **edge
        )
        figure.add_scatter(x=random["query"], y=random["mean"], line={"color": OTHER}, name="random, mean")
    figure.add_scatter(
        x=queries,
        y=history["accuracy"],
        mode="markers",
        marker={"color": OURS, "size": 5, "opacity": 0.5},
        name="query",
    )
    figure.add_scatter(
        x=queries, y=history["best_accuracy"], line={"color": OURS, "shape": "hv"}, name=summary["strategy"]
    )
    # The first queries of any search are far below: the range begins where it gets interesting.
    late = len(history) // 6
    low = min(float(np.nanmin(curve[late:])) for curve in shown)
    high = max(float(np.nanmax(curve)) for curve in shown)
    figure.update_yaxes(range=[low - 0.1 * (high - low), high + 0.1 * (high - low)])
    title = f"Search in {summary['space']}: best so far after {len(history)} queries"
    return _titled(figure, title, "queries", "best validation accuracy (%)")


def _titled(figure: go.Figure, title: str, x: str, y: str) -> go.Figure:
    return figure.update_layout(
        title=title, xaxis_title=x, yaxis_title=y, template="plotly_white", width=800, height=480
    )
