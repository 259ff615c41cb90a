"""Figures of a search: its course, its front, its policy and where it looked."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from contrastive_nas.search.front import pareto_front
from contrastive_nas.search.strategies.base import FIRST

FloatArray = NDArray[np.float64]
# By Okabe and Ito: told apart by the colour-blind, and legible on white and on black.
OURS, OTHER, THIRD, GREY = "#0072B2", "#D55E00", "#009E73", "#808080"
_BAND = "rgba(213, 94, 0, 0.18)"
_GRID = "rgba(128, 128, 128, 0.25)"
# Of a map's accuracies, the worst part shares one colour: a few failures would leave one for all others.
_LOWEST_SHOWN = 0.1
# Share of a map's networks at each end of an axis that may lie outside of its frame.
_OUTERMOST = 0.005


def titled(figure: go.Figure, title: str, x: str, y: str) -> go.Figure:
    """Return the figure with its texts, without a background of its own, as wide as the page gives."""
    axes = {"gridcolor": _GRID, "zerolinecolor": _GRID, "automargin": True}
    figure.update_xaxes(title=x, **axes)
    figure.update_yaxes(title=y, **axes)
    return figure.update_layout(
        title=title,
        template="plotly_white",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "color": GREY},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        margin={"l": 10, "r": 10, "t": 70, "b": 10},
        height=440,
        hovermode="closest",
    )


def add_band(figure: go.Figure, x: Any, low: Any, high: Any, color: str, name: str) -> None:
    """Fill what lies between two curves, before anything else is drawn."""
    edge = {"x": x, "mode": "lines", "line": {"width": 0}}
    figure.add_scatter(y=high, showlegend=False, hoverinfo="skip", **edge)
    figure.add_scatter(y=low, fill="tonexty", fillcolor=color, name=name, **edge)


def draw_search_history(history: pd.DataFrame, random: pd.DataFrame, summary: dict[str, Any]) -> go.Figure:
    """Draw the best accuracy so far against labels bought, with random search: its mean and 10 to 90 % band.

    Args:
        history: of the search; ``query``, ``reason``, ``accuracy``, ``best_accuracy``.
        random: the course of random search, ``query``, ``mean``, ``low``, ``high``; may be empty.
        summary: of the search.
    """
    queries = history["query"].to_numpy()
    figure = go.Figure()
    shown = [history["best_accuracy"].to_numpy(dtype=float)]
    if len(random):
        shown += [random["low"].to_numpy(), random["high"].to_numpy()]
        add_band(figure, random["query"], random["low"], random["high"], _BAND, "random search, 10 to 90 %")
        figure.add_scatter(
            x=random["query"], y=random["mean"], line={"color": OTHER, "dash": "dash"}, name="random, mean"
        )
    first = (history["reason"] == FIRST).to_numpy()
    for chosen, name, symbol in ((first, "first label", "diamond"), (~first, "query", "circle")):
        figure.add_scatter(
            x=queries[chosen],
            y=history["accuracy"][chosen],
            mode="markers",
            marker={"color": OURS, "size": 7, "opacity": 0.6, "symbol": symbol},
            text=history["architecture"][chosen],
            name=name,
        )
    figure.add_scatter(
        x=queries,
        y=history["best_accuracy"],
        mode="lines",
        line={"color": OURS, "shape": "hv", "width": 2.5},
        name=f"this search ({summary['strategy']})",
    )
    if summary.get("regret") is not None:
        best = float(summary["best_valid_accuracy"]) + float(summary["regret"])
        shown.append(np.array([best]))
        figure.add_scatter(
            x=[queries[0], queries[-1]],
            y=[best, best],
            mode="lines",
            line={"color": THIRD, "dash": "dot"},
            name="highest known label",
        )
    title = f"Search in {summary['space']}: best so far after {len(history)} labels"
    titled(figure, title, "number of labels", "best validation accuracy (%)")
    return figure.update_yaxes(range=late_range(shown, len(history)))


def late_range(curves: Sequence[FloatArray], queries: int) -> list[float]:
    """Give the range of curves without their first sixth: the first queries of any search are far below.

    Args:
        curves: accuracies in percent, a value per query; one of a single value is a level.
        queries: of the searches.
    """
    late = queries // 6
    low = min(float(np.nanmin(curve[late:] if len(curve) > late else curve[-1:])) for curve in curves)
    high = max(float(np.nanmax(curve)) for curve in curves)
    margin = 0.1 * max(high - low, 0.1)
    return [low - margin, high + margin]


def draw_front(history: pd.DataFrame, cost: str, unit: str) -> go.Figure:
    """Draw accuracy against a cost, the networks that no other beats in all objectives marked.

    Args:
        history: of a search with objectives: ``accuracy``, ``architecture``, ``on_front`` and ``cost``.
        cost: column of the cost.
        unit: what it is called on the axis.
    """
    figure = go.Figure()
    on_front = history["on_front"].to_numpy(dtype=bool)
    for rows, name, color, size in ((~on_front, "other", GREY, 6), (on_front, "on the front", OURS, 9)):
        part = history[rows].sort_values(cost)
        figure.add_scatter(
            x=part[cost],
            y=part["accuracy"],
            mode="lines+markers" if name != "other" else "markers",
            line={"shape": "hv"},
            marker={"color": color, "size": size},
            text=part["architecture"],
            name=name,
        )
    return titled(figure, "Accuracy against cost", unit, "validation accuracy (%)")


def draw_milliseconds(history: pd.DataFrame, limit: float | None) -> go.Figure:
    """Draw accuracy against latency: as it was measured, and as it had been predicted before.

    Args:
        history: of a search in which latency counts: ``accuracy``, ``architecture``, ``milliseconds`` and
            ``milliseconds_predicted``.
        limit: the largest latency allowed; None for none.
    """
    figure = go.Figure()
    known = history.dropna(subset=["accuracy"])
    places = {"predicted before": "milliseconds_predicted", "measured": "milliseconds"}
    for name, column in places.items():
        figure.add_scatter(
            x=known[column],
            y=known["accuracy"],
            mode="markers",
            marker={
                "color": OURS if name == "measured" else GREY,
                "symbol": "circle" if name == "measured" else "circle-open",
                "size": 8,
            },
            text=known["architecture"],
            name=name,
        )
    costs = known["milliseconds"].to_numpy(dtype=float)[:, None]
    best = known[pareto_front(known["accuracy"].to_numpy(dtype=float), costs)].sort_values("milliseconds")
    figure.add_scatter(
        x=best["milliseconds"],
        y=best["accuracy"],
        mode="lines",
        line={"shape": "hv", "color": OURS},
        name="front, measured",
    )
    if limit is not None:
        figure.add_vline(x=limit, line={"dash": "dot"}, annotation_text=f"limit {limit:g} ms")
    return titled(figure, "Accuracy against latency", "milliseconds", "validation accuracy (%)")


def draw_policy(trace: pd.DataFrame) -> go.Figure:
    """Draw the policy's mean reward and entropy over its steps; steps where the baseline rose are marked.

    Args:
        trace: a row per step: ``mean_reward``, ``entropy``, ``baseline`` (an architecture).
    """
    steps = np.arange(1, len(trace) + 1)
    baselines = trace["baseline"].to_numpy()
    rose = np.append(False, baselines[1:] != baselines[:-1])
    figure = go.Figure()
    figure.add_scatter(
        x=steps, y=trace["mean_reward"], mode="lines", line={"color": OURS}, name="mean reward"
    )
    figure.add_scatter(
        x=steps, y=trace["entropy"], mode="lines", line={"color": OTHER}, name="entropy (nats)", yaxis="y2"
    )
    figure.add_scatter(
        x=steps[rose],
        y=trace["mean_reward"][rose],
        mode="markers",
        marker={"color": THIRD, "symbol": "triangle-up", "size": 9},
        name="baseline changed",
    )
    figure.update_layout(yaxis2={"overlaying": "y", "side": "right", "title": "entropy (nats)"})
    titled(figure, "Curriculum: the policy and its baseline", "step of the policy", "mean reward")
    return figure.update_layout(yaxis2={"title": "entropy (nats)", "showgrid": False})


def draw_map(places: FloatArray, accuracies: FloatArray, asked: pd.DataFrame, label: str) -> go.Figure:
    """Draw networks on a plane by accuracy, with those whose labels the search bought.

    Args:
        places: networks x 2; first those of the table, then the rows of ``asked``.
        accuracies: of the networks of the table, percent; without any the figure stays empty.
        asked: the search's history: ``query``, ``reason``, ``accuracy``, ``architecture``.
        label: what the colours show.
    """
    if not len(accuracies):
        return titled(go.Figure(), "Map of the space: no accuracy is known", "", "")
    table, bought = places[: len(accuracies)], places[len(accuracies) :]
    lowest = float(np.nanquantile(accuracies, _LOWEST_SHOWN))
    colours = {"colorscale": "Cividis", "cmin": lowest, "cmax": float(np.nanmax(accuracies))}
    figure = go.Figure()
    figure.add_scatter(
        x=table[:, 0],
        y=table[:, 1],
        mode="markers",
        marker={
            "color": accuracies,
            "size": 5,
            "opacity": 0.75,
            "colorbar": {"title": {"text": f"{label} (%)", "side": "right"}, "thickness": 12},
            **colours,
        },
        name="known networks",
    )
    first = (asked["reason"] == FIRST).to_numpy()
    best = np.zeros(len(asked), dtype=bool)
    best[int(np.nanargmax(asked["accuracy"].to_numpy(dtype=float)))] = True
    for rows, name, symbol, size in (
        (~first, "queried later", "circle-open", 9),
        (first, "first labels", "diamond-open", 11),
        (best, "chosen", "star", 16),
    ):
        figure.add_scatter(
            x=bought[rows, 0],
            y=bought[rows, 1],
            mode="markers",
            marker={"color": OTHER, "symbol": symbol, "size": size, "line": {"width": 2}},
            text=[_hint(row) for row in asked[rows].to_dict("records")],
            name=name,
        )
    titled(figure, "Map of the space", "first principal component", "second principal component")
    x, y = (_most_of(column) for column in places.T)
    return figure.update_xaxes(range=x).update_yaxes(range=y)


def _most_of(values: FloatArray) -> list[float]:
    """The range of all but the outermost values, which would press the others together."""
    low, high = np.quantile(values, [_OUTERMOST, 1 - _OUTERMOST])
    margin = 0.1 * (high - low)
    return [float(low - margin), float(high + margin)]


def _hint(query: Mapping[Hashable, Any]) -> str:
    return f"label {query['query']}: {query['accuracy']:.2f} %<br>{query['architecture']}"


def has_points(figure: go.Figure) -> bool:
    """Return whether anything is drawn in a figure."""
    drawn: Sequence[Any] = figure.data
    return any(trace.x is not None and len(trace.x) for trace in drawn)
