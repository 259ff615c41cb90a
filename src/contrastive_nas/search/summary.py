"""A search in a few numbers."""

from typing import Any

import numpy as np
import pandas as pd

from contrastive_nas.search.random_baseline import expected_best


def summarise(
    history: pd.DataFrame, table: pd.DataFrame, *, label: str, test: str, best_test_accuracy: float
) -> dict[str, Any]:
    """What was found, at what price, beside random search with the same number of queries.

    Args:
        history: of :class:`contrastive_nas.search.run.SearchResult`.
        table: architectures that could have been chosen; only ranks and random search come from it.
        label: its column that random search chooses by.
        test: its column that both are reported with.
        best_test_accuracy: of the network that the search chose, in percent.

    Returns:
        ``queries``, of which ``queries_trained``, ``queries_looked_up``, ``queries_predicted`` and
        ``queries_cached`` have an accuracy and ``queries_failed`` have none; ``best_architecture``,
        ``best_valid_accuracy``, ``best_test_accuracy``, ``best_rank`` (1 + rows of the table with a higher
        test accuracy), ``table_size``, ``random_best_test_accuracy`` (expected value over random drawings);
        rank and random search are None where the table knows no accuracy.
    """
    best = best_query(history)
    known = table.dropna(subset=[label, test])
    labels, tests = known[label].to_numpy(dtype=float), known[test].to_numpy(dtype=float)
    answered = history["accuracy"].notna()
    origins = ("trained", "looked_up", "predicted", "cached")
    return {
        "queries": len(history),
        **{f"queries_{origin}": int((answered & (history["origin"] == origin)).sum()) for origin in origins},
        "queries_failed": int((~answered).sum()),
        "best_architecture": str(best["architecture"]),
        "best_valid_accuracy": float(best["accuracy"]),
        "best_test_accuracy": best_test_accuracy,
        "best_rank": 1 + int((tests > best_test_accuracy).sum()) if len(known) else None,
        "table_size": len(known),
        "random_best_test_accuracy": expected_best(labels, tests, len(history)) if len(known) else None,
    }


def best_query(history: pd.DataFrame) -> dict[str, Any]:
    """The query of the highest accuracy, the first of equals."""
    row = int(np.nanargmax(history["accuracy"].to_numpy(dtype=float)))
    return {str(name): value for name, value in history.iloc[row].items()}
