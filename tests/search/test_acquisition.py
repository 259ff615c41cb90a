import numpy as np
import pytest

from contrastive_nas.search.acquisition import expected_improvement, front_gains, gains
from contrastive_nas.search.front import hypervolume


class Normal:
    """Scores that are names read as numbers, with one deviation for all but whole numbers."""

    def __init__(self, deviation: float) -> None:
        self.deviation = deviation

    def fit(self, architectures, accuracies):
        """Knows all."""

    def scores(self, architectures):
        return np.array([float(name) for name in architectures])

    def probability(self, first, second):
        raise NotImplementedError

    def distribution(self, architectures):
        scores = self.scores(architectures)
        return scores, np.full(len(scores), self.deviation)


def test_expected_improvement_against_sampling():
    draws = np.random.default_rng(0).normal(1.0, 0.5, 400_000)
    for best in (0.2, 1.0, 2.1):
        exact = expected_improvement(np.array([1.0]), np.array([0.5]), best)[0]
        assert exact == pytest.approx(np.maximum(draws - best, 0).mean(), abs=2e-3)


def test_certain_scores_improve_by_their_lead():
    found = expected_improvement(np.array([1.0, 3.0]), np.zeros(2), 2.0)
    assert found.tolist() == [0.0, 1.0]


def test_order_holds_where_improvements_vanish():
    found = gains(Normal(0.01), ["-3", "-1", "-2"], ["5"])
    assert np.argsort(found).tolist() == [0, 2, 1]


def test_uncertainty_is_worth_something():
    class Unequal(Normal):
        def distribution(self, architectures):
            return self.scores(architectures), np.array([0.1, 2.0])

    low, high = gains(Unequal(0), ["1.0", "0.9"], ["2"])
    assert high > low


def test_front_gain_is_the_growth_of_the_hypervolume():
    labelled, costs = ["10", "20", "30"], np.array([[1.0], [4.0], [7.0]])
    candidates, candidate_costs = (
        ["15", "25", "40", "35", "12"],
        np.array([[1.0], [5.0], [7.0], [2.0], [8.0]]),
    )
    reference = np.array([10.0])
    found = front_gains(Normal(0), candidates, candidate_costs, labelled, costs, reference)
    before = hypervolume(np.array([10.0, 20, 30]), costs, reference)
    for name, cost, gain in zip(candidates, candidate_costs, found, strict=True):
        after = hypervolume(np.array([10.0, 20, 30, float(name)]), np.vstack([costs, cost]), reference)
        # Budgets run from the cheapest cost, 1, to 10; scores are hundredths of the hypervolume's axis.
        assert gain * 0.9 / 100 == pytest.approx(after - before, abs=2e-3)
