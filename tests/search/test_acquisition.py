import numpy as np
import pytest

from contrastive_nas.ranking.base import Posterior
from contrastive_nas.search.acquisition import bought_together, expected_improvement, front_gains, gains
from contrastive_nas.search.front import hypervolume


class Normal:
    """Scores that are names read as numbers, with one deviation for all but whole numbers."""

    def __init__(self, deviation: float) -> None:
        self.deviation = deviation

    exploration = 1.0

    @property
    def has_uncertainty(self):
        return self.deviation > 0

    def covariance(self, architectures):
        return None

    def scores(self, architectures):
        return np.array([float(name) for name in architectures])

    def posterior(self, architectures):
        scores = self.scores(architectures)
        return Posterior(scores, np.full(len(scores), self.deviation))


def test_expected_improvement_against_sampling():
    draws = np.random.default_rng(0).normal(1.0, 0.5, 400_000)
    for best in (0.2, 1.0, 2.1):
        exact = expected_improvement(np.array([1.0]), np.array([0.5]), best)[0]
        assert exact == pytest.approx(np.maximum(draws - best, 0).mean(), abs=2e-3)


def test_certain_scores_improve_by_their_lead():
    found = expected_improvement(np.array([1.0, 3.0]), np.zeros(2), 2.0)
    assert found.tolist() == [0.0, 1.0]


def test_order_holds_where_improvements_vanish():
    found = gains(Normal(0.01), ["-3", "-1", "-2"], 5)
    assert np.argsort(found).tolist() == [0, 2, 1]


def test_uncertainty_is_worth_something():
    class Unequal(Normal):
        def posterior(self, architectures):
            return Posterior(self.scores(architectures), np.array([0.1, 2.0]))

    low, high = gains(Unequal(1), ["1.0", "0.9"], 2)
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


def test_what_is_bought_together_is_as_if_the_means_had_been_labels():
    rng = np.random.default_rng(0)
    names = [f"{score:.3f}" for score in rng.normal(size=30)]
    root = rng.normal(size=(30, 8))
    covariance = root @ root.T + 0.1 * np.eye(30)

    class Joint(Normal):
        def covariance(self, architectures):
            rows = [names.index(name) for name in architectures]
            return covariance[np.ix_(rows, rows)]

    means, best, wanted = np.array([float(name) for name in names]), 0.5, []
    for _ in range(6):
        known = covariance[np.ix_(wanted, wanted)]
        cross = covariance[:, wanted]
        left = covariance.diagonal() - (cross @ np.linalg.inv(known) * cross).sum(1)
        left[wanted] = 0
        improvement = expected_improvement(means, np.sqrt(left), max([best, *means[wanted]]))
        improvement[wanted] = -1
        wanted.append(int(improvement.argmax()))
    assert bought_together(Joint(1.0), names, 0.5, 6) == wanted


def test_of_twins_one_is_bought():
    class Twins(Normal):
        def covariance(self, architectures):
            return np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])

    assert bought_together(Twins(1.0), ["2.0", "1.9", "1.0"], 0, 2) == [0, 2]


def test_less_is_explored_where_the_ranker_says_so():
    class Careful(Normal):
        exploration = 0.1

    candidates = ["0.0", "1.0"]
    for kind in (Normal, Careful):
        found = gains(kind(5.0), candidates, 2.0)
        assert found[1] > found[0]

    # What is bought together without labels is explored in full: the second is no copy of the first.
    class Joint(Careful):
        def covariance(self, architectures):
            return np.array([[1.0, 0.99, 0.0], [0.99, 1.0, 0.0], [0.0, 0.0, 1.0]])

    assert bought_together(Joint(1.0), ["2.0", "1.95", "1.5"], None, 2) == [0, 2]
    assert bought_together(Joint(1.0), ["2.0", "1.95", "1.5"], 0, 2) == [0, 1]


def test_a_ranker_that_does_not_know_how_errors_go_together_has_its_best_bought():
    assert bought_together(Normal(1.0), ["1", "3", "2"], 0, 2) == [1, 2]
    assert bought_together(Normal(0.0), ["1", "3", "2"], None, 2) == [1, 2]
