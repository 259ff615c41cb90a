"""One search for two stages: its first round buys the initial design, the rest of it goes on from there."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.pipelines.experiment import SpaceParameters, TargetParameters
from contrastive_nas.pipelines.search.parameters import SearchStageParameters

if TYPE_CHECKING:
    import pandas as pd

    from contrastive_nas.evaluators.base import Evaluation
    from contrastive_nas.ranking.space_ranker import SpaceRanker
    from contrastive_nas.search.parameters import SearchParameters
    from contrastive_nas.search.run import SearchResult
    from contrastive_nas.spaces.base import SearchSpace

# What both nodes take, by the names of their arguments.
SEARCH_INPUTS = {
    "table": "table",
    "search": "params:search",
    "evaluator": "params:evaluator",
    "space": "params:space",
    "target": "params:target",
    "seed": "params:seed",
    "device": "params:device",
    "checkpoints": "checkpoints",
    "labels": "labels",
    "encoder": "encoder",
    "supernet": "supernet",
}


def needs_no_encoder(search: SearchStageParameters) -> bool:
    """Return whether a search does without the encoder: its strategy asks no ranker, or one that has none."""
    from contrastive_nas.ranking.registry import takes_encoder
    from contrastive_nas.search.strategy_registry import WITH_RANKER

    return search.strategy not in WITH_RANKER or not takes_encoder(search.ranker.name)


def needs_no_supernet(evaluator: EvaluatorParameters) -> bool:
    """Return whether queries are answered without the supernet that the experiment trains."""
    return evaluator.kind != "supernet" or evaluator.supernet.weights is not None


def searched_space(
    search: SearchStageParameters, space: SpaceParameters, table: "pd.DataFrame"
) -> "SearchSpace":
    """Return the space, or the pool of the table's rows."""
    from contrastive_nas.spaces import load_space
    from contrastive_nas.spaces.wrapped.pool import Pool

    known = load_space(space.name, **space.options)
    return Pool(known, table["architecture"].tolist()) if search.pool else known


def run_stage_search(
    stage: SearchStageParameters,
    parameters: "SearchParameters",
    evaluator: EvaluatorParameters,
    space: SpaceParameters,
    target: TargetParameters,
    table: "pd.DataFrame",
    *,
    encoder: Path | None,
    device: str,
    folder: Path | None,
    labels: Path | None,
    supernet: Path | None = None,
    paid: Sequence["Evaluation"] = (),
) -> "SearchResult":
    """Return a search as the experiment describes it.

    Args:
        stage: has the ranker.
        parameters: of the search.
        evaluator: where accuracies come from.
        space: what is searched.
        target: has the label.
        table: known architectures, with costs besides those counted from graphs.
        encoder: weights; those that come with the package by default.
        device: ``auto``, ``cpu`` or ``cuda``.
        folder: of the ledger.
        labels: folder that keeps trained accuracies.
        supernet: weights that networks inherit, where accuracies are those.
        paid: labels of the initial design.
    """
    from contrastive_nas.evaluators.registry import open_evaluator

    known = searched_space(stage, space, table)
    named = evaluator, space.name, space.options, table, target.label
    with open_evaluator(*named, labels=labels, supernet=supernet, device=device) as source:
        source.prepare()  # processes start while this one imports what a search needs
        from contrastive_nas.search.run import run_search

        return run_search(
            known,
            source,
            parameters,
            ranker=stage_ranker(stage, known, parameters.seed, encoder, device) or stage.ranker.name,
            folder=folder,
            identity=str(stage.ranker),
            cost_table=table,
            paid=paid,
            measured=labels,
        )


def stage_ranker(
    stage: SearchStageParameters, space: "SearchSpace", seed: int, encoder: Path | None, device: str
) -> "SpaceRanker | None":
    """Return the ranker that guides a search; None where the strategy asks none.

    Args:
        stage: names it.
        space: what is searched.
        seed: of the search.
        encoder: weights; those that come with the package by default.
        device: ``auto``, ``cpu`` or ``cuda``.
    """
    from contrastive_nas.devices import pick_device
    from contrastive_nas.ranking.encoder.weights import load_encoder
    from contrastive_nas.ranking.space_ranker import create_space_ranker
    from contrastive_nas.search.strategy_registry import WITH_RANKER

    if stage.strategy not in WITH_RANKER:
        return None
    own = None if encoder is None else load_encoder(encoder).to(pick_device(device))
    name, options = stage.ranker.name, stage.ranker.options
    return create_space_ranker(name, space, seed=seed, encoder=own, options=options)
