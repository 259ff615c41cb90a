"""Artifacts of a search and of a training that never ran."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from contrastive_nas.ranking.calibration import reliability
from contrastive_nas.reporting.comparison_page import SearchedRun
from contrastive_nas.reporting.figures import draw_map, draw_search_history
from contrastive_nas.reporting.making import Making
from contrastive_nas.reporting.ranking_figures import draw_ranks, draw_reliability
from contrastive_nas.reporting.run_facts import RunFacts
from contrastive_nas.reporting.search_page import SearchArtifacts
from contrastive_nas.reporting.training_figures import draw_losses
from contrastive_nas.search.front import pareto_front
from contrastive_nas.search.random_baseline import course_on_table
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.costs import Costs

SPACE = load_space("compact_cnn")
ROWS, QUERIES, FIRST = 300, 12, 4


def history(rng: np.random.Generator, objectives: bool) -> pd.DataFrame:
    accuracies = np.round(rng.uniform(60, 95, QUERIES), 2)
    accuracies[5] = np.nan
    frame = pd.DataFrame(
        {
            "query": range(1, QUERIES + 1),
            "round": [0] * FIRST + [1] * (QUERIES - FIRST),
            "reason": ["initial design"] * FIRST + ["expected improvement"] * (QUERIES - FIRST),
            "architecture": SPACE.sample(rng, QUERIES),
            "accuracy": accuracies,
            "origin": "trained",
            "error": ["" if np.isfinite(value) else "no memory" for value in accuracies],
            "best_accuracy": np.fmax.accumulate(accuracies),
        }
    )
    if not objectives:
        return frame
    costs = Costs(SPACE, ["macs", "parameters"]).measure(frame["architecture"].tolist())
    front = pareto_front(accuracies, costs)
    return frame.assign(macs=costs[:, 0], parameters=costs[:, 1], hypervolume=0.5, on_front=front)


def summary(found: pd.DataFrame) -> dict[str, Any]:
    best = found.loc[found["accuracy"].idxmax()]
    return {
        "space": "compact_cnn",
        "strategy": "default",
        "ranker": "transfer",
        "similarity": {"darts": 0.25, "nasbench201": 0.75},
        "first_labels": FIRST,
        "initial_design": "promising",
        "seed": 7,
        "queries": QUERIES,
        "queries_trained": QUERIES - 1,
        "queries_looked_up": 0,
        "queries_predicted": 0,
        "queries_cached": 0,
        "queries_failed": 1,
        "best_architecture": best["architecture"],
        "best_macs": 1_234_567,
        "best_parameters": 89_012,
        "best_valid_accuracy": float(best["accuracy"]),
        "best_test_accuracy": 94.125,
        "accuracy_is": "trained",
        "best_rank": 3,
        "table_size": ROWS,
        "regret": 1.5,
        "random_best_test_accuracy": 92.0,
        "front": None,
        "random_search_was_run": False,
        "final_trainings": 3,
        "final_deviation": 0.25,
    }


def search_artifacts(*, objectives: bool = False, policy: bool = False) -> SearchArtifacts:
    """Everything that a search leaves, from random numbers."""
    rng = np.random.default_rng(5)
    found = history(rng, objectives)
    told = summary(found)
    truth = rng.uniform(50, 95, ROWS)
    scores = truth / 10 + rng.normal(size=ROWS)
    labelled = np.arange(FIRST)
    pairs = rng.integers(ROWS, size=(40, 2))
    places = rng.normal(size=(ROWS + QUERIES, 2))
    steps = {"step": range(1, 21), "baseline": ["a"] * 10 + ["b"] * 10}
    rewards = {"mean_reward": np.linspace(0.2, 0.6, 20), "entropy": np.linspace(9.0, 2.0, 20)}
    return SearchArtifacts(
        summary=told,
        history=found,
        trace=pd.DataFrame({**steps, **rewards} if policy else {}),
        pseudo_labels=pd.DataFrame({"better": pairs[:, 0], "worse": pairs[:, 1], "confidence": 0.85}),
        truth=truth,
        comparator={
            "labels": FIRST,
            "ranked": ROWS - FIRST,
            "kendall_tau": 0.625,
            "macs_kendall_tau": 0.5,
            "parameters_kendall_tau": None,
            "brier_score": 0.2,
        },
        ranker={
            "labels": QUERIES,
            "ranked": ROWS - QUERIES,
            "kendall_tau": 0.75,
            "macs_kendall_tau": 0.5,
            "parameters_kendall_tau": None,
            "brier_score": 0.15,
        },
        ranker_figure=draw_ranks(scores, truth, labelled[:0], "test accuracy"),
        ranker_calibration_figure=draw_reliability(reliability(scores, truth), "ranker"),
        ingested={"file": "table.parquet", "architectures": ROWS, "problems": 2},
        search_figure=draw_search_history(found, course_on_table(truth, truth, QUERIES), told),
        comparator_figure=draw_ranks(scores, truth, labelled, "test accuracy"),
        calibration_figure=draw_reliability(reliability(scores, truth)),
        pretrain_figure=draw_losses(pd.DataFrame({"step": [1, 2, 3], "loss": [3.0, 2.0, 1.5]})),
        map_figure=draw_map(places, truth, found, "accuracy"),
    )


def searched_run(name: str, *, seed: int = 5, **changes: Any) -> SearchedRun:
    """A run with a search, from random numbers; ``changes`` are of its summary."""
    rng = np.random.default_rng(seed)
    found = history(rng, objectives=False)
    truth = rng.uniform(50, 95, ROWS)
    record = {
        "run": name,
        "status": "finished",
        "started": "2026-01-02T03:04:05.678+00:00",
        "experiment": "base",
        "parameters": {
            "space": {"name": "compact_cnn", "options": {}},
            "target": {"label": "valid", "test": "test"},
            "search": {"queries": QUERIES, "limits": {}, "seed": seed},
        },
        "libraries": {"torch": f"2.{seed}"},
        "metrics": {"search_summary.queries": QUERIES + seed},
    }
    return SearchedRun(
        record=record,
        summary=summary(found) | changes,
        history=found,
        random=course_on_table(truth, truth, QUERIES),
        space=SPACE,
        facts=RunFacts(command=f"kedro run --params seed={seed}", seconds={"search_architectures": 61.0}),
    )


def without_the_rest() -> SearchArtifacts:
    """A search without table, random search, pseudo-labels and pretraining."""
    found = search_artifacts()
    unknown = dict.fromkeys(("best_rank", "regret", "random_best_test_accuracy", "random_search_was_run"))
    none = pd.DataFrame({"step": [], "loss": []})
    return replace(
        found,
        summary=dict(found.summary) | unknown | {"table_size": 0},
        pseudo_labels=found.pseudo_labels.head(0),
        comparator=dict.fromkeys(found.comparator),
        ranker=dict.fromkeys(found.ranker),
        pretrain_figure=draw_losses(none),
        map_figure=draw_losses(none),
    )


def making(**facts: Any) -> Making:
    """How it would have been made."""
    experiment = {"seed": 7, "search": {"queries": QUERIES, "limits": {"macs": 2e6}}}
    return Making(experiment, {"torch": "2.0"}, RunFacts(**facts))


def training() -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Metrics, history and confusion of a training."""
    architecture = SPACE.sample(np.random.default_rng(1), 1)[0]
    metrics = {
        "space": "compact_cnn",
        "architecture": architecture,
        "dataset": "digits",
        "recipe": "digits_short",
        "seed": 7,
        "test_top1_accuracy": 93.75,
        "test_top5_accuracy": 99.5,
        "epochs": 3,
        "seconds": 125.0,
        "macs": 1_234_567,
        "params": 89_012,
        "images_per_second": 2500.4,
        "devices": 1,
        "latency_milliseconds": 1.26,
        "corrupt_images": 0,
        "onnx_difference": None,
    }
    epochs = pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "train_loss": [2.0, 1.0, 0.5],
            "test_loss": [np.nan, 1.2, 0.9],
            "test_top1_accuracy": [np.nan, 80.0, 93.75],
            "test_top5_accuracy": [np.nan, 95.0, 99.5],
        }
    )
    confusion = pd.DataFrame({"class": ["cat", "dog"], "cat": [3, 1], "dog": [1, 4]})
    return metrics, epochs, confusion
