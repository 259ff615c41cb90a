from contrastive_nas.pipelines.search.pipeline import create_pipeline

__all__ = ["create_pipeline"]
