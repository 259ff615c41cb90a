"""Search: the best architecture for a budget of queries."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.search.nodes import (
    draw_search,
    search_architectures,
    select_reference,
    summarise_search,
)


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                func=search_architectures,
                inputs=[
                    "augmented_comparator",
                    "table",
                    "first_labels",
                    "params:search",
                    "params:evaluator",
                    "params:space",
                    "params:target",
                    "params:seed",
                    "params:device",
                    "checkpoints",
                    "labels",
                ],
                outputs=["search_history", "search_trace"],
                name="search_architectures",
                tags="gpu",
            ),
            Node(
                func=select_reference,
                inputs=[
                    "table",
                    "params:search.limits",
                    "params:evaluator",
                    "params:space",
                    "params:target",
                ],
                outputs="search_reference",
                name="select_reference",
            ),
            Node(
                func=summarise_search,
                inputs=[
                    "search_history",
                    "search_reference",
                    "table",
                    "comparator_metrics",
                    "params:search",
                    "params:evaluator",
                    "params:space",
                    "params:target",
                    "params:seed",
                    "labels",
                ],
                outputs="search_summary",
                name="summarise_search",
            ),
            Node(
                func=draw_search,
                inputs=["search_history", "search_reference", "search_summary", "params:target"],
                outputs="search_figure",
                name="draw_search",
            ),
        ]
    )
