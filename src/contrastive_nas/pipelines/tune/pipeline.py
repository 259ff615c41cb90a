"""Tune: hyper-parameters of a stage."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.tune.nodes import tune_stage


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                func=tune_stage,
                inputs=[
                    "table",
                    "graphs",
                    "encoder",
                    "params:tune",
                    "params:search",
                    "params:compare",
                    "params:evaluator",
                    "params:space",
                    "params:target",
                    "params:seed",
                    "checkpoints",
                ],
                outputs=["tune_trials", "tune_summary"],
                name="tune_stage",
            )
        ]
    )
