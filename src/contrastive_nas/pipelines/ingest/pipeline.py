"""Ingest: one tidy table from a benchmark file."""

from kedro.pipeline import Pipeline

from contrastive_nas.pipelines.ingest.nodes import ingest_table
from contrastive_nas.pipelines.stage_node import StageNode


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            StageNode(
                func=ingest_table,
                inputs=["raw_table", "params:ingest", "params:space", "params:target"],
                outputs=["table", "ingest_report"],
                name="ingest_table",
            )
        ]
    )
