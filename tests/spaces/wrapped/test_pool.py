import numpy as np
import pytest
from tests.search.toy import ToySpace

from contrastive_nas.errors import InputError
from contrastive_nas.spaces.wrapped.pool import Pool

MEMBERS = ["0-0-0-0-1", "0-0-0-1-1", "3-3-3-3-3", "3-3-3-3-2", "1-2-3-1-2"]


def test_vectors_stand_for_the_nearest_member():
    pool = Pool(ToySpace(), MEMBERS)
    assert pool.decode([0, 0, 0, 1, 1]) == "0-0-0-1-1"
    assert pool.decode([3, 3, 3, 0, 0]) == "3-3-3-3-3"
    assert all(pool.decode(pool.encode(name)) == name for name in MEMBERS)


def test_nothing_leaves_the_pool():
    pool, rng = Pool(ToySpace(), MEMBERS), np.random.default_rng(0)
    parents = pool.sample(rng, 100)
    mutants = [pool.mutate(name, rng) for name in parents]
    children = [pool.crossover(first, second, rng) for first, second in zip(parents, mutants, strict=True)]
    assert set(parents) == set(mutants) == set(MEMBERS)
    assert set(children) <= set(MEMBERS)
    assert all(first != second for first, second in zip(parents, mutants, strict=True))
    assert list(pool.enumerate()) == MEMBERS
    assert pool.size == 5


def test_mutants_are_mostly_the_nearest():
    pool, rng = Pool(ToySpace(), MEMBERS), np.random.default_rng(0)
    mutants = [pool.mutate("3-3-3-3-3", rng) for _ in range(100)]
    assert mutants.count("3-3-3-3-2") > 50


@pytest.mark.parametrize(
    ("members", "message"), [([], "is empty"), (["0-0-0-0-1"] * 2, "twice"), (["0-0-0-0-0"], "no toy")]
)
def test_bad_pools(members, message):
    with pytest.raises(InputError, match=message):
        Pool(ToySpace(), members)


def test_encoding_what_is_not_a_member():
    with pytest.raises(InputError, match="not in the pool"):
        Pool(ToySpace(), MEMBERS).encode("2-2-2-2-2")
