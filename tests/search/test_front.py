import numpy as np
import pytest

from contrastive_nas.search.front import hypervolume, pareto_front


def points(dimensions: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 100, 30).round(-1), rng.integers(0, 12, (30, dimensions)).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_front_against_its_definition(seed):
    accuracies, costs = points(2, seed)
    front = pareto_front(accuracies, costs)
    rows = [(-accuracy, *cost) for accuracy, cost in zip(accuracies, costs, strict=True)]
    distinct = {row for row in rows if not any(all(np.less_equal(r, row)) and r != row for r in rows)}
    assert {rows[index] for index in np.flatnonzero(front)} == distinct
    assert front.sum() == len(distinct)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_hypervolume_against_sampling(dimensions):
    accuracies, costs = points(dimensions, 7)
    reference = np.full(dimensions, 10.0)
    rng = np.random.default_rng(0)
    probes = rng.uniform(size=(40_000, dimensions + 1)) * [100, *reference]
    reached = (accuracies[None] >= probes[:, :1]) & (costs[None] <= probes[:, None, 1:]).all(axis=2)
    assert hypervolume(accuracies, costs, reference) == pytest.approx(reached.any(axis=1).mean(), abs=0.01)


def test_failures_and_points_beyond_the_reference_count_for_nothing():
    accuracies, costs = np.array([50.0, np.nan, 99.0]), np.array([[1.0], [0.0], [3.0]])
    assert pareto_front(accuracies, costs).tolist() == [True, False, True]
    assert hypervolume(accuracies, costs, np.array([2.0])) == pytest.approx(0.25)
    assert hypervolume(accuracies[1:2], costs[1:2], np.array([2.0])) == 0
