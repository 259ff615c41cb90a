"""Report: what a run found, on one page for people."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.report.nodes import draw_space, measure_ranker, write_report


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
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
            Node(
                func=measure_ranker,
                inputs={
                    "history": "search_history",
                    "table": "table",
                    "search": "params:search",
                    "space": "params:space",
                    "target": "params:target",
                    "seed": "params:seed",
                    "device": "params:device",
                    "encoder": "encoder",
                },
                outputs=["ranker_metrics", "ranker_figure", "ranker_calibration_figure"],
                name="measure_ranker",
                tags="gpu",
            ),
            Node(
                func=write_report,
                inputs={
                    "search_summary": "search_summary",
                    "search_history": "search_history",
                    "search_trace": "search_trace",
                    "pseudo_labels": "pseudo_labels",
                    "table": "table",
                    "comparator_metrics": "comparator_metrics",
                    "ingest_report": "ingest_report",
                    "ranker_metrics": "ranker_metrics",
                    "ranker_figure": "ranker_figure",
                    "ranker_calibration_figure": "ranker_calibration_figure",
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
