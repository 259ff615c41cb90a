"""Random search in closed form against simulation and enumeration."""

from itertools import combinations

import numpy as np
import pytest

from contrastive_nas.search.random_baseline import best_quantiles, best_weights, expected_best


@pytest.mark.parametrize(("rows", "queries"), [(1, 1), (7, 1), (7, 3), (7, 7)])
def test_weights_count_subsets(rows: int, queries: int) -> None:
    best = [min(drawn) for drawn in combinations(range(rows), queries)]
    counted = np.bincount(best, minlength=rows) / len(best)
    np.testing.assert_allclose(best_weights(rows, queries), counted, atol=1e-12)


def test_expected_value_is_the_mean_over_all_subsets() -> None:
    labels = np.array([5.0, 9.0, 7.0, 9.0, 1.0])
    values = np.array([1.0, 2.0, 3.0, 6.0, 5.0])
    means = []
    for drawn in combinations(range(5), 2):
        best = max(labels[list(drawn)])
        means.append(np.mean([values[row] for row in drawn if labels[row] == best]))
    assert expected_best(labels, values, 2) == pytest.approx(np.mean(means))


def test_quantiles_agree_with_simulation() -> None:
    rng = np.random.default_rng(0)
    labels = rng.normal(size=200)
    drawn = [labels[rng.choice(200, 20, replace=False)].max() for _ in range(4000)]
    found = best_quantiles(labels, 20, np.array([0.1, 0.5, 0.9]))
    np.testing.assert_allclose(found, np.quantile(drawn, [0.1, 0.5, 0.9]), atol=0.08)


def test_more_queries_than_rows_find_the_best() -> None:
    labels = np.array([1.0, 3.0, 2.0])
    assert expected_best(labels, labels, 10) == 3.0
