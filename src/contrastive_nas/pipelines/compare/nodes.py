"""First labels, and the comparator that learns from them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.execution.needed import does_without
from contrastive_nas.pipelines.compare.parameters import FirstLabelsParameters
from contrastive_nas.pipelines.experiment import Device, ExperimentSeed, SpaceParameters, TargetParameters
from contrastive_nas.pipelines.search.parameters import SearchStageParameters
from contrastive_nas.pipelines.searching import needs_no_encoder, needs_no_supernet, run_stage_search
from contrastive_nas.ranking.parameters import CompareParameters

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@does_without("encoder", when=needs_no_encoder)
@does_without("supernet", when=needs_no_supernet)
def buy_first_labels(
    table: "pd.DataFrame",
    first_labels: FirstLabelsParameters,
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
) -> "pd.DataFrame":
    """Run the search's first round: a row per query with architecture, accuracy (percent) and origin.

    A search that buys shorter trainings first has their fidelity and cost too, one whose budget is in hours
    the processor seconds of each.
    """
    result = run_stage_search(
        search,
        search.first_round(first_labels.count, seed, bool(evaluator.fidelities)),
        evaluator,
        space,
        target,
        table,
        encoder=encoder,
        device=device,
        folder=checkpoints.folder,
        labels=labels,
        supernet=supernet,
    )
    shown = ["architecture", "accuracy", "origin", "error", "fidelity", "cost"]
    # Else seconds, which differ from run to run, stand in the run record alone.
    if search.may_spend.unit == "hours":
        shown.append("seconds")
    return result.history[[name for name in shown if name in result.history]]


def train_first_comparator(
    encoder: Path,
    graphs: Path,
    first_labels: "pd.DataFrame",
    parameters: CompareParameters,
    space: SpaceParameters,
    seed: ExperimentSeed,
    device: Device,
) -> Callable[[Path], Any]:
    """Train the comparator on all pairs of the first labels."""
    from contrastive_nas.devices import pick_device
    from contrastive_nas.graphs.storage.store import open_store
    from contrastive_nas.ranking.comparator.comparator import save_comparator
    from contrastive_nas.ranking.comparator.training import train_comparator
    from contrastive_nas.ranking.encoder.features import EncoderFeatures
    from contrastive_nas.ranking.encoder.weights import load_encoder
    from contrastive_nas.ranking.graph_source import with_architectures
    from contrastive_nas.spaces import load_space

    labels = first_labels.dropna(subset="accuracy")
    known = load_space(space.name, **space.options)
    source, rows = with_architectures(open_store(graphs), known, labels["architecture"].tolist())
    comparator = train_comparator(
        EncoderFeatures(load_encoder(encoder).to(pick_device(device))),
        source,
        rows,
        labels["accuracy"].to_numpy(),
        parameters,
        seed=seed,
    )
    return partial(save_comparator, comparator)


def measure_comparator(
    comparator: Path,
    graphs: Path,
    table: "pd.DataFrame",
    first_labels: "pd.DataFrame",
    target: TargetParameters,
) -> dict[str, Any]:
    """Measure how well the comparator ranks unlabelled rows of the table, beside simple baselines."""
    from contrastive_nas.graphs.storage.store import open_store
    from contrastive_nas.ranking.comparator.comparator import load_comparator
    from contrastive_nas.ranking.comparator.report import comparator_quality

    store = open_store(graphs)
    truth = table[target.test].to_numpy(dtype=float)
    names = first_labels["architecture"].tolist()
    return comparator_quality(load_comparator(comparator), store, names, truth)


def draw_comparator(
    comparator: Path,
    graphs: Path,
    table: "pd.DataFrame",
    first_labels: "pd.DataFrame",
    target: TargetParameters,
) -> "go.Figure":
    """Draw predicted against true ranks."""
    from contrastive_nas.graphs.storage.store import open_store
    from contrastive_nas.ranking.comparator.comparator import load_comparator
    from contrastive_nas.ranking.comparator.training import comparator_scores
    from contrastive_nas.reporting.ranking_figures import draw_ranks

    store = open_store(graphs)
    scores = comparator_scores(load_comparator(comparator), store)
    labelled = store.find(first_labels["architecture"].tolist())
    truth = table[target.test].to_numpy(dtype=float)
    return draw_ranks(scores, truth, labelled[labelled >= 0], target.test)
