"""Random pairs of networks: of one hash where they are one function, and only there."""

import copy
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.graphs.drawn_networks import SHAPE, Drawn, Steps, changed, draw, rewritten
from tests.graphs.interpreter import Interpreter
from tests.graphs.recorded import DIGESTS, Recorded, canonical_places, record
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from contrastive_nas.graphs import ComputationGraph, canonical, function_hash, sharing_key, trace
from contrastive_nas.graphs.costs import multiply_accumulates, parameters

# A prime of which no size in the networks is a multiple, as running graphs wants it.
IMAGES = torch.randn(19, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def outputs(module: nn.Module, *, with_dropout: bool) -> Tensor:
    """What a network gives in training mode, its norms new, and then in evaluation mode."""
    module = copy.deepcopy(module).double()
    for one in module.modules():
        if isinstance(one, nn.BatchNorm2d):
            one.reset_running_stats()
    dropouts = [one for one in module.modules() if isinstance(one, nn.Dropout | nn.Dropout2d)]
    module.train()
    for one in dropouts:
        one.train(with_dropout)
    torch.manual_seed(0)
    with torch.no_grad():
        trained = module(IMAGES)
        return torch.cat([trained, module.eval()(IMAGES)])


def build(steps: Steps, seed: int, *, backwards: bool = False) -> Drawn:
    """The network, with weights that differ from those of fresh layers in all places."""
    torch.manual_seed(seed)
    module = Drawn(steps, backwards=backwards)
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.2 * torch.randn(weight.shape))
    return module


def in_canonical_order(module: Drawn, graph: ComputationGraph) -> list[nn.Module]:
    """The layers with weights that the output depends on, as the canonical form numbers their nodes."""
    module.listens, module.called = True, []
    module(torch.zeros(2, *SHAPE))
    module.listens = False
    weighted = np.flatnonzero(graph.weight_shape[:, 0])
    assert len(weighted) == len(module.called)
    number = {int(place): layer for place, layer in zip(weighted, module.called, strict=True)}
    return [number[place] for place in canonical_places(graph) if place in number]


def of_canonical_form(recorded: Recorded, module: nn.Module) -> Tensor:
    """As ``outputs`` without dropout, from the canonical form of the module's graph alone."""
    weights = recorded.weights(copy.deepcopy(module).double(), canonical_places(recorded.graph))
    interpreter = Interpreter(canonical(recorded.graph), weights, DIGESTS)
    with torch.no_grad():
        return torch.cat([interpreter.run(IMAGES, training=True, dropout=False), interpreter.run(IMAGES)])


def differ(one: Drawn, other: Drawn) -> bool:
    """Whether two networks of equal layers give other numbers for the same weights."""
    known = one.state_dict()
    if {key: tensor.shape for key, tensor in known.items()} != {
        key: tensor.shape for key, tensor in other.state_dict().items()
    }:
        return True
    other.load_state_dict(known)
    pair = [outputs(module, with_dropout=True) for module in (one, other)]
    return not torch.allclose(*pair, rtol=1e-6, atol=1e-9, equal_nan=True)


def check_pairs(seeds: range) -> Counter[str]:
    """Draws a network a seed, with one that differs and one that is rewritten; counts what was found."""
    counts: Counter[str] = Counter()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        steps = draw(rng)
        module = build(steps, seed).train(seed % 2 == 0)
        recorded = record(module, SHAPE)
        graph = recorded.graph
        for _ in range(20):
            steps_of_other = changed(steps, rng)
            other = build(steps_of_other, seed).train(seed % 2 == 0)
            if differ(module, other):
                break
        else:
            counts["no change that shows"] += 1
            continue
        counts["different"] += 1
        found = trace(other, SHAPE)
        if function_hash(found) == function_hash(graph):
            if sharing_key(found, 0) == sharing_key(graph, 1):
                raise AssertionError(f"seed {seed}: {steps} and {steps_of_other} share a hash")
            counts["different, one hash, incomplete"] += 1
        counts["same"] += 1
        same = build(rewritten(steps, rng), seed + 1, backwards=bool(rng.random() < 0.5)).train(seed % 2 == 0)
        graph_of_same = trace(same, SHAPE)
        if function_hash(graph_of_same) != function_hash(graph):
            counts["same, other hash"] += 1
            continue
        ours, theirs = in_canonical_order(module, graph), in_canonical_order(same, graph_of_same)
        for layer, twin in zip(ours, theirs, strict=True):
            twin.load_state_dict(layer.state_dict())
        pair = [outputs(one, with_dropout=False) for one in (module, same)]
        if graph.complete:
            # One graph, and so one list of weights in its order, for both networks.
            pair.append(of_canonical_form(recorded, module))
            counts["same, compared with their graph"] += 1
        if not all(torch.allclose(pair[0], one, rtol=1e-6, atol=1e-9, equal_nan=True) for one in pair[1:]):
            raise AssertionError(f"seed {seed}: {steps} and {same.steps} share a hash, but not outputs")
        counts["same, compared on numbers"] += 1
    return counts


def test_pairs_of_networks():
    counts = check_pairs(range(40))
    assert counts["different"] > 30
    assert counts["same, other hash"] <= 1
    assert counts["same, compared on numbers"] > 30
    assert counts["same, compared with their graph"] > 10


@pytest.mark.very_slow
@pytest.mark.timeout(4 * 3600)
@pytest.mark.slow
def test_five_thousand_pairs_of_networks():
    counts = check_pairs(range(2_600))
    assert counts["different"] + counts["same"] >= 5_000
    assert counts["same, other hash"] <= 0.01 * counts["same"]
    assert counts["same, compared on numbers"] >= 1_000
    assert counts["same, compared with their graph"] >= 600


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 1 << 32))
def test_costs_of_random_networks(seed: int):
    module = build(draw(np.random.default_rng(seed)), 0).eval()
    graph = trace(module, SHAPE)
    used = {id(one): one for one in _used(module)}
    assert parameters(graph.features).sum() == sum(
        weight.numel() for one in used.values() for weight in one.parameters()
    )
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        module(torch.zeros(1, *SHAPE))
    assert multiply_accumulates(graph.features).sum() * 2 == counter.get_total_flops()


def _used(module: Drawn) -> list[Any]:
    module.listens, module.called = True, []
    module(torch.zeros(2, *SHAPE))
    module.listens = False
    return module.called
