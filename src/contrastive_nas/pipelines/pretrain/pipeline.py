"""Pretrain: the graph encoder, without labels."""

from kedro.pipeline import Pipeline

from contrastive_nas.pipelines.pretrain.nodes import draw_pretraining, pretrain_encoder
from contrastive_nas.pipelines.stage_node import StageNode


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            StageNode(
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
            StageNode(
                func=draw_pretraining,
                inputs="pretrain_losses",
                outputs="pretrain_figure",
                name="draw_pretraining",
            ),
        ]
    )
