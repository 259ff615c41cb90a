"""Supernet: one set of weights for all networks of the space."""

from kedro.pipeline import Pipeline

from contrastive_nas.pipelines.stage_node import StageNode
from contrastive_nas.pipelines.supernet.nodes import plan_supernet, train_shared_weights


def create_pipeline() -> Pipeline:
    shared = {
        "parameters": "params:supernet",
        "space": "params:space",
        "seed": "params:seed",
        "device": "params:device",
    }
    return Pipeline(
        [
            StageNode(func=plan_supernet, inputs=shared, outputs="supernet_plan", name="plan_supernet"),
            StageNode(
                func=train_shared_weights,
                inputs=shared
                | {
                    "checkpoints": "checkpoints",
                    "kind": "params:evaluator.kind",
                    "start": "params:retrain.start",
                },
                outputs=["supernet", "supernet_history"],
                name="train_supernet",
                tags="gpu",
            ),
        ]
    )
