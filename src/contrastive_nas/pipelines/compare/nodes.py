"""First labels, and the comparator that learns from them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.pipelines.compare.parameters import FirstLabelsParameters
from contrastive_nas.pipelines.experiment import SpaceParameters, TargetParameters
from contrastive_nas.ranking.parameters import CompareParameters

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def buy_first_labels(
    table: "pd.DataFrame",
    parameters: FirstLabelsParameters,
    limits: dict[str, float],
    evaluator: EvaluatorParameters,
    space: SpaceParameters,
    target: TargetParameters,
    seed: int,
    checkpoints: Checkpoints,
    labels: Path | None,
) -> "pd.DataFrame":
    """One row per query: architecture, accuracy (percent), origin, error; all within the search's limits."""
    import numpy as np

    from contrastive_nas.errors import InputError
    from contrastive_nas.evaluators.registry import open_evaluator
    from contrastive_nas.search.ledger import Ledger, Proposal
    from contrastive_nas.spaces import load_space
    from contrastive_nas.spaces.costs import within_limits

    known = table["architecture"].tolist()
    if limits:
        fits = within_limits(load_space(space.name, **space.options), known, limits, table)
        known = [name for name, allowed in zip(known, fits, strict=True) if allowed]
    if parameters.count > len(known):
        within = f" within {', '.join(limits)}" if limits else ""
        raise InputError(
            f"compare: {parameters.count} first labels, but the table has {len(known)} rows{within}"
        )
    rows = np.random.default_rng(seed).choice(len(known), size=parameters.count, replace=False)
    names = [known[row] for row in rows]
    path = None if checkpoints.folder is None else checkpoints.folder / "ledger.jsonl"
    with open_evaluator(evaluator, space.name, space.options, table, target.label, labels=labels) as source:
        ledger = Ledger(source, parameters.count, path)
        ledger.buy([Proposal(name, "first label") for name in names], round=0)
    ledger.check_answers()
    return ledger.history()[["architecture", "accuracy", "origin", "error"]]


def train_first_comparator(
    encoder: Path,
    graphs: Path,
    first_labels: "pd.DataFrame",
    parameters: CompareParameters,
    seed: int,
    device: str,
) -> Callable[[Path], Any]:
    """The comparator's weights."""
    from contrastive_nas.devices import pick_device
    from contrastive_nas.graphs.storage.store import open_store
    from contrastive_nas.ranking.comparator.training import train_comparator
    from contrastive_nas.ranking.weights import load_encoder, save_weights

    store = open_store(graphs)
    labels = first_labels.dropna(subset="accuracy")
    comparator = train_comparator(
        load_encoder(encoder).to(pick_device(device)),
        store,
        store.rows(labels["architecture"].tolist()),
        labels["accuracy"].to_numpy(),
        parameters,
        seed=seed,
    )
    return partial(save_weights, comparator)


def measure_comparator(
    comparator: Path,
    graphs: Path,
    table: "pd.DataFrame",
    first_labels: "pd.DataFrame",
    target: TargetParameters,
) -> dict[str, Any]:
    """How well the comparator ranks the rows of the table that are not labelled, beside simple baselines."""
    from contrastive_nas.graphs.storage.store import open_store
    from contrastive_nas.ranking.comparator.report import comparator_quality
    from contrastive_nas.ranking.weights import load_comparator

    store = open_store(graphs)
    labelled = store.rows(first_labels["architecture"].tolist())
    return comparator_quality(
        load_comparator(comparator), store, labelled, table[target.test].to_numpy(dtype=float)
    )


def draw_comparator(
    comparator: Path,
    graphs: Path,
    table: "pd.DataFrame",
    first_labels: "pd.DataFrame",
    target: TargetParameters,
) -> "go.Figure":
    """Scores against true accuracies."""
    from contrastive_nas.graphs.storage.store import open_store
    from contrastive_nas.ranking.encoder.embedding import run_model
    from contrastive_nas.ranking.weights import load_comparator
    from contrastive_nas.reporting.figures import draw_scores

    store = open_store(graphs)
    scores = run_model(load_comparator(comparator), store, None)
    labelled = store.rows(first_labels["architecture"].tolist())
    return draw_scores(scores, table[target.test].to_numpy(dtype=float), labelled, target.test)
