from contrastive_nas.pipelines.convert.pipeline import create_pipeline

__all__ = ["create_pipeline"]
