"""Compare: the initial design of a search, and a comparator trained on all its pairs."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.compare.nodes import (
    buy_first_labels,
    draw_comparator,
    measure_comparator,
    train_first_comparator,
)
from contrastive_nas.pipelines.searching import SEARCH_INPUTS


def create_pipeline() -> Pipeline:
    measured = ["comparator", "graphs", "table", "first_labels", "params:target"]
    return Pipeline(
        [
            Node(
                func=buy_first_labels,
                inputs={**SEARCH_INPUTS, "first_labels": "params:compare.first_labels"},
                outputs="first_labels",
                name="buy_first_labels",
            ),
            Node(
                func=train_first_comparator,
                inputs=[
                    "encoder",
                    "graphs",
                    "first_labels",
                    "params:compare.training",
                    "params:space",
                    "params:seed",
                    "params:device",
                ],
                outputs="comparator",
                name="train_comparator",
                tags="gpu",
            ),
            Node(
                func=measure_comparator,
                inputs=measured,
                outputs="first_comparator_metrics",
                name="measure_comparator",
            ),
            Node(func=draw_comparator, inputs=measured, outputs="comparator_figure", name="draw_comparator"),
        ]
    )
