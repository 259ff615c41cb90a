"""Search: the best architecture for a budget of queries."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.search.nodes import (
    draw_search,
    measure_random_search,
    search_architectures,
    select_reference,
    summarise_search,
)
from contrastive_nas.pipelines.searching import SEARCH_INPUTS


def create_pipeline() -> Pipeline:
    about = {
        "evaluator": "params:evaluator",
        "space": "params:space",
        "target": "params:target",
        "seed": "params:seed",
        "supernet": "supernet",
    }
    return Pipeline(
        [
            Node(
                func=search_architectures,
                inputs={**SEARCH_INPUTS, "first_labels": "first_labels"},
                outputs=["search_history", "search_trace", "search_basis"],
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
                func=measure_random_search,
                inputs={
                    "history": "search_history",
                    "reference": "search_reference",
                    "table": "table",
                    "search": "params:search",
                    **about,
                },
                outputs="random_search",
                name="measure_random_search",
            ),
            Node(
                func=summarise_search,
                inputs={
                    "history": "search_history",
                    "reference": "search_reference",
                    "random": "random_search",
                    "basis": "search_basis",
                    "table": "table",
                    "first_labels": "first_labels",
                    "parameters": "params:search",
                    "labels": "labels",
                    **about,
                },
                outputs="search_summary",
                name="summarise_search",
            ),
            Node(
                func=draw_search,
                inputs=["search_history", "random_search", "search_summary"],
                outputs="search_figure",
                name="draw_search",
            ),
        ]
    )
