"""What a run found, on one page for people."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.execution.needed import does_without
from contrastive_nas.pipelines.experiment import Device, ExperimentSeed, SpaceParameters, TargetParameters
from contrastive_nas.pipelines.search.parameters import SearchStageParameters
from contrastive_nas.pipelines.searching import needs_no_encoder, searched_space, stage_ranker

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def draw_space(
    encoder: Path,
    graphs: Path,
    table: "pd.DataFrame",
    history: "pd.DataFrame",
    space: SpaceParameters,
    target: TargetParameters,
    device: str,
) -> "go.Figure":
    """Draw a map of the table's networks by accuracy, with those that the search asked for."""
    import numpy as np

    from contrastive_nas.devices import pick_device
    from contrastive_nas.graphs.storage.store import open_store
    from contrastive_nas.ranking.encoder.weights import load_encoder
    from contrastive_nas.reporting.figures import draw_map
    from contrastive_nas.reporting.maps import map_networks
    from contrastive_nas.search.summary import full_trainings
    from contrastive_nas.spaces import load_space

    history = full_trainings(history)
    accuracies = table[target.label].to_numpy(dtype=float)
    places, rows = map_networks(
        load_encoder(encoder).to(pick_device(device)),
        open_store(graphs),
        load_space(space.name, **space.options),
        history["architecture"].tolist(),
        np.isfinite(accuracies),
    )
    return draw_map(places, accuracies[rows], history, target.label)


@does_without("encoder", when=needs_no_encoder)
def measure_ranker(
    history: "pd.DataFrame",
    table: "pd.DataFrame",
    search: SearchStageParameters,
    space: SpaceParameters,
    target: TargetParameters,
    seed: ExperimentSeed,
    device: Device,
    encoder: Path | None = None,
) -> tuple[dict[str, Any], "go.Figure", "go.Figure"]:
    """Measure how well the search's ranker, with all labels, orders the table: numbers, ranks and wins."""
    import numpy as np

    from contrastive_nas.reporting.ranking_figures import draw_ranks, draw_reliability
    from contrastive_nas.search.ranker_quality import ranker_quality
    from contrastive_nas.search.summary import full_trainings

    known = searched_space(search, space, table)
    ranker = stage_ranker(search, known, seed, encoder, device)
    found = ranker_quality(ranker, full_trainings(history), table, target.test, seed)
    ranks = draw_ranks(found.scores, found.truth, np.zeros(0, dtype=int), target.test)
    return found.metrics, ranks, draw_reliability(found.wins, "ranker")


def write_report(
    search_summary: dict[str, Any],
    search_history: "pd.DataFrame",
    search_trace: "pd.DataFrame",
    pseudo_labels: "pd.DataFrame",
    table: "pd.DataFrame",
    comparator_metrics: dict[str, Any],
    ingest_report: dict[str, Any],
    ranker_metrics: dict[str, Any],
    ranker_figure: "go.Figure",
    ranker_calibration_figure: "go.Figure",
    search_figure: "go.Figure",
    comparator_figure: "go.Figure",
    calibration_figure: "go.Figure",
    pretrain_figure: "go.Figure",
    map_figure: "go.Figure",
    space: SpaceParameters,
    target: TargetParameters,
    parameters: dict[str, Any],
    runs: Path | None,
) -> str:
    """Write the page of a search."""
    from contrastive_nas.reporting.making import read_making
    from contrastive_nas.reporting.search_page import SEARCH_NODES, SearchArtifacts, search_page
    from contrastive_nas.search.summary import full_trainings
    from contrastive_nas.spaces import load_space

    found = SearchArtifacts(
        summary=search_summary,
        history=full_trainings(search_history),
        trace=search_trace,
        pseudo_labels=pseudo_labels,
        truth=table[target.test].to_numpy(dtype=float),
        comparator=comparator_metrics,
        ingested=ingest_report,
        ranker=ranker_metrics,
        ranker_figure=ranker_figure,
        ranker_calibration_figure=ranker_calibration_figure,
        search_figure=search_figure,
        comparator_figure=comparator_figure,
        calibration_figure=calibration_figure,
        pretrain_figure=pretrain_figure,
        map_figure=map_figure,
    )
    making = read_making(parameters, runs, "report", SEARCH_NODES)
    return search_page(found, load_space(space.name, **space.options), making)
