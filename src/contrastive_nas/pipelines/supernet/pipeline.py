"""Supernet: one set of weights for all networks of the space."""

from kedro.pipeline import Node, Pipeline

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
            Node(func=plan_supernet, inputs=shared, outputs="supernet_plan", name="plan_supernet"),
            Node(
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
