"""The summary of a search counts what the history says."""

import pandas as pd

from contrastive_nas.search.summary import summarise


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
