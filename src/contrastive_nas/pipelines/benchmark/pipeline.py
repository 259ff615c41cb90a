"""Benchmark: a table of trained networks."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.benchmark.nodes import make_benchmark


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
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
