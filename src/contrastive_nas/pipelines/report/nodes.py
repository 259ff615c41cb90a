"""Everything that the stages found, on one page."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.pipelines.experiment import SpaceParameters

if TYPE_CHECKING:
    import plotly.graph_objects as go


def write_report(
    search_summary: dict[str, Any],
    comparator_metrics: dict[str, Any],
    graph_summary: dict[str, Any],
    ingest_report: dict[str, Any],
    search_figure: "go.Figure",
    comparator_figure: "go.Figure",
    calibration_figure: "go.Figure",
    pretrain_figure: "go.Figure",
    space: SpaceParameters,
) -> Callable[[Path], Any]:
    """An HTML page."""
    from contrastive_nas.reporting.page import write_page

    page = write_page(
        f"contrastive-nas: {space.name}",
        {
            "Search": search_summary,
            "Comparator": comparator_metrics,
            "Graphs": graph_summary,
            "Table": ingest_report,
        },
        {
            "search": search_figure,
            "comparator": comparator_figure,
            "calibration": calibration_figure,
            "pretraining": pretrain_figure,
        },
    )
    return partial(Path.write_text, data=page, encoding="utf-8")
