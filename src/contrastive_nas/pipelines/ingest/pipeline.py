"""Ingest: one tidy table from a benchmark file."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.ingest.nodes import ingest_table


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                func=ingest_table,
                inputs=["raw_table", "params:ingest", "params:space", "params:target"],
                outputs=["table", "ingest_report"],
                name="ingest_table",
            )
        ]
    )
