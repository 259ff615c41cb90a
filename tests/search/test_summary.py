"""The summary of a search counts what the history says."""

import pandas as pd

from contrastive_nas.search.summary import summarise

NAN = float("nan")


def test_counts_rank_and_random_search() -> None:
    history = pd.DataFrame(
        {
            "architecture": ["a", "b", "c"],
            "accuracy": [80.0, 90.0, 85.0],
            "origin": ["trained", "trained", "cached"],
        }
    )
    table = pd.DataFrame(
        {"architecture": list("vwxyz"), "valid": [1.0, 2, 3, 4, 5], "test": [70.0, 89, 91, 95, 60]}
    )
    found = summarise(history, table, label="valid", test="test", best_test_accuracy=90.0)
    assert found["best_architecture"] == "b"
    assert found["best_valid_accuracy"] == 90.0
    assert found["best_rank"] == 3
    assert (found["queries"], found["queries_trained"], found["queries_cached"]) == (3, 2, 1)
    # Three of five rows by chance: the last row is the best by label in 6 of 10 drawings, the fourth in 3.
    assert found["random_best_test_accuracy"] == 0.6 * 60 + 0.3 * 95 + 0.1 * 91


def test_s17_failures_are_counted_as_failures() -> None:
    history = pd.DataFrame(
        {
            "architecture": ["a", "b", "c", "d"],
            "accuracy": [80.0, NAN, NAN, 85.0],
            "origin": ["looked_up", "looked_up", "looked_up", "cached"],
        }
    )
    table = pd.DataFrame({"architecture": ["a"], "valid": [1.0], "test": [70.0]})
    found = summarise(history, table, label="valid", test="test", best_test_accuracy=90.0)
    counts = {name: found[f"queries_{name}"] for name in ("looked_up", "cached", "trained", "failed")}
    assert counts == {"looked_up": 1, "cached": 1, "trained": 0, "failed": 2}
