"""The search, and what it found."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.pipelines.experiment import SpaceParameters, TargetParameters
from contrastive_nas.pipelines.search.parameters import SearchStageParameters

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def search_architectures(
    augmented_comparator: Path,
    table: "pd.DataFrame",
    first_labels: "pd.DataFrame",
    parameters: SearchStageParameters,
    evaluator: EvaluatorParameters,
    space: SpaceParameters,
    target: TargetParameters,
    seed: int,
    device: str,
    checkpoints: Checkpoints,
    labels: Path | None,
) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """One row per query, first labels included, and one row per step inside the strategy."""
    from contrastive_nas.evaluators.base import Evaluation
    from contrastive_nas.evaluators.registry import open_evaluator
    from contrastive_nas.ranking.search_predictor import make_predictor
    from contrastive_nas.search.run import run_search
    from contrastive_nas.spaces import load_space
    from contrastive_nas.spaces.wrapped.pool import Pool

    known = load_space(space.name, **space.options)
    if parameters.pool:
        known = Pool(known, table["architecture"].tolist())
    paid = [
        Evaluation(architecture, accuracy, origin, error=error)
        for architecture, accuracy, origin, error in zip(
            *(first_labels[name].tolist() for name in ("architecture", "accuracy", "origin", "error")),
            strict=True,
        )
    ]
    with open_evaluator(evaluator, space.name, space.options, table, target.label, labels=labels) as source:
        result = run_search(
            known,
            source,
            make_predictor(
                parameters.predictor, known, augmented_comparator, parameters.refit, seed=seed, device=device
            ),
            parameters.model_copy(update={"seed": seed}),
            folder=checkpoints.folder,
            cost_table=table,
            paid=paid,
        )
    # Seconds differ from run to run; they stand in the run record.
    return result.history.drop(columns="seconds"), result.trace


def select_reference(
    table: "pd.DataFrame",
    limits: dict[str, float],
    evaluator: EvaluatorParameters,
    space: SpaceParameters,
    target: TargetParameters,
) -> "pd.DataFrame":
    """What the search could have chosen: architecture, label, test accuracy, on the evaluator's scale."""
    from contrastive_nas.evaluators.registry import open_evaluator
    from contrastive_nas.spaces import load_space
    from contrastive_nas.spaces.costs import within_limits

    allowed = table
    if limits:
        known = load_space(space.name, **space.options)
        allowed = table[within_limits(known, table["architecture"].tolist(), limits, table)]
    columns = tuple(dict.fromkeys([target.label, target.test]))
    with open_evaluator(evaluator, space.name, space.options, table, target.label, target.test) as source:
        reference = source.reference(allowed, columns)
    return reference[["architecture", *columns]].reset_index(drop=True)


def summarise_search(
    history: "pd.DataFrame",
    reference: "pd.DataFrame",
    table: "pd.DataFrame",
    comparator_metrics: dict[str, Any],
    parameters: SearchStageParameters,
    evaluator: EvaluatorParameters,
    space: SpaceParameters,
    target: TargetParameters,
    seed: int,
    labels: Path | None,
) -> dict[str, Any]:
    """The best architecture, its test accuracy and rank among the reference, beside random search."""
    from contrastive_nas.evaluators.registry import open_evaluator
    from contrastive_nas.search.summary import best_query, summarise

    best = best_query(history)["architecture"]
    known = space.name, space.options, table, target.label, target.test
    seeds = parameters.final_seeds
    with open_evaluator(evaluator, *known, final_seeds=seeds, labels=labels) as source:
        test, quality = source.final_accuracy(best), source.quality()
    return {
        "space": space.name,
        "strategy": parameters.strategy,
        "seed": seed,
        **summarise(history, reference, label=target.label, test=target.test, best_test_accuracy=test),
        **quality,
        "comparator_kendall_tau": comparator_metrics["kendall_tau"],
    }


def draw_search(
    history: "pd.DataFrame", reference: "pd.DataFrame", summary: dict[str, Any], target: TargetParameters
) -> "go.Figure":
    """Best accuracy against queries, ours and random search."""
    from contrastive_nas.reporting.figures import draw_search_history

    return draw_search_history(history, reference[target.label].to_numpy(dtype=float), summary)
