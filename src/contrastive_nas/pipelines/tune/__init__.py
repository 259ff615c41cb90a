from contrastive_nas.pipelines.tune.pipeline import create_pipeline

__all__ = ["create_pipeline"]
