"""What stages end with says what their metrics say."""

import math
import re
from typing import Any

import pandas as pd
import pytest
from scipy.stats import sem

from contrastive_nas.reporting.endings import (
    describe_benchmark,
    describe_comparator,
    describe_graphs,
    describe_ingestion,
    describe_pretraining,
    describe_retraining,
    describe_retraining_plan,
    describe_search,
    describe_tuning,
)
from contrastive_nas.search.tuning.tuning import summarise_trials

FOUND: dict[str, Any] = {
    "space": "toy",
    "queries": 12,
    "queries_trained": 9,
    "queries_looked_up": 0,
    "queries_predicted": 0,
    "queries_cached": 2,
    "queries_failed": 1,
    "best_architecture": "3-3-3-3-3",
    "best_macs": 11_716_384,
    "best_parameters": 234_082,
    "best_valid_accuracy": 96.534,
    "best_test_accuracy": 97.476,
    "accuracy_is": "trained",
    "front": None,
    "best_rank": 8,
    "table_size": 4020,
    "regret": 0.9333,
    "random_best_test_accuracy": 95.339,
    "random_search_was_run": False,
}


def test_a_search() -> None:
    ending = describe_search(FOUND | {"final_trainings": 3, "final_deviation": 0.0825})
    assert ending.headline == "The best network found in toy has a test accuracy of 97.48 ± 0.08 %"
    assert dict(ending.rows) == {
        "Architecture": "3-3-3-3-3",
        "Test accuracy": "97.48 ± 0.08 %, mean and standard deviation of 3 trainings with new seeds",
        "Validation accuracy": "96.53 %, the highest of 12 queries (9 trained, 2 equal to one trained "
        "before, 1 failed)",
        "Rank": "8 among 4,020 networks with known test accuracy",
        "Regret": "0.93 points below the highest known validation accuracy",
        "Random search": "95.34 % test accuracy with as many queries (expected, computed from the table)",
        "Size": "11.7 million multiply-accumulates, 234 thousand parameters",
    }
    assert [name for name, _ in ending.next_pipelines] == ["report", "retrain"]
    assert dict(describe_search(FOUND | {"front": 7}).rows)["Front"].startswith("7 networks")


@pytest.mark.parametrize(
    ("quality", "headline", "said"),
    [
        ({"accuracy_is": "trained"}, "97.48 %", "97.48 %, of one training"),
        ({"accuracy_is": "looked up"}, "97.48 % (looked up)", "97.48 %, looked up in the table"),
        (
            {"accuracy_is": "predicted", "surrogate_kendall_tau": 0.9, "surrogate_noise": 0.0931},
            "97.48 % (predicted)",
            "97.48 %, predicted; the errors of such predictions have a standard deviation of 0.09 points",
        ),
    ],
)
def test_it_says_how_an_accuracy_is_known(quality: dict[str, Any], headline: str, said: str) -> None:
    ending = describe_search(FOUND | quality)
    assert ending.headline.endswith(f" of {headline}")
    assert dict(ending.rows)["Test accuracy"] == said


def test_a_search_in_a_space_without_a_table() -> None:
    unknown = dict.fromkeys(
        ("best_rank", "regret", "random_best_test_accuracy", "random_search_was_run"), None
    )
    rows = dict(describe_search(FOUND | unknown | {"table_size": 0}).rows)
    assert rows["Rank"] == "unknown, as no accuracy of other networks is known"
    assert "Regret" not in rows
    assert "Random search" not in rows


def test_the_best_that_is_known() -> None:
    rows = dict(describe_search(FOUND | {"regret": 0.0, "random_search_was_run": True}).rows)
    assert rows["Regret"] == "0 points: no network is known to have a higher validation accuracy"
    assert rows["Random search"].endswith("(mean of repeated runs)")


def tuned(best: tuple[float, ...], batch: int = 5) -> dict[str, Any]:
    """A tuning whose setting in use has 90, 91 and 92 under three seeds."""
    trials = pd.DataFrame(
        {
            "state": ["complete", "complete", "pruned"],
            "value": [91.0, sum(best) / 3, 99.0],
            "seed_100": [90.0, best[0], 99.0],
            "seed_101": [91.0, best[1], math.nan],
            "seed_102": [92.0, best[2], math.nan],
            "batch": [1, batch, 10],
            "rate": [0.01, 0.0456789, 0.1],
        }
    )
    return {"stage": "search", **summarise_trials(trials, {"batch": 1, "rate": 0.01})}


def test_a_tuning_ends_with_its_answer() -> None:
    best = (92.0, 92.5, 94.0)
    ending = describe_tuning(tuned(best))
    assert ending.headline == "A setting of search is better than the one in use by 1.83 points"
    rows = dict(ending.rows)
    assert rows["In use"] == "91.00 with batch 1, rate 0.01"
    assert rows["Best"] == "92.83 with batch 5, rate 0.0457"
    error = sem([after - before for after, before in zip(best, (90, 91, 92), strict=True)])
    assert rows["Better by"] == f"1.83 ± {error:.2f} (standard error) points, on 3 seeds"
    assert rows["Settings"] == "3 settings tried, 1 of them given up early"
    # To the last digit: rounded, it would be another setting.
    assert ending.setting == {"search.batch": 5, "search.rate": 0.0456789}
    assert ending.next_pipelines[0][0] == "search"


def test_a_tuning_within_the_noise_says_so() -> None:
    assert "may be luck" in dict(describe_tuning(tuned((88.0, 91.0, 95.0))).rows)["Better by"]


def test_a_tuning_that_found_nothing_better_sets_nothing() -> None:
    ending = describe_tuning(tuned((80.0, 81.0, 82.0)))
    assert ending.headline == "No setting of search is better than the one in use"
    assert ending.setting == {}
    assert ending.next_pipelines == []


def test_a_retraining() -> None:
    metrics = {
        "space": "toy",
        "architecture": "3-3",
        "dataset": "digits",
        "recipe": "fast",
        "seed": 1,
        "test_top1_accuracy": 98.613,
        "test_top5_accuracy": 99.9,
        "epochs": 60,
        "seconds": 124.0,
        "macs": 11_716_384,
        "params": 234_082,
        "images_per_second": 3012.4,
        "devices": 1,
        "latency_milliseconds": 1.2345,
        "corrupt_images": 2,
        "onnx_difference": None,
    }
    ending = describe_retraining(metrics)
    assert ending.headline == "The network trained in full has a test accuracy of 98.61 % on digits"
    rows = dict(ending.rows)
    assert rows["Training time"] == "2 min 4 s on 1 device, 3,012 images a second"
    assert rows["Latency"] == "1.23 ms for one image on this machine's CPU"
    assert rows["Left out"] == "2 corrupt images"


def test_a_planned_retraining() -> None:
    plan = {
        "architecture": "3-3",
        "recipe": "fast",
        "devices": 8,
        "samples": 1_281_167,
        "batch": 1024,
        "learning_rate": 0.51234,
        "epochs": 150,
        "updates": 187_650,
        "macs": 219e6,
        "params": 5.4e6,
        "gpu_days": 12.345,
    }
    ending = describe_retraining_plan(plan)
    assert ending.headline == "A training of 12 GPU days is planned, on 8 devices"
    assert dict(ending.rows)["Images"] == "1,281,167, 1,024 in each update"
    assert ending.next_pipelines == [("retrain", "trains the network")]


def test_a_comparator_with_and_without_pseudo_labels() -> None:
    quality = {
        f"{prefix}{name}": value
        for prefix, value in {"": 0.62, "macs_": 0.4, "parameters_": None}.items()
        for name in ("kendall_tau", "spearman_rho")
    }
    quality |= {"labels": 5, "ranked": 55, "brier_score": 0.181, "calibration_error": 0.052}
    first = describe_comparator(quality)
    assert first.headline == "The comparator ranks 55 networks with Kendall's tau 0.62"
    assert dict(first.rows)["Parameters"].startswith("Kendall's tau unknown")
    extra = {
        "pseudo_labels": 120,
        "pseudo_label_accuracy": 0.931,
        "pseudo_label_confidence": 0.97,
        "kendall_tau_before_augmentation": 0.58,
    }
    rows = dict(describe_comparator(quality | extra).rows)
    assert rows["Pseudo-labels"] == "120 pairs, 93.1 % of them right"
    assert rows["Without these"] == "Kendall's tau 0.58"


def test_a_benchmark() -> None:
    metrics = {
        "networks": 1000,
        "failed": 1,
        "tau_between_seeds": 0.861,
        "tau_between_seeds_best_quarter": math.nan,
        "repeated_networks": 100,
        "tau_between_means": None,
        "test_accuracy_quantiles": [10, 62.04, 80, 93.11, 95, 97.2, 98],
        "seconds_per_training": 1.23,
    }
    rows = dict(describe_benchmark(metrics).rows)
    assert rows["Failed"] == "1 network"
    assert rows["Test accuracy"].startswith("median 93.1 %, from 10.0 to 98.0 %")
    assert rows["Repeatability"] == "Kendall's tau 0.86 between two trainings"


def test_what_comes_before_a_search() -> None:
    ranges = {
        name: [math.log1p(value) for value in (20, 35, 1_234_567)] for name in ("log_nodes", "log_macs")
    }
    ranges |= {"log_parameters": ranges["log_nodes"], "depth": [18.0, 34.0, 58.0]}
    graphs = describe_graphs({"architectures": 60, "functions": 59, "smallest_median_largest": ranges})
    assert dict(graphs.rows)["Nodes"] == "20 to 1.23 million, median 35"
    losses = pd.DataFrame({"step": range(1, 21), "loss": [4.0, 2.0, *[1.5] * 16, 1.0, 0.5]})
    assert re.findall(r"\d\.\d{3}", describe_pretraining(losses).rows[0][1]) == ["3.000", "0.750"]
    assert "nothing was trained" in describe_pretraining(losses[:0]).headline
    report = {"source": "tidy_csv", "rows_read": 12, "problems": 2, "architectures": 10, "space": "toy"}
    report |= {
        "file": "a.csv",
        "metrics": ["x_valid_accuracy"],
        "first_problems": ["row 3: none", "row 5: no"],
    }
    read = describe_ingestion(report)
    assert read.headline == "10 architectures of toy read from a.csv"
    assert dict(read.rows)["Rows"] == "12 read, 2 left out as unusable"
    assert dict(read.rows)["Left out"] == "row 3: none"
