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
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from contrastive_nas.graphs import ComputationGraph, GraphBatch, function_hash, sharing_key, trace
from contrastive_nas.graphs.canonical_form.mixing import argument_weights
from contrastive_nas.graphs.canonical_form.order import _distinct_colours, _sort_keys, _Sweep
from contrastive_nas.graphs.canonical_form.rewrites import simplify
from contrastive_nas.graphs.costs import multiply_accumulates, parameters
from contrastive_nas.graphs.schema import FEATURES

IMAGES = torch.randn(4, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
_TAG = FEATURES["in_shape"].start


def outputs(module: nn.Module, *, with_dropout: bool) -> Tensor:
    """What a network gives in training mode and then, its norms having learnt, in evaluation mode."""
    module = copy.deepcopy(module).double()
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
    tagged = graph.features.copy()
    tagged[:, _TAG] = np.arange(len(graph)) + 1
    # Rewrites do not look at shapes of inputs, so that nodes can be known again by them.
    kept = simplify(GraphBatch.from_graphs([ComputationGraph(tagged, graph.edges, graph.attributes)]))
    places = kept.features[:, _TAG] - 1
    plain = simplify(GraphBatch.from_graphs([graph]))
    weights = argument_weights(plain)
    depth = _Sweep.along(plain, weights).depths()
    order = np.argsort(_sort_keys(plain, depth, _distinct_colours(plain, weights)))
    number = {int(place): layer for place, layer in zip(weighted, module.called, strict=True)}
    return [number[int(place)] for place in places[order] if int(place) in number]


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
        graph = trace(module, SHAPE)
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
        if not torch.allclose(*pair, rtol=1e-6, atol=1e-9, equal_nan=True):
            raise AssertionError(f"seed {seed}: {steps} and {same.steps} share a hash, but not outputs")
        counts["same, compared on numbers"] += 1
    return counts


def test_pairs_of_networks():
    counts = check_pairs(range(40))
    assert counts["different"] > 30
    assert counts["same, other hash"] <= 1
    assert counts["same, compared on numbers"] > 30


@pytest.mark.very_slow
@pytest.mark.timeout(4 * 3600)
@pytest.mark.slow
def test_five_thousand_pairs_of_networks():
    counts = check_pairs(range(2_600))
    assert counts["different"] + counts["same"] >= 5_000
    assert counts["same, other hash"] <= 0.01 * counts["same"]
    assert counts["same, compared on numbers"] >= 1_000


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
