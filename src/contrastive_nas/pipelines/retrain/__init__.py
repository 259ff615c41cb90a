from contrastive_nas.pipelines.retrain.pipeline import create_pipeline

__all__ = ["create_pipeline"]
