"""The page of a search: what it found, how it got there, and how to do it again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from contrastive_nas.quantities import duration, percent
from contrastive_nas.reporting.best import draw_best
from contrastive_nas.reporting.figures import draw_front, draw_milliseconds, draw_policy, has_points
from contrastive_nas.reporting.making import Making, making_section
from contrastive_nas.reporting.page import (
    Section,
    drawings,
    facts_table,
    paragraph,
    plots,
    table,
    write_page,
)
from contrastive_nas.reporting.ranking_figures import draw_pseudo_labels, pseudo_labels_right
from contrastive_nas.reporting.run_facts import RunFacts
from contrastive_nas.reporting.words import facts, lead
from contrastive_nas.search.strategies.base import FIRST
from contrastive_nas.spaces.base import SearchSpace

# Nodes whose time a search is said to have taken, by what they do.
SEARCH_NODES = {
    "buy_first_labels": "first labels",
    "search_architectures": "search",
    "summarise_search": "final accuracy",
}
_UNITS = {"macs": "multiply-accumulates", "parameters": "parameters", "latency": "milliseconds"}
_WINS = (
    "How often the network that is predicted to be better really is, by predicted probability. Larger points "
    "stand for more pairs. Brier score: mean squared error of the probability, 0.25 for guessing."
)
# A table of first labels that is longer is looked up in the artifacts.
_FIRST_SHOWN = 20


@dataclass(frozen=True)
class SearchArtifacts:
    """What the page of a search is made from.

    Attributes:
        summary: ``search_summary``.
        history: ``search_history``.
        trace: ``search_trace``, empty unless the strategy has a policy.
        pseudo_labels: of the comparator; empty where there are none.
        truth: accuracy of every row of the table, percent.
        comparator: ``comparator_metrics``.
        ingested: ``ingest_report``.
        ranker: ``ranker_metrics``: of what guided the search.
        ranker_figure: predicted against true ranks, by the same.
        ranker_calibration_figure: reliability of its win probabilities.
        search_figure: course of the search.
        comparator_figure: predicted against true ranks.
        calibration_figure: reliability of win probabilities.
        pretrain_figure: loss of the encoder; without points where none was pretrained.
        map_figure: networks on a plane; without points where no accuracy is known.
    """

    summary: Mapping[str, Any]
    history: pd.DataFrame
    trace: pd.DataFrame
    pseudo_labels: pd.DataFrame
    truth: np.ndarray
    comparator: Mapping[str, Any]
    ingested: Mapping[str, Any]
    ranker: Mapping[str, Any]
    ranker_figure: go.Figure
    ranker_calibration_figure: go.Figure
    search_figure: go.Figure
    comparator_figure: go.Figure
    calibration_figure: go.Figure
    pretrain_figure: go.Figure
    map_figure: go.Figure


def search_page(found: SearchArtifacts, space: SearchSpace, making: Making) -> str:
    """Return the page of a search, as HTML.

    Args:
        found: its artifacts.
        space: that was searched.
        making: parameters, versions and the run.
    """
    summary = found.summary
    rows = [*facts(summary, space.size, making.experiment["search"]), _data(found.ingested)]
    sections = [
        Section("In short", [facts_table(rows, times(making.facts))]),
        Section("Best architectures", [*_drawn(found, space)]),
        Section("Course of the search", [*_course(found)]),
        Section("Accuracy against cost", [*_latencies(found, making), *_fronts(found)]),
        Section("First labels", [*_first_labels(found)]),
        Section("How well the search ranks networks", [*_ranker(found)]),
        Section("The comparator of the first labels", [*_comparator(found)]),
        Section("Pretraining", [*_pretraining(found)]),
        making_section(making),
    ]
    return write_page(f"Architecture search in {summary['space']}", lead(summary, space.size), sections)


def _data(ingested: Mapping[str, Any]) -> tuple[str, str]:
    left_out = f", {ingested['problems']:,} rows left out" if ingested["problems"] else ""
    return "Table of known networks", f"{ingested['file']}, {ingested['architectures']:,} rows{left_out}"


def times(run: RunFacts) -> Iterator[tuple[str, str]]:
    """Give the row of the table about a search's time, where it is known."""
    known = {words: run.seconds[node] for node, words in SEARCH_NODES.items() if node in run.seconds}
    if known:
        each = ", ".join(f"{words} {duration(seconds)}" for words, seconds in known.items())
        yield "Time", f"{duration(sum(known.values()))} ({each}); labels kept from earlier runs take none"


def _drawn(found: SearchArtifacts, space: SearchSpace) -> Iterator[str]:
    front = "on_front" in found.history.columns
    which = "networks of the front, from the most accurate on" if front else "networks with the highest label"
    yield paragraph(
        f"The {which}, drawn from their computation graphs. A box is a layer with its norm and activation, "
        "or a block of layers; × 3 says that three equal blocks follow each other; /2 is a stride of two; a "
        "number in brackets is a count of channels inside a block."
    )
    yield drawings(draw_best(found.history, space))


def _course(found: SearchArtifacts) -> Iterator[str]:
    random = (
        " Dashed: the mean of random search; the band holds 80 % of its runs."
        if (found.summary["random_best_test_accuracy"] is not None)
        else ""
    )
    known = (
        " The dotted line is the highest label that is known; the distance to it is the regret."
        if (found.summary["regret"] is not None)
        else ""
    )
    caption = f"Best validation accuracy so far, by number of labels.{random}{known}"
    shown = [("search", found.search_figure, caption)]
    if len(found.trace) and {"mean_reward", "entropy", "baseline"} <= {*found.trace.columns}:
        caption = (
            "Mean reward of the architectures that the policy sampled, and the policy's entropy: how much it "
            "still tries different ones."
        )
        shown.append(("policy", draw_policy(found.trace), caption))
    yield plots(*shown)


def _latencies(found: SearchArtifacts, making: Making) -> Iterator[str]:
    if "milliseconds" not in found.history.columns:
        return
    limit = making.experiment["search"]["limits"].get("latency")
    caption = (
        "Filled: the measured latency. Open: the latency that was predicted for the same network before it "
        "was measured. The line is the front of the measured ones."
    )
    yield plots(("latency", draw_milliseconds(found.history, limit), caption))


def _fronts(found: SearchArtifacts) -> Iterator[str]:
    if "on_front" not in found.history.columns:
        return
    columns = found.history.columns.tolist()
    # A search adds the costs behind the columns that every history has, and then what they lead to.
    names = columns[columns.index("best_accuracy") + 1 : columns.index("hypervolume")]
    count = int(found.history["on_front"].sum())
    caption = f"The {count} networks on the front: no other network is better in every objective."
    yield plots(
        *(
            (f"front-{name}", draw_front(found.history, name, _UNITS.get(name, name)), caption)
            for name in names
        )
    )


def _first_labels(found: SearchArtifacts) -> Iterator[str]:
    first = found.history[found.history["reason"] == FIRST]
    promising = found.summary["initial_design"] == "promising"
    chosen = (
        "predicted to be good by a model of other spaces, and different from each other"
        if promising
        else "random"
    )
    if len(first):
        rows = [
            (str(row["query"]), _percent(row["accuracy"]), row["architecture"])
            for row in first.head(_FIRST_SHOWN).to_dict("records")
        ]
        more = f"; the first {_FIRST_SHOWN} of {len(first)}" if len(first) > _FIRST_SHOWN else ""
        caption = f"Networks that were labelled before any other label was known: {chosen}{more}."
        yield table(("Label", "Validation accuracy", "Architecture"), rows, caption)
    if has_points(found.map_figure):
        caption = (
            "Networks of the table by the first two principal components of the encoder's embeddings, "
            "coloured by accuracy (the lowest tenth shares one colour), and the networks that the search "
            "asked for. Networks that are close have similar embeddings; a few networks may lie outside of "
            "the frame."
        )
        yield plots(("map", found.map_figure, caption))


def _ranker(found: SearchArtifacts) -> Iterator[str]:
    metrics = found.ranker
    if metrics["kendall_tau"] is None:
        return
    yield paragraph(
        f"The ranker {found.summary['ranker']}, which guided the search, fitted once more to all "
        f"{metrics['labels']} labels of the search."
    )
    shown = [("ranks", found.ranker_figure, _order(metrics, "networks that the search did not query"))]
    if metrics["brier_score"] is not None:
        shown.append(("calibration", found.ranker_calibration_figure, _WINS))
    yield plots(*shown)


def _comparator(found: SearchArtifacts) -> Iterator[str]:
    metrics = found.comparator
    shown = []
    if metrics["kendall_tau"] is not None:
        caption = _order(metrics, "networks without a label")
        shown.append(("comparator-ranks", found.comparator_figure, caption))
    if metrics["brier_score"] is not None:
        shown.append(("comparator-calibration", found.calibration_figure, _WINS))
    confidence, right = pseudo_labels_right(found.pseudo_labels, found.truth)
    if len(confidence):
        caption = (
            "Pseudo-labels are pairs that the comparator was sure of and was then trained on. Of the "
            f"{len(confidence):,} pairs of known accuracy, {percent(100 * float(right.mean()), 0)} are right."
        )
        shown.append(("pseudo-labels", draw_pseudo_labels(confidence, right), caption))
    if not shown:
        return
    yield paragraph(
        f"The stages compare and augment train a comparator on the {metrics['labels']} first labels alone."
    )
    yield plots(*shown)


def _order(metrics: Mapping[str, Any], which: str) -> str:
    return (
        f"Kendall's tau over {metrics['ranked']:,} {which} is {metrics['kendall_tau']:.2f} (1 is a perfect "
        f"order, 0 a random one); ranking by multiply-accumulates alone gives "
        f"{_tau(metrics['macs_kendall_tau'])}, by parameters {_tau(metrics['parameters_kendall_tau'])}."
    )


def _pretraining(found: SearchArtifacts) -> Iterator[str]:
    if has_points(found.pretrain_figure):
        caption = "Contrastive loss of the graph encoder; no label is used."
        yield plots(("pretraining", found.pretrain_figure, caption))


def _tau(value: float | None) -> str:
    return "no order" if value is None else f"{value:.2f}"


def _percent(value: float) -> str:
    return "failed" if np.isnan(value) else percent(value)
