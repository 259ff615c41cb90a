from contrastive_nas.pipelines.supernet.pipeline import create_pipeline

__all__ = ["create_pipeline"]
