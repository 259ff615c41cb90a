"""The search, and what it found."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.execution.needed import does_without
from contrastive_nas.pipelines.experiment import Device, ExperimentSeed, SpaceParameters, TargetParameters
from contrastive_nas.pipelines.search.parameters import SearchStageParameters
from contrastive_nas.pipelines.searching import (
    needs_no_encoder,
    needs_no_supernet,
    run_stage_search,
    searched_space,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@does_without("encoder", when=needs_no_encoder)
@does_without("supernet", when=needs_no_supernet)
def search_architectures(
    table: "pd.DataFrame",
    first_labels: "pd.DataFrame",
    search: SearchStageParameters,
    evaluator: EvaluatorParameters,
    space: SpaceParameters,
    target: TargetParameters,
    seed: ExperimentSeed,
    device: Device,
    checkpoints: Checkpoints,
    labels: Path | None,
    encoder: Path | None = None,
    supernet: Path | None = None,
) -> tuple["pd.DataFrame", "pd.DataFrame", dict[str, Any]]:
    """Search for the best architecture: a row per query, one per step of the strategy, and the basis."""
    from contrastive_nas.evaluators.base import Evaluation

    asked = first_labels.drop(columns="cost", errors="ignore")
    paid = [
        Evaluation(**{str(name): value for name, value in row.items()}) for row in asked.to_dict("records")
    ]
    result = run_stage_search(
        search,
        search.of_search(len(paid), seed),
        evaluator,
        space,
        target,
        table,
        encoder=encoder,
        device=device,
        folder=checkpoints.folder,
        labels=labels,
        supernet=supernet,
        paid=paid,
    )
    # Seconds differ from run to run; they stand in the run record.
    return result.history.drop(columns="seconds"), result.trace, result.basis


def select_reference(
    table: "pd.DataFrame",
    limits: dict[str, float],
    evaluator: EvaluatorParameters,
    space: SpaceParameters,
    target: TargetParameters,
) -> "pd.DataFrame":
    """Select what the search could have chosen: architecture, label and test accuracy.

    Nothing where latency is limited and was measured in the search: nobody knows which rows are within it.
    """
    from contrastive_nas.evaluators.registry import open_evaluator
    from contrastive_nas.latency.parameters import LATENCY
    from contrastive_nas.spaces import load_space
    from contrastive_nas.spaces.costs import within_limits

    allowed = table
    if LATENCY in limits and LATENCY not in table.columns:
        allowed = table.iloc[:0]
    elif limits:
        known = load_space(space.name, **space.options)
        allowed = table[within_limits(known, table["architecture"].tolist(), limits, table)]
    columns = tuple(dict.fromkeys([target.label, target.test]))
    with open_evaluator(evaluator, space.name, space.options, table, target.label, target.test) as source:
        reference = source.reference(allowed, columns)
    return reference[["architecture", *columns]].reset_index(drop=True)


@does_without("supernet", when=needs_no_supernet)
def measure_random_search(
    history: "pd.DataFrame",
    reference: "pd.DataFrame",
    table: "pd.DataFrame",
    search: SearchStageParameters,
    evaluator: EvaluatorParameters,
    space: SpaceParameters,
    target: TargetParameters,
    seed: ExperimentSeed,
    supernet: Path | None = None,
) -> "pd.DataFrame":
    """Compute the course of random search with as many queries, or run it on predicted labels.

    To run it where networks are trained would cost as much as the search again; such tables are drawn at
    random (stage ``benchmark``).
    """
    from contrastive_nas.evaluators.registry import open_evaluator
    from contrastive_nas.search.random_baseline import course_on_table, run_course
    from contrastive_nas.search.summary import equal_queries

    known = reference.dropna(subset=[target.label, target.test])
    named = evaluator, space.name, space.options, table, target.label, target.test
    with open_evaluator(*named, supernet=supernet) as source:
        if source.origin == "predicted":
            parameters = search.of_search(1, seed, queries=equal_queries(history))
            return run_course(searched_space(search, space, table), source, parameters, table)
    labels, tests = (known[name].to_numpy(dtype=float) for name in (target.label, target.test))
    return course_on_table(labels, tests, equal_queries(history) if len(known) else 0)


@does_without("supernet", when=needs_no_supernet)
def summarise_search(
    history: "pd.DataFrame",
    reference: "pd.DataFrame",
    random: "pd.DataFrame",
    basis: dict[str, Any],
    table: "pd.DataFrame",
    first_labels: "pd.DataFrame",
    parameters: SearchStageParameters,
    evaluator: EvaluatorParameters,
    space: SpaceParameters,
    target: TargetParameters,
    seed: ExperimentSeed,
    labels: Path | None,
    supernet: Path | None = None,
) -> dict[str, Any]:
    """Summarise the search: its best network, test accuracy and rank, beside random search."""
    from contrastive_nas.evaluators.registry import open_evaluator
    from contrastive_nas.search.strategy_registry import WITH_RANKER
    from contrastive_nas.search.summary import best_query, summarise

    best = best_query(history)["architecture"]
    known = space.name, space.options, table, target.label, target.test
    seeds = parameters.final_seeds
    with open_evaluator(evaluator, *known, final_seeds=seeds, labels=labels, supernet=supernet) as source:
        test, quality = source.final_accuracy(best), source.quality()
    searched = searched_space(parameters, space, table)
    columns = {"label": target.label, "test": target.test}
    found = summarise(history, reference, random, searched, **columns, best_test_accuracy=test)
    return {
        "space": space.name,
        "strategy": parameters.strategy,
        "ranker": parameters.ranker.name if parameters.strategy in WITH_RANKER else "none",
        "similarity": basis.get("similarity", {}),
        "first_labels": len(first_labels),
        "initial_design": basis["initial_design"],
        "seed": seed,
        **found,
        **quality,
    }


def draw_search(history: "pd.DataFrame", random: "pd.DataFrame", summary: dict[str, Any]) -> "go.Figure":
    """Draw the best accuracy against queries, for this search and random search."""
    from contrastive_nas.reporting.figures import draw_search_history
    from contrastive_nas.search.summary import full_trainings

    return draw_search_history(full_trainings(history), random, summary)
