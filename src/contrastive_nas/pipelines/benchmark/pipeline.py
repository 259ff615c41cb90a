"""Benchmark: a table of trained networks."""

from kedro.pipeline import Pipeline

from contrastive_nas.pipelines.benchmark.nodes import make_benchmark
from contrastive_nas.pipelines.stage_node import StageNode


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            StageNode(
                func=make_benchmark,
                inputs=[
                    "params:benchmark",
                    "params:evaluator",
                    "params:space",
                    "params:seed",
                    "checkpoints",
                    "labels",
                ],
                outputs=["benchmark_table", "benchmark_metrics"],
                name="make_benchmark",
            )
        ]
    )
