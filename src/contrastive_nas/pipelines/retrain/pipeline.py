"""Retrain: the best architecture, trained in full and exported."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.retrain.nodes import (
    plan_retraining,
    retrain_architecture,
    write_retrain_report,
)


def create_pipeline() -> Pipeline:
    shared = {
        "summary": "search_summary",
        "parameters": "params:retrain",
        "space": "params:space",
        "seed": "params:seed",
        "device": "params:device",
    }
    return Pipeline(
        [
            Node(func=plan_retraining, inputs=shared, outputs="retrain_plan", name="plan_retraining"),
            Node(
                func=retrain_architecture,
                inputs=shared
                | {"plan": "retrain_plan", "checkpoints": "checkpoints", "supernet": "supernet"},
                outputs=["retrain_metrics", "retrain_history", "retrain_confusion", "retrained_network"],
                name="retrain_architecture",
                tags="gpu",
            ),
            Node(
                func=write_retrain_report,
                inputs={
                    "metrics": "retrain_metrics",
                    "history": "retrain_history",
                    "confusion": "retrain_confusion",
                    "settings": "params:retrain",
                    "space": "params:space",
                    "parameters": "parameters",
                    "runs": "runs",
                },
                outputs="retrain_report",
                name="write_retrain_report",
            ),
        ]
    )
