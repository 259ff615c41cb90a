"""What random search would have found: on a table in closed form, elsewhere by really running it.

Rows of a table that holds a part of a space may come from other people's searches, so that a random row is
better than a random network; then random search has to be run.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contrastive_nas.evaluators.base import Evaluator
from contrastive_nas.progress import progress
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.spaces.base import SearchSpace

FloatArray = NDArray[np.float64]
# Random searches that a mean and a band of 10 to 90 % are taken over, where they are run.
RUNS = 20
_BAND = np.array([0.1, 0.9])


def best_weights(rows: int, queries: int) -> FloatArray:
    """Return probability that the row of rank k (0 the best) is the best of ``queries`` rows, none drawn
    twice.

    P(k) = C(rows - k - 1, queries - 1) / C(rows, queries), by its recurrence.

    Args:
        rows: of the table.
        queries: at most ``rows``.
    """
    ranks = np.arange(rows - 1)
    ratios = np.clip((rows - queries - ranks) / (rows - 1.0 - ranks), 0, None)
    return queries / rows * np.concatenate([[1.0], np.cumprod(ratios)])


def expected_best(labels: FloatArray, values: FloatArray, queries: int) -> float:
    """Return expected value of the row with the highest label among random ones; equal labels share their
    values.

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
    """Return quantiles of the highest label among random rows."""
    weights = best_weights(len(labels), min(queries, len(labels)))
    descending = np.sort(labels)[::-1]
    reached = np.cumsum(weights[::-1])
    places = np.minimum(np.searchsorted(reached, levels), len(labels) - 1)
    return descending[::-1][places]


def course_on_table(labels: FloatArray, tests: FloatArray, queries: int) -> pd.DataFrame:
    """Return random search among the rows of a table: see :func:`run_course` for the columns.

    Args:
        labels: what random search sees, percent, finite.
        tests: what is reported of its choice.
        queries: the budget.
    """
    counts = range(1, queries + 1)
    band = np.array([best_quantiles(labels, count, _BAND) for count in counts]).reshape(-1, len(_BAND))
    return pd.DataFrame(
        {
            "query": counts,
            "mean": [expected_best(labels, labels, count) for count in counts],
            "low": band[:, 0],
            "high": band[:, 1],
            "test": [expected_best(labels, tests, count) for count in counts],
            "run": False,
        }
    )


def run_course(
    space: SearchSpace, evaluator: Evaluator, parameters: SearchParameters, cost_table: pd.DataFrame | None
) -> pd.DataFrame:
    """Return random search under the same evaluator, limits and budget, run ``RUNS`` times.

    Returns:
        a row per query: ``query``, ``mean``, ``low`` and ``high`` (10 and 90 %) of the best label so far,
        ``test`` (mean final accuracy of the last choice, in every row), ``run`` (True).
    """
    bests, finals = [], []
    for number in progress(range(RUNS), "random search, for comparison"):
        changes = {"strategy": "random", "seed": parameters.seed + 1000 * (number + 1)}
        changes |= {"initial": parameters.queries, "batch": parameters.queries, "parallel": 0}
        random = parameters.model_copy(update=changes)
        found = run_search(space, evaluator, random, cost_table=cost_table)
        bests.append(found.history["best_accuracy"].to_numpy(dtype=float))
        finals.append(evaluator.final_accuracy(found.best_architecture))
    length = min(map(len, bests))
    curves = np.array([best[:length] for best in bests])
    low, high = np.quantile(curves, _BAND, axis=0)
    table = {"query": range(1, length + 1), "mean": curves.mean(0), "low": low, "high": high}
    return pd.DataFrame({**table, "test": float(np.mean(finals)), "run": True})
