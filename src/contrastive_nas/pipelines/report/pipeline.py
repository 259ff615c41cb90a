"""Report: one page of figures and tables."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.report.nodes import write_report


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                func=write_report,
                inputs=[
                    "search_summary",
                    "comparator_metrics",
                    "graph_summary",
                    "ingest_report",
                    "search_figure",
                    "comparator_figure",
                    "calibration_figure",
                    "pretrain_figure",
                    "params:space",
                ],
                outputs="report",
                name="write_report",
            )
        ]
    )
