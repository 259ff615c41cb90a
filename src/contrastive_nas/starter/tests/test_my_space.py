"""The space keeps what a search relies on."""

import numpy as np
import pytest
from my_space import MySpace

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import function_hash, trace


def test_graphs_are_those_of_the_networks() -> None:
    space = MySpace()
    for architecture in space.sample(np.random.default_rng(0), 5):
        assert space.decode(space.encode(architecture)) == architecture
        traced = trace(space.build(architecture).eval(), space.input_shape)
        assert function_hash(space.graph(architecture)) == function_hash(traced)


def test_another_string_is_refused() -> None:
    with pytest.raises(InputError, match="7x16"):
        MySpace().build("3x16-7x16")
