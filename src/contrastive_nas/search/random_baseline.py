"""Random search on a table, in closed form."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def best_weights(rows: int, queries: int) -> FloatArray:
    """Probability that the row of rank k (0 the best) is the best of ``queries`` rows, none drawn twice.

    P(k) = C(rows - k - 1, queries - 1) / C(rows, queries), by its recurrence.

    Args:
        rows: of the table.
        queries: at most ``rows``.
    """
    ranks = np.arange(rows - 1)
    ratios = np.clip((rows - queries - ranks) / (rows - 1.0 - ranks), 0, None)
    return queries / rows * np.concatenate([[1.0], np.cumprod(ratios)])


def expected_best(labels: FloatArray, values: FloatArray, queries: int) -> float:
    """Expected value of the row with the highest label among random ones; equal labels share their values.

    Args:
        labels: what random search sees, one per row.
        values: what is reported of the row that it chooses, e.g. test accuracy.
        queries: rows drawn without replacement, at most all.
    """
    order = np.argsort(-labels, kind="stable")
    _, group = np.unique(-labels[order], return_inverse=True)
    means = np.bincount(group, weights=values[order]) / np.bincount(group)
    return float(best_weights(len(labels), min(queries, len(labels))) @ means[group])


def best_quantiles(labels: FloatArray, queries: int, levels: FloatArray) -> FloatArray:
    """Quantiles of the highest label among random rows."""
    weights = best_weights(len(labels), min(queries, len(labels)))
    descending = np.sort(labels)[::-1]
    reached = np.cumsum(weights[::-1])
    places = np.minimum(np.searchsorted(reached, levels), len(labels) - 1)
    return descending[::-1][places]
