"""What a graph holds beyond the features of its nodes, and what it says it does not hold."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from contrastive_nas.graphs import (
    ComputationGraph,
    GraphBatch,
    GraphBuilder,
    Operation,
    canonical,
    function_hash,
    sharing_key,
    sharing_keys,
    trace,
)

SHAPE = (8, 6, 6)


class Call(nn.Module):
    """A function of a tensor, with whatever modules and tensors it needs."""

    def __init__(self, call: Callable[..., Tensor], **parts: Any) -> None:
        super().__init__()
        self.call = call
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self, x)


def of(call: Callable[[Tensor], Tensor]) -> Call:
    return Call(lambda _, x: call(x))


def recurrent(kind: type[nn.RNNBase], **options: Any) -> Call:
    layer = kind(36, 4, **{"batch_first": True, **options})
    return Call(lambda s, x: s.layer(x.flatten(2))[0], layer=layer)


def _computed(weight: Callable[[Any], Tensor], width: int) -> Call:
    """A convolution with weights computed from two parameters."""
    parts = {"a": nn.Parameter(torch.ones(8, 8, 3, 3)), "b": nn.Parameter(torch.ones(8, width, 3, 3))}
    return Call(lambda s, x: functional.conv2d(x, weight(s)), **parts)


def _norms_of_equal_weights(kind: type[nn.Module], repeated: int) -> Call:
    """A norm and behind it the same one or another one, which has its weights but statistics of its own."""
    norms = nn.ModuleList(kind(8, affine=True, track_running_stats=True) for _ in range(2))
    norms[1].weight, norms[1].bias = norms[0].weight, norms[0].bias
    return Call(lambda s, x: s.norms[repeated]((s.norms[0](x) + 0.3).exp()), norms=norms)


def _dropped_twice(x: Tensor, first: Tensor, second: Tensor, which: int) -> Tensor:
    return x * first - x.exp() * (first, second)[which]


def _noised_twice(x: Tensor, first: Tensor, second: Tensor, which: int) -> Tensor:
    return (x + first) / (x.exp() + (first, second)[which])


# Networks of which no two are one function, though their nodes have equal features.
FAMILIES = {
    "slope": [nn.LeakyReLU(slope) for slope in (0.01, 1.0, -1.0)],
    "alpha of ELU": [nn.ELU(), nn.ELU(2.0), nn.CELU(2.0)],
    "GELU": [nn.GELU(), nn.GELU(approximate="tanh")],
    "softplus": [nn.Softplus(), nn.Softplus(beta=2), nn.Softplus(threshold=1)],
    "axis of softmax": [nn.Softmax(1), nn.Softmax(2), nn.Softmax(3)],
    "bounds": [nn.Hardtanh(-2, 2), nn.Hardtanh(-2, 3), nn.Hardtanh(0, 3)],
    "dropout": [nn.Dropout(0.1), nn.Dropout(0.9), nn.Dropout(0), nn.Dropout2d(0.1), nn.AlphaDropout(0.1)],
    "batch norm": [nn.BatchNorm2d(8), nn.BatchNorm2d(8, eps=0.1), nn.BatchNorm2d(8, momentum=0.5)],
    "running statistics": [nn.BatchNorm2d(8), nn.BatchNorm2d(8, track_running_stats=False)],
    "layer norm": [nn.LayerNorm(6), nn.LayerNorm(6, eps=0.1)],
    "group norm": [nn.GroupNorm(2, 8), nn.GroupNorm(2, 8, eps=0.1), nn.GroupNorm(4, 8)],
    "padding mode": [
        nn.Conv2d(8, 8, 3, padding=1, padding_mode=mode)
        for mode in ("zeros", "reflect", "replicate", "circular")
    ],
    "values of padding": [nn.ConstantPad2d(1, value) for value in (0.0, 1.0)],
    "amounts of padding": [
        nn.ZeroPad2d((2, 0, 0, 0)),
        nn.ZeroPad2d((0, 2, 0, 0)),
        nn.ZeroPad2d((1, 1, 0, 0)),
    ],
    "padding of strided windows": [nn.MaxPool2d(2, 4, padding) for padding in (0, 1)],
    "average of padding": [nn.AvgPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1, count_include_pad=False)],
    "divisor": [nn.AvgPool2d(2, divisor_override=divisor) for divisor in (None, 1, 2)],
    "overhanging windows": [nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(3, 2, ceil_mode=True)],
    "kind of reduction": [
        of(lambda x, k=k: getattr(x, k)(1)) for k in ("sum", "mean", "amax", "amin", "std")
    ],
    "axis of reduction": [of(lambda x, k=k: x.sum(k, keepdim=True).expand(-1, 8, 6, 6)) for k in (2, 3)],
    "factor": [of(lambda x, k=k: x * k) for k in (2.0, 1000.0, -1.0)],
    "summand": [of(lambda x, k=k: x + k) for k in (2.0, 1000.0, -1.0)],
    "exponent": [of(lambda x, k=k: x.abs() ** k) for k in (3.0, 0.5)],
    "base": [of(lambda x: 3.0**x), of(lambda x: x**3.0)],
    "factor of a summand": [of(lambda x, k=k: torch.add(x.relu(), x, alpha=k)) for k in (1, 2, -1)],
    "number that is chosen": [of(lambda x, k=k: torch.where(x > k, x, 1.0)) for k in (0.0, 0.5)],
    "groups of a shuffle": [nn.ChannelShuffle(2), nn.ChannelShuffle(4)],
    "shuffle by hand": [
        of(lambda x, g=g: x.view(-1, g, 8 // g, 6, 6).transpose(1, 2).reshape(-1, 8, 6, 6)) for g in (2, 4)
    ],
    "order of dimensions": [of(lambda x, k=k: x.transpose(*k)) for k in ((2, 3), (1, 1))],
    "part": [of(lambda x, k=k: x[:, k : k + 4]) for k in (0, 2, 4)],
    "step": [of(lambda x: x[:, :4]), of(lambda x: x[:, ::2])],
    "channel": [of(lambda x, k=k: x[:, k]) for k in (0, 3)],
    "split": [of(lambda x: x.chunk(2, 1)[0]), of(lambda x: x.chunk(2, 1)[1])],
    "halves of a gate": [
        of(lambda x: functional.glu(x, 1)),
        of(lambda x: x.chunk(2, 1)[0].sigmoid() * x.chunk(2, 1)[1]),
    ],
    "roll": [of(lambda x, k=k: x.roll(k, 2)) for k in (1, 2)],
    "upsampling": [nn.Upsample(scale_factor=2, mode=mode) for mode in ("nearest", "bilinear", "bicubic")],
    "corners": [
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=corners) for corners in (True, False)
    ],
    "local response": [
        nn.LocalResponseNorm(3),
        nn.LocalResponseNorm(3, alpha=0.1),
        nn.LocalResponseNorm(3, k=2.0),
    ],
    "causal attention": [
        of(lambda x, k=k: functional.scaled_dot_product_attention(x, x, x, is_causal=k))
        for k in (False, True)
    ],
    "scale of attention": [
        of(lambda x, k=k: functional.scaled_dot_product_attention(x, x, x, scale=k)) for k in (None, 0.1)
    ],
    "heads": [of(lambda x, h=h: _attend(x.flatten(2).transpose(1, 2), h)) for h in (2, 4)],
    "type": [of(lambda x: x.round()), of(lambda x: x.round().to(torch.int64).float())],
    "gradient": [of(lambda x: x.relu()), of(lambda x: x.relu().detach())],
    "constant": [Call(lambda s, x, k=k: x * s.k, k=nn.Buffer(torch.full((8, 1, 1), k))) for k in (1.0, 2.0)],
    "part of a constant": [
        Call(lambda s, x, k=k: x * s.k.chunk(2)[k], k=nn.Buffer(torch.arange(16.0).view(16, 1, 1)))
        for k in (0, 1)
    ],
    "parts of a constant": [
        Call(lambda s, x, k=k: x * s.k[k] + x.relu() * s.k.unbind()[1 - k], k=nn.Buffer(torch.rand(2, 6)))
        for k in (0, 1)
    ],
    "number as a tensor": [of(lambda x, k=k: x * torch.tensor(k)) for k in (2.0, 3.0)],
    "constant that is computed": [of(lambda x, k=k: x + torch.arange(6) * k) for k in (1.0, 2.0)],
    "fixed filter": [
        Call(lambda s, x: functional.conv2d(x, s.k, groups=8), k=nn.Buffer(torch.full((8, 1, 3, 3), k)))
        for k in (1.0, 2.0)
    ],
    "frozen weights": [nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3).requires_grad_(False)],
    "scaled weights": [
        Call(lambda s, x, k=k: functional.conv2d(x, s.c.weight * k), c=nn.Conv2d(8, 8, 3, bias=False))
        for k in (1.0, 2.0)
    ],
    "kind of recurrent layer": [
        recurrent(kind, bidirectional=both, **options)
        for both in (False, True)
        for kind, options in (
            *((nn.LSTM, {}), (nn.GRU, {}), (nn.RNN, {}), (nn.RNN, {"nonlinearity": "relu"})),
            *((nn.GRU, {"num_layers": 2, "dropout": rate}) for rate in (0.0, 0.1, 0.5)),
            (nn.GRU, {"batch_first": False}),
        )
    ],
    "last state": [
        Call(lambda s, x, k=k: s.layer(x.flatten(2))[1][k], layer=nn.LSTM(36, 36, batch_first=True))
        for k in (0, 1)
    ],
    "first state": [
        Call(
            lambda s, x, k=k: s.layer(x.flatten(2), torch.full((1, x.shape[0], 4), k))[0],
            layer=nn.GRU(36, 4, batch_first=True),
        )
        for k in (0.0, 1.0)
    ],
    "step of a recurrent layer": [
        Call(lambda s, x: s.cell(x.mean((2, 3))), cell=cell)
        for cell in (nn.GRUCell(8, 8), nn.RNNCell(8, 8), nn.RNNCell(8, 8, nonlinearity="relu"))
    ],
    "sum of products": [
        of(lambda x, k=k: torch.einsum(k, x, x.mean((1, 2)))) for k in ("bcij,bj->bcij", "bcij,bi->bcij")
    ],
    "product of two tensors": [
        *(of(lambda x, k=k: torch.einsum(k, x, x)) for k in ("bcij,bcjk->bcik", "bcij,bckj->bcik")),
        of(lambda x: x @ x),
    ],
    "product over which dimension": [
        Call(lambda s, x, k=k, j=j: torch.tensordot(x, s.w, ([k], [j])), w=nn.Parameter(torch.ones(6, 6)))
        for k, j in ((3, 0), (3, 1), (2, 0))
    ],
    "products of pairs": [
        Call(lambda s, x: s.pair(x, x.relu()), pair=nn.Bilinear(6, 6, 6, bias=bias)) for bias in (True, False)
    ],
    "dilation of computed weights": [
        Call(
            lambda s, x, k=k: functional.conv2d(x, s.w(x.mean((0, 2, 3))).view(8, 8, 3, 3), None, 1, k, k),
            w=nn.Linear(8, 576),
        )
        for k in (1, 2)
    ],
    "padding where the bias is computed": [
        Call(lambda s, x, k=k: functional.conv2d(x, s.w, x.mean((0, 2, 3)), 4, k), w=torch.ones(8, 8, 3, 3))
        for k in (0, 1)
    ],
    "epsilon where the scale is computed": [
        of(lambda x, k=k: functional.layer_norm(x, (6,), x.mean((0, 1, 2)), eps=k)) for k in (1e-5, 0.1)
    ],
    "factor of a product": [
        of(lambda x, k=k: torch.addcmul(x, x.relu(), x.mean((0, 1, 2)), value=k)) for k in (1, 2)
    ],
    "factor of a bias": [
        of(lambda x, k=k: torch.addmm(x.mean((0, 1, 2)), x.mean((1, 2)), x.mean((0, 1)), beta=k))
        for k in (1, 2)
    ],
    "rounding": [
        of(lambda x, k=k, m=m: torch.div(x, k, rounding_mode=m))
        for k in (1, 2, 3)
        for m in (None, "floor", "trunc")
    ],
    "noise that is added": [
        *(of(lambda x, k=k: x + torch.rand(8, 6, 6) * k) for k in (1, 2)),
        of(lambda x: x + torch.randn(8, 6, 6)),
    ],
    "Mish by hand": [of(lambda x, k=k: x * functional.softplus(x, beta=k).tanh()) for k in (1, 2)],
    "sizes of one behind the axis of softmax": [
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Softmax(axis), nn.Flatten()) for axis in (1, 3)
    ],
    "means that keep a dimension": [
        of(lambda x, k=k: x.flatten(2).transpose(1, 2).mean(1, keepdim=k).flip(1)) for k in (True, False)
    ],
    "means of tokens as many as channels": [
        of(lambda x: x.mean(1).mean(1)),
        of(lambda x: functional.adaptive_avg_pool1d(x.mean(1), 1)),
    ],
    "part of tokens as many as channels": [
        of(lambda x: x.mean(1)[:, :, :3]),
        of(lambda x: x.mean(1).unsqueeze(-1)[:, :3]),
    ],
    "flattening": [
        of(lambda x: x.flatten(2).permute(2, 0, 1).unflatten(2, (2, 4)).reshape(36, -1)),
        of(lambda x: x.flatten(2).permute(2, 0, 1).unflatten(2, (2, 4)).reshape(-1, 8)),
    ],
    "bound that is a tensor": [
        of(lambda x, k=k: torch.clamp(x, **{k: x.mean(1, keepdim=True)})) for k in ("min", "max")
    ],
    "weights computed from parameters of one shape": [
        _computed(call, 8)
        for call in (
            lambda s: s.a + s.a * s.b,
            lambda s: s.a + s.b * s.b,
            lambda s: s.a * s.b + s.b * s.a,
        )
    ],
    "weights computed from parameters of two shapes": [
        _computed(call, 1) for call in (lambda s: s.a**s.b, lambda s: s.b**s.a)
    ],
    "operands computed from parameters": [
        Call(
            lambda s, x, e=e: x * e(s),
            a=nn.Parameter(torch.ones(8, 6, 6)),
            b=nn.Parameter(torch.ones(8, 6, 6)),
        )
        for e in (lambda s: s.a + s.a * s.b, lambda s: s.a + s.b * s.b)
    ],
    "statistics of one norm or of two": [
        Call(
            lambda s, x, k=k: s.norms[k]((s.norms[0](x) + 0.3).exp()),
            norms=nn.ModuleList(nn.BatchNorm2d(8, affine=False) for _ in range(2)),
        )
        for k in (0, 1)
    ],
    "dimension that is looked up": [
        of(lambda x, k=k: x.mean(2).unsqueeze(1).expand(-1, 6, -1, -1)[:, :, :6][k(_places(x))])
        for k in (
            lambda i: (slice(None), i),
            lambda i: (slice(None), slice(None), i),
            lambda i: (slice(None), slice(None), slice(None), i),
        )
    ],
    "statistics of norms that share their weights": [
        _norms_of_equal_weights(nn.BatchNorm2d, k) for k in (0, 1)
    ],
    "statistics of norms of images": [_norms_of_equal_weights(nn.InstanceNorm2d, k) for k in (0, 1)],
    "noise that is drawn once or twice": [
        Call(lambda s, x, k=k: _dropped_twice(x, torch.rand(8, 6, 6) > 0.5, torch.rand(8, 6, 6) > 0.5, k))
        for k in (0, 1)
    ],
    "noise that is added once or twice": [
        Call(lambda s, x, k=k: _noised_twice(x, torch.rand(8, 6, 6), torch.rand(8, 6, 6), k)) for k in (0, 1)
    ],
    "rounded numbers of hard swish": [
        *(of(lambda x, k=k: x * functional.relu6(x + 3) * k) for k in (1 / 6, 0.1667, 0.16667)),
        of(lambda x: functional.relu6(x + 3) * 0.1667),
        nn.Hardsigmoid(),
    ],
    "rounded numbers of GELU": [
        of(lambda x, k=k: 0.5 * x * (1 + torch.erf(x * k))) for k in (0.5**0.5, 0.7071, 0.707)
    ],
    "windows of transposed convolutions in three dimensions": [
        Call(
            lambda s, x: s.c(x.unsqueeze(1).expand(-1, 2, -1, -1, -1)[:, :, :6]),
            c=nn.ConvTranspose3d(2, 4, kernel, stride, bias=False),
        )
        for kernel, stride in ((3, (2, 1, 1)), (3, (1, 2, 1)), ((3, 1, 1), 1), ((1, 3, 1), 1))
    ],
    "distances from nowhere": [
        Call(lambda s, x, k=k: torch.cdist(x * 0, s.w) * k, w=nn.Parameter(torch.ones(5, 6))) for k in (0, 1)
    ],
    "alignment of computed tensors": [
        of(lambda x, k=k, f=f: f(x[:, :6], k(x[:, :6].mean((0, 1)))))
        for f in (torch.minimum, torch.sub)
        for k in (lambda v: v, lambda v: v.unsqueeze(-1))
    ],
    "alignment": [
        Call(lambda s, x, k=k: x * s.k.view(k), k=nn.Parameter(torch.ones(6))) for k in ((6, 1), (1, 6))
    ],
}


def _places(x: Tensor) -> Tensor:
    return (x.mean((0, 1, 2)).abs() * 2).long()


def _attend(tokens: Tensor, heads: int) -> Tensor:
    parts = tokens.unflatten(2, (heads, 8 // heads)).transpose(1, 2)
    return functional.scaled_dot_product_attention(parts, parts, parts).transpose(1, 2).flatten(2)


def of_others(name: str) -> list[int]:
    """Keys by which networks share what is known of them."""
    return [sharing_key(trace(module, SHAPE), place) for place, module in enumerate(FAMILIES[name])]


@pytest.mark.parametrize("name", FAMILIES)
def test_s2_networks_that_differ_share_nothing(name):
    assert len(set(of_others(name))) == len(FAMILIES[name])


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"frozen weights"}))
def test_s2_their_graphs_are_complete(name):
    assert all(trace(module, SHAPE).complete for module in FAMILIES[name])


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"dropout"}))
def test_a_network_shares_with_itself_in_either_mode(name):
    for module in FAMILIES[name]:
        trained, fixed = trace(module.train(), SHAPE), trace(module.eval(), SHAPE)
        assert function_hash(trained) == function_hash(fixed)


@pytest.mark.parametrize(
    "build",
    [
        lambda layers: nn.LSTM(16, 32, layers, batch_first=True),
        lambda layers: nn.GRU(16, 32, batch_first=True, bidirectional=layers > 1),
        lambda layers: nn.LSTM(16, 32, 2, batch_first=True, dropout=layers / 10),
    ],
)
def test_s6_recurrent_layers_share_nothing(build):
    graphs = [trace(Call(lambda s, x: s.layer(x)[0], layer=build(n)), (20, 16)) for n in (1, 2, 3)]
    assert len({sharing_key(graph, place) for place, graph in enumerate(graphs)}) >= 2
    assert sharing_key(graphs[0], 0) != sharing_key(graphs[1], 1)


def test_ordinary_layers_have_no_attributes():
    module = nn.Sequential(
        *(nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU6(), nn.MaxPool2d(2)),
        *(nn.Hardswish(), nn.Dropout(0), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(16)),
        nn.Linear(16, 4),
    )
    graph = trace(module, (8, 16, 16))
    assert not graph.attributes.any()
    assert graph.complete


def test_where_dropout_is_that_is_not_trained_is_not_held():
    assert trace(nn.Dropout(0.5), SHAPE).complete
    assert not trace(nn.Dropout(0.5).eval(), SHAPE).complete
    assert function_hash(trace(nn.Dropout(0.5).eval(), SHAPE)) == function_hash(trace(nn.Identity(), SHAPE))


def test_large_constants_are_not_held():
    large = Call(lambda s, x: x * s.k.sum(), k=nn.Buffer(torch.ones(600, 600)))
    assert not trace(large, SHAPE).complete
    with torch.device("meta"):
        unreal = Call(lambda s, x: s.c(x) * s.k, c=nn.Conv2d(8, 8, 1), k=nn.Buffer(torch.ones(8, 1, 1)))
    assert not trace(unreal, SHAPE).complete


def test_which_of_two_shared_layers_is_repeated():
    def chain(*order: int) -> ComputationGraph:
        layers = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(2))
        return trace(Call(lambda s, x: _through(s.layers, order, x), layers=layers), SHAPE)

    hashes = [
        function_hash(chain(*order)) for order in ((0, 1, 0, 1), (0, 1, 1, 0), (0, 0, 1, 1), (0, 1, 0, 0))
    ]
    assert len(set(hashes)) == 4
    assert chain(0, 1, 0, 1).complete


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.GRU(6, 6, batch_first=True),
        lambda: nn.Bilinear(6, 6, 6),
        lambda: Call(
            lambda s, x: functional.linear(x, s.w, x.mean((0, 1))), w=nn.Parameter(torch.ones(6, 6))
        ),
    ],
    ids=["recurrent", "bilinear", "computed bias"],
)
def test_which_of_two_layers_of_several_nodes_is_repeated(build):
    def step(layer: nn.Module, x: Tensor) -> Tensor:
        given = layer(x, x) if isinstance(layer, nn.Bilinear) else layer(x)
        return (given[0] if isinstance(given, tuple) else given).relu()

    def chain(*order: int) -> ComputationGraph:
        def run(s: Any, x: Tensor) -> Tensor:
            for place in order:
                x = step(s.layers[place], x)
            return x

        return trace(Call(run, layers=nn.ModuleList(build() for _ in range(2))), (6, 6))

    assert len({function_hash(chain(*order)) for order in ((0, 1, 0, 1), (0, 1, 1, 0), (0, 0, 1, 1))}) == 3


def test_large_constants_in_lists_are_not_held():
    index = Call(
        lambda s, x: x[:, :, s.index][..., 0], index=nn.Buffer(torch.zeros(400, 400, dtype=torch.long))
    )
    assert not trace(index, SHAPE).complete
    frozen = nn.GRU(36, 400, batch_first=True).requires_grad_(False)
    assert not trace(Call(lambda s, x: s.layer(x.flatten(2))[0], layer=frozen), SHAPE).complete


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(_, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(_, gradient: Tensor) -> Tensor:
        return -gradient


def test_gradients_of_ones_own_are_not_held():
    assert not trace(of(_Reversed.apply), SHAPE).complete
    assert trace(of(lambda x: x * 2), SHAPE).complete
    hooked = nn.Conv2d(8, 8, 1)
    hooked.weight.register_hook(torch.neg)
    assert not trace(hooked, SHAPE).complete
    part = nn.Sequential(nn.ReLU())
    part[0].register_full_backward_hook(lambda _, given, __: given)
    assert not trace(part, SHAPE).complete


def test_tables_whose_rows_are_kept_short_are_not_held():
    short, plain = (
        trace(Call(lambda s, x: s.e(x.long()), e=nn.Embedding(5, 4, max_norm=norm)), (6,))
        for norm in (1.0, None)
    )
    assert plain.complete
    assert not canonical(short).complete


def test_conditions_on_data_are_not_held():
    graph = trace(of(lambda x: torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,))), SHAPE)
    assert not graph.complete


def _through(layers: nn.ModuleList, order: tuple[int, ...], x: Tensor) -> Tensor:
    for place in order:
        x = layers[place](x).relu()
    return x


def test_a_builder_gives_the_attributes_of_the_module():
    graph = GraphBuilder((8, 11, 11))
    x = graph.pool(Operation.MAX_POOL, graph.input, 2, stride=4, padding=1)
    x = graph.slice(graph.batch_norm(x, momentum=0.3), (8, 2, 3), start=1)
    graph.output(x)

    module = Call(
        lambda s, x: s.norm(s.pool(x))[:, :, 1:],
        pool=nn.MaxPool2d(2, 4, 1),
        norm=nn.BatchNorm2d(8, momentum=0.3),
    )
    traced = trace(module, (8, 11, 11))
    assert np.array_equal(canonical(traced).attributes, canonical(graph.graph()).attributes)
    assert np.count_nonzero(traced.attributes) == 3
    assert function_hash(traced) == function_hash(graph.graph())


def test_a_batch_keeps_attributes():
    graphs = [trace(nn.LeakyReLU(slope), SHAPE) for slope in (0.1, 0.2)] + [trace(nn.Unfold(2), SHAPE)]
    graphs.append(trace(of(torch.fft.fft2), SHAPE))
    batch = GraphBatch.from_graphs(graphs).take(np.array([1, 3, 0]))
    for place, found in zip((1, 3, 0), batch, strict=True):
        assert np.array_equal(found.attributes, graphs[place].attributes)
        assert found.complete == graphs[place].complete
    assert batch.complete.tolist() == [True, False, True]


def test_incomplete_graphs_have_a_key_of_their_own():
    graphs = GraphBatch.from_graphs([trace(of(torch.fft.fft2), SHAPE)] * 2 + [trace(nn.ReLU(), SHAPE)] * 2)
    keys = sharing_keys(graphs, ["one", "other", "third", "fourth"]).tolist()
    assert len(set(keys)) == 3
    assert keys == sharing_keys(graphs, ["one", "other", "third", "fourth"]).tolist()
