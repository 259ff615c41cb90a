"""Intervals of ranks beside the exact distribution of orders."""

from itertools import permutations

import numpy as np
import pytest

from contrastive_nas.ranking.scoring import rank_intervals


def exact_probabilities(logits: list[float]) -> np.ndarray:
    """Of every network's ranks, by all orders: each next one is drawn with weight exp(logit)."""
    found = np.zeros((len(logits), len(logits)))
    weights = np.exp(logits)
    for order in permutations(range(len(logits))):
        left, probability = weights.sum(), 1.0
        for network in order:
            probability *= weights[network] / left
            left -= weights[network]
        for rank, network in enumerate(order):
            found[network, rank] += probability
    return found


@pytest.mark.parametrize("logits", [[0.0, 0.0, 0.0, 0.0, 0.0], [3.0, 1.0, 0.4, -1.0, -4.0], [5.0, 4.6, -5.0]])
def test_bounds_are_quantiles_of_all_orders(logits: list[float]) -> None:
    low, high = rank_intervals(np.array(logits), seed=0)
    at_most = exact_probabilities(logits).cumsum(axis=1)
    for network in range(len(logits)):
        before = np.concatenate([[0], at_most[network]])
        # The bound's own rank takes the distribution over the quantile; .03 is what 1,000 orders may miss.
        assert before[low[network] - 1] - 0.03 <= 0.05 <= before[low[network]] + 0.03
        assert before[high[network] - 1] - 0.03 <= 0.95 <= before[high[network]] + 0.03


def test_who_surely_wins_has_one_rank() -> None:
    low, high = rank_intervals(np.array([0.0, 80.0, -80.0]), seed=3)
    assert low.tolist() == high.tolist() == [2, 1, 3]


def test_one_seed_gives_one_answer() -> None:
    logits = np.random.default_rng(0).normal(size=300)
    first, again = rank_intervals(logits, seed=5), rank_intervals(logits, seed=5)
    assert np.array_equal(first, again)
    assert (first[0] <= first[1]).all()
    assert first[0].min() >= 1
    assert first[1].max() <= 300
