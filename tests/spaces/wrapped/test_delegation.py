"""A wrapped space hands on whatever a space may have of its own."""

import copy
import inspect

import numpy as np
import pandas as pd
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import SearchSpace, load_space
from contrastive_nas.spaces.costs import Costs
from contrastive_nas.spaces.wrapped.base import WrappedSpace
from contrastive_nas.spaces.wrapped.limited import LimitedSpace
from contrastive_nas.spaces.wrapped.pool import Pool


def test_every_method_that_a_space_may_override_is_handed_on():
    public = {name for name, _ in inspect.getmembers(SearchSpace) if not name.startswith("_")}
    # Its identity is its own: that of the space is among its options.
    assert public - set(vars(WrappedSpace)) == {"identity"}


def test_identity_says_what_is_wrapped_and_how():
    space = load_space("nasbench201")
    members = space.sample(np.random.default_rng(0), 40)
    identities = [
        made.identity
        for made in (
            space,
            load_space("nasbench201", channels=32),
            Pool(space, members),
            Pool(space, members[1:]),
            Pool(load_space("nasbench201", channels=32), members),
        )
    ]
    assert len({str(identity) for identity in identities}) == 5
    assert Pool(load_space("nasbench201", channels=16), members).identity == identities[2]
    assert copy.deepcopy(space).identity == identities[0]


@pytest.mark.parametrize("wrap", ["pool", "limited"])
def test_images_keep_the_size_that_the_architecture_says(wrap):
    """Pooled networks of 180 pixels were trained on images of 224."""
    space = load_space("mobilenet_v3", resolutions=[180, 224])
    members = space.sample(np.random.default_rng(0), 20)
    if wrap == "pool":
        wrapped = Pool(space, members)
    else:
        wrapped = LimitedSpace(space, Costs(space, ["macs"]), [np.inf])
    sides = {wrapped.image_shape(name)[1] for name in members}
    assert sides == {180, 224}
    assert all(wrapped.image_shape(name) == space.image_shape(name) for name in members)


def test_other_spellings_are_read_through_a_wrapper():
    space = load_space("transnas_macro")
    pool = Pool(space, ["1234", "4321"])
    assert pool.read("64-1234-basic") == "1234"
    with pytest.raises(InputError, match="not in the pool"):
        pool.read("64-1324-basic")


def test_what_is_beyond_the_limits_is_no_architecture_of_a_limited_space():
    space = load_space("transnas_macro")
    table = pd.DataFrame({"architecture": ["1234", "4321"], "latency": [1.0, 3.0]})
    limited = LimitedSpace(Pool(space, ["1234", "4321"]), Costs(space, ["latency"], table), [2.0])
    limited.validate("1234")
    for refused in (limited.validate, limited.read):
        with pytest.raises(InputError, match="transnas_macro: '4321' exceeds the limits: latency 3 above 2"):
            refused("4321")


def test_a_wrapped_space_names_itself():
    pool = Pool(load_space("transnas_macro"), ["1234", "4321"])
    assert repr(pool) == (
        "Pool(<space transnas_macro: 3,256 architectures, 7 choices, images of 3x256x256>, 2 architectures)"
    )
