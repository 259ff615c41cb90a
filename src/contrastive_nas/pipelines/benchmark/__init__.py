from contrastive_nas.pipelines.benchmark.pipeline import create_pipeline

__all__ = ["create_pipeline"]
