"""Graphs hold what their networks do: run as they stand, in either form, they give the modules' numbers."""

import copy
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.graphs.digested import NotHeldError
from tests.graphs.drawn_networks import SHAPE, Drawn, draw
from tests.graphs.interpreter import Interpreter
from tests.graphs.recorded import DIGESTS, canonical_places, record
from tests.graphs.test_pairs import build
from tests.graphs.tracing.random_modules import SIZE, random_module
from torch import Tensor, nn

from contrastive_nas.graphs import ComputationGraph, canonical

# A prime of which no size in the networks is a multiple, so that the batch is known among the sizes.
_IMAGES = 19


def images(shape: Sequence[int]) -> Tensor:
    return torch.randn(_IMAGES, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def of_module(module: nn.Module, x: Tensor, *, dropout: bool) -> Tensor:
    """What a module gives in training mode and then, its norms having learnt, in evaluation mode."""
    module = copy.deepcopy(module).train()
    for one in module.modules():
        if isinstance(one, nn.Dropout | nn.Dropout2d):
            one.train(dropout)
    torch.manual_seed(0)
    with torch.no_grad():
        trained = module(x)
        return torch.cat([trained, module.eval()(x)])


def of_graph(
    graph: ComputationGraph, weights: dict[int, list[Tensor]], x: Tensor, *, dropout: bool
) -> Tensor:
    """What a graph gives in the two modes."""
    interpreter = Interpreter(graph, weights, DIGESTS)
    torch.manual_seed(0)
    with torch.no_grad():
        trained = interpreter.run(x, training=True, dropout=dropout)
        return torch.cat([trained, interpreter.run(x)])


def assert_close(found: Tensor, expected: Tensor, what: str) -> None:
    """Equal but for rounding, which grows with the largest numbers that were added."""
    assert torch.isfinite(expected).all(), what
    atol = 1e-9 * float(expected.abs().max())
    assert torch.allclose(found.reshape(expected.shape), expected, rtol=1e-6, atol=atol), what


def check(module: nn.Module, shape: Sequence[int], what: str) -> None:
    """The graph, and its canonical form, give what the module gives; dropout drops the same in the first one.

    The canonical form has another order of nodes, and so other numbers that are dropped.
    """
    recorded, x = record(module, shape), images(shape)
    module = copy.deepcopy(module).double()
    found = of_graph(recorded.graph, recorded.weights(module), x, dropout=True)
    assert_close(found, of_module(module, x, dropout=True), f"{what}: the graph gives other numbers")
    weights = recorded.weights(module, canonical_places(recorded.graph))
    found = of_graph(canonical(recorded.graph), weights, x, dropout=False)
    assert_close(
        found, of_module(module, x, dropout=False), f"{what}: the canonical form gives other numbers"
    )


def check_drawn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = draw(rng, without=("outside the vocabulary",))
    module = build(steps, seed)
    # Where dropout is in a network that is not in training mode is not held.
    drops = any(isinstance(one, nn.Dropout | nn.Dropout2d) for one in module.modules())
    check(module.train(drops or seed % 2 == 0), SHAPE, f"seed {seed}: {steps}")


def check_random(seed: int) -> None:
    module = random_module(seed)
    torch.manual_seed(seed)
    for weight in module.parameters():
        # Of either sign, and so small that products over many layers stay finite.
        nn.init.normal_(weight, 0.1, 0.4)
    check(module, (3, SIZE, SIZE), f"seed {seed}")


@settings(max_examples=6, deadline=None, derandomize=True)
@given(st.integers(0, 1 << 32))
def test_graphs_of_drawn_networks_give_their_numbers(seed: int) -> None:
    check_drawn(seed)


@pytest.mark.parametrize("seed", range(8))
def test_graphs_of_random_modules_give_their_numbers(seed: int) -> None:
    check_random(seed)


@pytest.mark.very_slow
@pytest.mark.timeout(4 * 3600)
@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 2000, 100))
def test_thousands_of_graphs_give_the_numbers_of_their_networks(first: int) -> None:
    for seed in range(first, first + 100):
        check_drawn(seed)
        check_random(seed)


@pytest.mark.parametrize("kind", ["dropout", "outside the vocabulary"])
def test_what_a_graph_does_not_hold_is_not_run(kind: str) -> None:
    recorded = record(Drawn([(kind, 0.5 if kind == "dropout" else 1)]).eval(), SHAPE)
    with pytest.raises(NotHeldError, match="does not hold everything"):
        Interpreter(recorded.graph, {}, DIGESTS)
