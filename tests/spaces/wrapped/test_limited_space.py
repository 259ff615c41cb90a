import numpy as np
import pandas as pd
import pytest
from tests.search.toy import ToySpace

from contrastive_nas.errors import InputError
from contrastive_nas.spaces.costs import Costs
from contrastive_nas.spaces.wrapped.limited import LimitedSpace

SPACE = ToySpace()


def digit_sum(name: str) -> float:
    return float(sum(map(int, name.split("-"))))


def limited(limit: float) -> LimitedSpace:
    names = list(SPACE.enumerate())
    table = pd.DataFrame({"architecture": names, "latency": [digit_sum(name) for name in names]})
    return LimitedSpace(SPACE, Costs(SPACE, ["latency"], table), [limit])


@pytest.mark.parametrize("limit", [2, 5, 14])
def test_everything_it_gives_is_feasible(limit):
    space, rng = limited(limit), np.random.default_rng(0)
    sampled = space.sample(rng, 200)
    mutants = [space.mutate(name, rng) for name in sampled]
    children = [space.crossover(first, second, rng) for first, second in zip(sampled, mutants, strict=True)]
    assert len(sampled) == 200
    assert max(map(digit_sum, sampled + mutants + children)) <= limit
    assert all(first != second for first, second in zip(sampled, mutants, strict=True))


def test_enumerate_is_exactly_the_feasible_part():
    assert list(limited(5).enumerate()) == [name for name in SPACE.enumerate() if digit_sum(name) <= 5]


def test_sampling_reaches_all_of_a_small_feasible_part():
    space = limited(2)
    assert set(space.sample(np.random.default_rng(0), 2000)) == set(space.enumerate())


def test_sampling_learns_where_the_feasible_part_is():
    space, rng = limited(2), np.random.default_rng(0)
    drawn = space.decode_many(space._draw(rng, 1000))
    uniform = space.decode_many(rng.integers(0, 4, (1000, 5)).tolist())
    assert sum(name is not None for name in drawn) > 10 * sum(name is not None for name in uniform)


def test_easy_limits_leave_sampling_uniform():
    assert all(np.allclose(weights, 0.25) for weights in limited(14)._probabilities)


def test_decode_tells_what_is_outside():
    assert limited(5).decode([1, 1, 1, 1, 1]) == "1-1-1-1-1"
    assert limited(4).decode([1, 1, 1, 1, 1]) is None
    assert limited(4).decode([1, 1, 1, 0, 0]) is None


def test_empty_feasible_set():
    with pytest.raises(InputError, match=r"of toy was found within latency <= 0.5 \(least found 1\)"):
        limited(0.5)


def test_architectures_without_a_measurement_are_infeasible():
    table = pd.DataFrame({"architecture": ["1-0-0-1-0", "0-0-0-0-1"], "latency": [1.0, np.nan]})
    space = LimitedSpace(SPACE, Costs(SPACE, ["latency"], table), [2.0])
    assert set(space.enumerate()) == {"1-0-0-1-0"}


def test_unknown_cost():
    with pytest.raises(InputError, match="cost 'watts' is unknown: choose from macs, parameters"):
        Costs(SPACE, ["watts"])
