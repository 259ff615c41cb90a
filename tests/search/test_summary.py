"""The summary of a search counts what the history says."""

import pandas as pd
import pytest
from tests.search.toy import ToySpace

from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_parameters
from contrastive_nas.search.random_baseline import course_on_table
from contrastive_nas.search.summary import in_words, summarise

NAN = float("nan")


def test_counts_rank_and_random_search() -> None:
    history = pd.DataFrame(
        {
            "architecture": ["0-0-0-0-1", "3-3-3-3-3", "0-0-0-1-0"],
            "accuracy": [80.0, 90.0, 85.0],
            "origin": ["trained", "trained", "cached"],
        }
    )
    table = pd.DataFrame(
        {"architecture": list("vwxyz"), "valid": [1.0, 2, 3, 4, 5], "test": [70.0, 89, 91, 95, 60]}
    )
    labels, tests = table["valid"].to_numpy(), table["test"].to_numpy()
    random = course_on_table(labels, tests, 3)
    space = ToySpace()
    found = summarise(history, table, random, space, label="valid", test="test", best_test_accuracy=90.0)
    assert found["best_architecture"] == "3-3-3-3-3"
    assert found["regret"] == 0
    assert found["accuracy_is"] == "trained"
    graph = space.graphs(["3-3-3-3-3"])
    assert found["best_macs"] == graph_multiply_accumulates(graph)[0]
    assert found["best_parameters"] == graph_parameters(graph)[0]
    assert found["best_valid_accuracy"] == 90.0
    assert found["best_rank"] == 3
    assert (found["queries"], found["queries_trained"], found["queries_cached"]) == (3, 2, 1)
    # Three of five rows by chance: the last row is the best by label in 6 of 10 drawings, the fourth in 3.
    assert found["random_best_test_accuracy"] == 0.6 * 60 + 0.3 * 95 + 0.1 * 91
    basis = {"similarity": {"near": 0.7, "far": 0.2}, "first_labels": 2, "initial_design": "promising"}
    words = in_words(found | basis | {"space": "toy", "ranker": "transfer"})
    assert "rank 3 among the 5 networks whose accuracy is known; no known label is higher" in words
    assert (
        "  test accuracy 90.00 % (trained)\n  validation accuracy 90.00 %, the best of 3 queries\n" in words
    )
    assert "random search with as many queries: 73.60 % (expected on the table, mean)" in words
    assert "similarity: near 0.70, far 0.20), 2 promising and different networks first" in words


@pytest.mark.parametrize(
    ("quality", "said"),
    [
        (
            {"final_trainings": 3, "final_deviation": 0.254},
            "mean of 3 trainings that the search has not seen, standard deviation 0.25",
        ),
        (
            {"surrogate_kendall_tau": 0.9, "surrogate_noise": 0.0931},
            "predicted, standard deviation of its errors 0.09",
        ),
    ],
)
def test_words_say_how_sure_an_accuracy_is(quality: dict[str, float], said: str) -> None:
    history = pd.DataFrame({"architecture": ["0-0-0-0-1"], "accuracy": [80.0], "origin": ["trained"]})
    table = pd.DataFrame({"architecture": [], "valid": [], "test": []})
    columns = {"label": "valid", "test": "test"}
    found = summarise(history, table, table, ToySpace(), **columns, best_test_accuracy=81.0)
    basis = {"similarity": {}, "first_labels": 1, "initial_design": "random"}
    words = in_words(found | basis | quality | {"space": "toy", "ranker": "macs"})
    assert f"  test accuracy 81.00 % ({said})\n" in words


def test_s17_failures_are_counted_as_failures() -> None:
    history = pd.DataFrame(
        {
            "architecture": ["0-0-0-0-1", "0-0-0-0-2", "0-0-0-0-3", "0-0-0-1-0"],
            "accuracy": [80.0, NAN, NAN, 85.0],
            "origin": ["looked_up", "looked_up", "looked_up", "cached"],
        }
    )
    table = pd.DataFrame({"architecture": ["a"], "valid": [1.0], "test": [70.0]})
    columns = {"label": "valid", "test": "test"}
    found = summarise(history, table, table[:0], ToySpace(), **columns, best_test_accuracy=90.0)
    assert found["random_best_test_accuracy"] is None
    counts = {name: found[f"queries_{name}"] for name in ("looked_up", "cached", "trained", "failed")}
    assert counts == {"looked_up": 1, "cached": 1, "trained": 0, "failed": 2}
