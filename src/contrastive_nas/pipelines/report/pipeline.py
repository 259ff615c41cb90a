"""Report: what a run found, on one page for people."""

from kedro.pipeline import Pipeline

from contrastive_nas.pipelines.report.nodes import draw_space, write_report
from contrastive_nas.pipelines.stage_node import StageNode


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            StageNode(
                func=draw_space,
                inputs={
                    "encoder": "encoder",
                    "graphs": "graphs",
                    "table": "table",
                    "history": "search_history",
                    "space": "params:space",
                    "target": "params:target",
                    "device": "params:device",
                },
                outputs="map_figure",
                name="draw_space",
            ),
            StageNode(
                func=write_report,
                inputs={
                    "search_summary": "search_summary",
                    "search_history": "search_history",
                    "search_trace": "search_trace",
                    "pseudo_labels": "pseudo_labels",
                    "table": "table",
                    "comparator_metrics": "comparator_metrics",
                    "ingest_report": "ingest_report",
                    "search_figure": "search_figure",
                    "comparator_figure": "comparator_figure",
                    "calibration_figure": "calibration_figure",
                    "pretrain_figure": "pretrain_figure",
                    "map_figure": "map_figure",
                    "space": "params:space",
                    "target": "params:target",
                    "parameters": "parameters",
                    "runs": "runs",
                },
                outputs="report",
                name="write_report",
            ),
        ]
    )
