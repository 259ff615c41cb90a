import math
from dataclasses import dataclass

import pytest

from contrastive_nas.search.budget import Budget


@dataclass
class Paid:
    cost: float = 1.0
    seconds: float = 0.0


def test_queries_count_alike_whatever_they_cost():
    budget = Budget(3)
    assert budget.spent([Paid(0.06), Paid(1.0)]) == 2
    assert budget.covers([Paid(0.06)], [1.0, 1.0])
    assert not budget.covers([Paid(0.06)], [0.06] * 3)
    assert budget.queries_left([Paid()], cheapest=0.06) == 2


def test_trainings_count_their_parts_and_sums_of_tenths_are_no_trap():
    budget = Budget(1.2, "trainings")
    paid = [Paid(0.1)] * 3
    assert math.isclose(budget.spent(paid), 0.3)
    assert budget.covers(paid, [0.3] * 3)
    assert not budget.covers(paid, [0.3] * 3 + [0.01])
    assert budget.queries_left(paid, cheapest=0.3) == 3


def test_hours_allow_one_more_training_until_they_are_spent():
    budget = Budget(1, "hours")
    assert budget.queries_left([], cheapest=0.1) == 1
    half = [Paid(1.0, seconds=1800)]
    assert budget.covers(half, [1.0] * 9)
    assert budget.queries_left(half, cheapest=0.25) == 4
    assert not budget.covers([Paid(1.0, seconds=3600)], [])
    assert budget.queries_left([Paid(1.0, seconds=3601)], cheapest=0.1) == 0


@pytest.mark.parametrize(("unit", "left"), [("queries", "3 of 5"), ("trainings", "3 of 5 trainings")])
def test_it_says_what_is_left(unit, left):
    assert Budget(5, unit).left(2) == left
