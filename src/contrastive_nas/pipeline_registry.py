"""All pipelines of the project, one a stage."""

from importlib import import_module

from kedro.pipeline import Pipeline

from contrastive_nas.pipelines.stage_node import as_stage

# In the order of the flow; each is a package ``pipelines.<stage>`` with ``create_pipeline()``.
CHAIN: tuple[str, ...] = ("ingest", "convert", "pretrain", "compare", "augment", "search", "report")
# Stages that are run by name only; nothing of the chain needs them, but for the supernet, where an experiment
# answers queries with its weights.
ON_REQUEST: tuple[str, ...] = ("supernet", "retrain", "benchmark", "tune", "download")
EVERYTHING = "__all__"


def register_pipelines() -> dict[str, Pipeline]:
    """Map each stage to itself and everything that it needs; a stage is a tag and a namespace.

    ``__default__`` is the whole chain, ``__all__`` also what runs on request.
    """
    stages = {stage: _stage(stage) for stage in (*CHAIN, *ON_REQUEST)}
    chain = sum((stages[stage] for stage in CHAIN), start=Pipeline([]))
    known = chain + stages["supernet"]
    pipelines = {stage: _with_needs(own, known) for stage, own in stages.items()}
    pipelines["__default__"] = _with_needs(chain, known)
    pipelines[EVERYTHING] = sum(stages.values(), start=Pipeline([]))
    return pipelines


def _stage(stage: str) -> Pipeline:
    module = import_module(f"contrastive_nas.pipelines.{stage}")
    return as_stage(module.create_pipeline(), stage)


def _with_needs(own: Pipeline, chain: Pipeline) -> Pipeline:
    if not own.nodes:
        return own
    return (chain + own).to_nodes(*(node.name for node in own.nodes))
