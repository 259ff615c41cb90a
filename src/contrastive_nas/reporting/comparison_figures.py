"""Figures of two searches over each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from contrastive_nas.reporting.figures import OTHER, OURS, FloatArray, late_range, titled

# One colour a search; lines differ as well, for those who see no colours.
_LINES = ({"color": OURS, "dash": "solid"}, {"color": OTHER, "dash": "dash"})


@dataclass(frozen=True)
class Course:
    """How a search went.

    Attributes:
        name: in the legend.
        history: ``query`` and ``best_accuracy``.
        random: of random search, ``query`` and ``mean``; may be empty.
        summary: of the search.
    """

    name: str
    history: pd.DataFrame
    random: pd.DataFrame
    summary: Mapping[str, Any]

    @property
    def best(self) -> FloatArray:
        """The best validation accuracy so far, a value per query, percent."""
        return self.history["best_accuracy"].to_numpy(dtype=float)

    @property
    def highest_known(self) -> float | None:
        """The highest label that is known, percent; None where no table is known."""
        regret = self.summary.get("regret")
        return None if regret is None else float(self.summary["best_valid_accuracy"]) + float(regret)


def draw_courses(courses: Sequence[Course]) -> go.Figure:
    """Draw the best accuracy so far against labels bought, each search beside its own random search."""
    figure = go.Figure()
    curves = []
    for course, line in zip(courses, _LINES, strict=True):
        random = course.random
        if len(random):
            curves.append(random["mean"].to_numpy(dtype=float))
            thin = {"color": line["color"], "dash": "dot", "width": 1.5}
            name = f"{course.name}: random search, mean"
            figure.add_scatter(x=random["query"], y=random["mean"], mode="lines", line=thin, name=name)
        curves.append(course.best)
        figure.add_scatter(
            x=course.history["query"],
            y=course.best,
            mode="lines",
            line={**line, "shape": "hv", "width": 2.5},
            name=f"{course.name}: {course.summary['strategy']}",
        )
    titled(figure, "Best so far", "number of labels", "best validation accuracy (%)")
    fewest = min(len(course.history) for course in courses)
    return figure.update_yaxes(range=late_range(curves, fewest))


def draw_regrets(courses: Sequence[Course]) -> go.Figure:
    """Draw the regret against labels bought; a search without a table of known labels has none.

    The regret is the distance of the best label so far to the highest one that is known.
    """
    figure = go.Figure()
    curves = []
    for course, line in zip(courses, _LINES, strict=True):
        if course.highest_known is None:
            continue
        regret = np.maximum(course.highest_known - course.best, 0.0)
        curves.append(regret)
        figure.add_scatter(
            x=course.history["query"],
            y=regret,
            mode="lines",
            line={**line, "shape": "hv", "width": 2.5},
            name=course.name,
        )
    titled(figure, "Regret", "number of labels", "percentage points below the highest known label")
    if not curves:
        return figure
    # Curves end near zero, where the axis begins.
    return figure.update_yaxes(range=[0.0, late_range(curves, min(map(len, curves)))[1]])
