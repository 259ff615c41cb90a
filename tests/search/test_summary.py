"""The summary of a search counts what the history says."""

import pandas as pd
from tests.search.toy import ToySpace

from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_parameters
from contrastive_nas.search.random_baseline import course_on_table
from contrastive_nas.search.summary import summarise

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
    assert found["front"] is None
    on_front = history.assign(on_front=[True, True, False])
    columns = {"label": "valid", "test": "test", "best_test_accuracy": 90.0}
    assert summarise(on_front, table, random, space, **columns)["front"] == 2
    graph = space.graphs(["3-3-3-3-3"])
    assert found["best_macs"] == graph_multiply_accumulates(graph)[0]
    assert found["best_parameters"] == graph_parameters(graph)[0]
    assert found["best_valid_accuracy"] == 90.0
    assert found["best_rank"] == 3
    assert (found["queries"], found["queries_trained"], found["queries_cached"]) == (3, 2, 1)
    # Three of five rows by chance: the last row is the best by label in 6 of 10 drawings, the fourth in 3.
    assert found["random_best_test_accuracy"] == 0.6 * 60 + 0.3 * 95 + 0.1 * 91


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
