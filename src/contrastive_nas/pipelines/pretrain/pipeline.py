"""Pretrain: the graph encoder, without labels."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.pretrain.nodes import draw_pretraining, pretrain_encoder


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                func=pretrain_encoder,
                inputs={
                    "graphs": "graphs",
                    "parameters": "params:pretrain",
                    "seed": "params:seed",
                    "device": "params:device",
                    "checkpoints": "checkpoints",
                },
                outputs=["encoder", "pretrain_losses"],
                name="pretrain_encoder",
                tags="gpu",
            ),
            Node(
                func=draw_pretraining,
                inputs="pretrain_losses",
                outputs="pretrain_figure",
                name="draw_pretraining",
            ),
        ]
    )
