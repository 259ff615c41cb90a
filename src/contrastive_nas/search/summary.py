"""A search in a few numbers, and in plain words."""

from typing import Any

import numpy as np
import pandas as pd

from contrastive_nas.graphs.canonical_form.canonical import canonical_batch
from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_parameters
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
    """What was found, at what price, beside random search with the same number of queries.

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
        ``accuracy_is`` (trained, looked up or predicted), ``best_rank`` (1 + rows of the table with a higher
        test accuracy), ``table_size``, ``regret`` (points below the highest label that is known, of the table
        or of the search), ``random_best_test_accuracy`` and ``random_search_was_run`` (or worked out from the
        table); None where nothing is known.
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
        "best_rank": 1 + int((tests > best_test_accuracy).sum()) if len(known) else None,
        "table_size": len(known),
        "regret": float(max(labels.max() - best["accuracy"], 0.0)) if len(known) else None,
        "random_best_test_accuracy": float(random["test"].iloc[-1]) if len(random) else None,
        "random_search_was_run": bool(random["run"].iloc[-1]) if len(random) else None,
    }


def best_query(history: pd.DataFrame) -> dict[str, Any]:
    """The query of the highest accuracy, the first of equals."""
    row = int(np.nanargmax(history["accuracy"].to_numpy(dtype=float)))
    return {str(name): value for name, value in history.iloc[row].items()}


def in_words(summary: dict[str, Any]) -> str:
    """The summary for whoever has never seen the project: what was found, how sure that is, and why.

    Args:
        summary: of :func:`summarise`, with ``space``, ``ranker``, ``similarity``, ``first_labels``,
            ``initial_design`` and what :meth:`contrastive_nas.evaluators.base.Evaluator.quality` gave.
    """
    lines = [
        f"found in {summary['space']}: {summary['best_architecture']}",
        f"  {summary['best_macs'] / 1e6:,.1f} million multiply-accumulates, "
        f"{summary['best_parameters'] / 1e6:,.3f} million parameters",
        f"  test accuracy {summary['best_test_accuracy']:.2f} % ({_how_sure(summary)})",
        f"  validation accuracy {summary['best_valid_accuracy']:.2f} %, the best of {summary['queries']} "
        "queries",
        *_among_known(summary),
        *_beside_random(summary),
        f"  based on {_basis(summary)}",
    ]
    return "\n".join(lines)


def _how_sure(summary: dict[str, Any]) -> str:
    if "final_trainings" in summary:
        return (
            f"mean of {summary['final_trainings']} trainings that the search has not seen, standard "
            f"deviation {summary['final_deviation']:.2f}"
        )
    if "surrogate_noise" in summary:
        return f"predicted, standard deviation of its errors {summary['surrogate_noise']:.2f}"
    return str(summary["accuracy_is"])


def _among_known(summary: dict[str, Any]) -> list[str]:
    if summary["best_rank"] is None:
        return ["  no accuracy of other networks is known, so there is no rank"]
    known = f"{summary['table_size']:,} networks whose accuracy is known"
    regret = summary["regret"]
    lead = f"the best known label is {regret:.2f} points higher" if regret else "no known label is higher"
    return [f"  rank {summary['best_rank']} among the {known}; {lead}"]


def _beside_random(summary: dict[str, Any]) -> list[str]:
    if summary["random_best_test_accuracy"] is None:
        return []
    how = "really run" if summary["random_search_was_run"] else "expected on the table"
    found = f"{summary['random_best_test_accuracy']:.2f} %"
    return [f"  random search with as many queries: {found} ({how}, mean)"]


def _basis(summary: dict[str, Any]) -> str:
    kind = "promising and different" if summary["initial_design"] == "promising" else "random"
    first = f"{summary['first_labels']} {kind} networks first"
    similarity: dict[str, float] = summary["similarity"]
    if not similarity:
        return f"ranker {summary['ranker']}, {first}"
    known = ", ".join(
        f"{name} {value:.2f}" for name, value in sorted(similarity.items(), key=lambda one: -one[1])
    )
    return f"ranker {summary['ranker']} with what labelled spaces taught (similarity: {known}), {first}"
