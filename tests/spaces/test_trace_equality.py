"""Template graphs are the traced graphs: node for node and edge for edge in canonical form."""

import numpy as np
import pytest
import torch

from contrastive_nas.graphs import canonical_batch, trace
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.spaces import list_spaces, load_space

# Networks of equal cells are traced with fewer of them where tests have to be fast.
SMALLER = {
    "nasbench101": {"cells": 1},
    "nasbench201": {"cells": 1},
    "darts": {"layers": 3},
}


def assert_traces_equal_templates(name: str, count: int, seed: int, **options) -> None:
    space = load_space(name, **options)
    architectures = space.sample(np.random.default_rng(seed), count)
    traced = []
    for architecture in architectures:
        with torch.device("meta"):
            module = space.build(architecture).eval()
        traced.append(trace(module, space.image_shape(architecture)))
    expected = canonical_batch(GraphBatch.from_graphs(traced))
    found = canonical_batch(space.graphs(architectures))
    for architecture, one, other in zip(architectures, found, expected, strict=True):
        np.testing.assert_array_equal(one.features, other.features, err_msg=architecture)
        np.testing.assert_array_equal(one.edges, other.edges, err_msg=architecture)


@pytest.mark.parametrize("name", list_spaces())
def test_ten_architectures(name):
    assert_traces_equal_templates(name, 10, seed=1, **SMALLER.get(name, {}))


# Five minutes each; ten networks of them are traced above.
LARGEST = ("resnet50", "darts")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.very_slow] * (name in LARGEST)) for name in list_spaces()],
)
def test_two_hundred_architectures(name):
    assert_traces_equal_templates(name, 200, seed=2, **SMALLER.get(name, {}))


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLER)
def test_ten_architectures_of_full_size(name):
    assert_traces_equal_templates(name, 10, seed=4)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mobilenet_v3", {"width": 1.2}),
        ("proxyless", {"width": 1.0}),
        (
            "darts",
            {"channels": 8, "layers": 4, "input_shape": (3, 64, 64), "stem": "imagenet"},
        ),
        ("resnet50", {"resolutions": [131]}),
    ],
)
def test_with_other_options(name, options):
    assert_traces_equal_templates(name, 1, seed=3, **options)
