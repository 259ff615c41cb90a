"""A search in a few numbers."""

from typing import Any

import numpy as np
import pandas as pd

from contrastive_nas.graphs.canonical_form.canonical import canonical_batch
from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_parameters
from contrastive_nas.search.budget import TOLERANCE
from contrastive_nas.spaces.base import SearchSpace

# How an accuracy is called that was found in this way.
_KINDS = {"trained": "trained", "cached": "trained", "looked_up": "looked up", "predicted": "predicted"}


def summarise(
    history: pd.DataFrame,
    table: pd.DataFrame,
    random: pd.DataFrame,
    space: SearchSpace,
    *,
    label: str,
    test: str,
    best_test_accuracy: float,
) -> dict[str, Any]:
    """Return what was found, at what price, beside random search with the same number of queries.

    Args:
        history: of :class:`contrastive_nas.search.run.SearchResult`.
        table: architectures that could have been chosen; ranks and regret come from it.
        random: the course of random search, see :mod:`contrastive_nas.search.random_baseline`; may be empty.
        space: of the architectures.
        label: column of the table that a search may see.
        test: its column that results are reported with.
        best_test_accuracy: of the network that the search chose, in percent.

    Returns:
        ``queries``, of which ``queries_trained``, ``queries_looked_up``, ``queries_predicted`` and
        ``queries_cached`` have an accuracy and ``queries_failed`` have none; ``best_architecture``, its
        ``best_macs`` and ``best_parameters``, ``best_valid_accuracy``, ``best_test_accuracy``,
        ``accuracy_is`` (trained, looked up or predicted), ``front`` (how many networks no other beats in
        accuracy and all objectives; None without objectives), ``best_rank`` (1 + rows of the table with a
        higher test accuracy), ``table_size``, ``regret`` (points below the highest label that is known, of
        the table or of the search), ``random_best_test_accuracy`` and ``random_search_was_run`` (or worked
        out from the table); None where nothing is known.
    """
    best = best_query(history)
    known = table.dropna(subset=[label, test])
    labels, tests = known[label].to_numpy(dtype=float), known[test].to_numpy(dtype=float)
    answered = history["accuracy"].notna()
    origins = ("trained", "looked_up", "predicted", "cached")
    graph = canonical_batch(space.graphs([str(best["architecture"])]))
    return {
        "queries": len(history),
        **{f"queries_{origin}": int((answered & (history["origin"] == origin)).sum()) for origin in origins},
        "queries_failed": int((~answered).sum()),
        "best_architecture": str(best["architecture"]),
        "best_macs": int(graph_multiply_accumulates(graph)[0]),
        "best_parameters": int(graph_parameters(graph)[0]),
        "best_valid_accuracy": float(best["accuracy"]),
        "best_test_accuracy": best_test_accuracy,
        "accuracy_is": _KINDS[str(best["origin"])],
        "front": int(history["on_front"].sum()) if "on_front" in history else None,
        "best_rank": 1 + int((tests > best_test_accuracy).sum()) if len(known) else None,
        "table_size": len(known),
        "regret": float(max(labels.max() - best["accuracy"], 0.0)) if len(known) else None,
        "random_best_test_accuracy": float(random["test"].iloc[-1]) if len(random) else None,
        "random_search_was_run": bool(random["run"].iloc[-1]) if len(random) else None,
    }


def best_query(history: pd.DataFrame) -> dict[str, Any]:
    """Return the query of the highest accuracy, the first of equals; see :func:`full_trainings`."""
    known = full_trainings(history)
    row = int(np.nanargmax(known["accuracy"].to_numpy(dtype=float)))
    return {str(name): value for name, value in known.iloc[row].items()}


def full_trainings(history: pd.DataFrame) -> pd.DataFrame:
    """Return the queries whose accuracies are compared: all, or those of the dearest fidelity.

    ``query`` is then the cost so far, in full trainings, rounded up.
    """
    if "cost" not in history:
        return history
    costs = history["cost"].where(history["accuracy"].notna())
    spent = np.ceil(history["cost"].cumsum() - TOLERANCE).astype(int)
    return history.assign(query=spent)[costs == costs.max()].reset_index(drop=True)


def equal_queries(history: pd.DataFrame) -> int:
    """Return how many full trainings cost as much as the search."""
    return max(1, round(history["cost"].sum())) if "cost" in history else len(history)
