"""What modules cost by their graphs, against sums over their parameters and products worked out by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import DeformConv2d

from contrastive_nas.graphs import ComputationGraph, GraphBatch, GraphBuilder, Operation, canonical, trace
from contrastive_nas.graphs.costs import multiply_accumulates, parameters, unknown_shares
from contrastive_nas.ranking.rank import rank_graphs


class Call(nn.Module):
    """A function of its own parts and of images."""

    def __init__(self, call: Callable[[Any, Tensor], Any], **parts: Any) -> None:
        super().__init__()
        self.call = call
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Any:
        return self.call(self, x)


def p(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.ones(shape))


def held(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def costs(graph: ComputationGraph) -> tuple[int, int]:
    return int(multiply_accumulates(graph.features).sum()), int(parameters(graph.features).sum())


def names(graph: ComputationGraph) -> list[str]:
    return [Operation(op).name for op in graph.op[1:-1]]


def lstm(**options: Any) -> nn.Module:
    return Call(lambda s, x: s.r(x)[0], r=nn.LSTM(16, 32, batch_first=True, **options))


def cond(
    yes: Callable[[Any, Tensor], Tensor], no: Callable[[Any, Tensor], Tensor], **parts: Any
) -> nn.Module:
    return Call(lambda s, x: torch.cond(x.sum() > 0, lambda y: yes(s, y), lambda y: no(s, y), (x,)), **parts)


PRODUCTS: dict[str, tuple[nn.Module, tuple[int, ...], int]] = {
    "LSTM": (lstm(), (20, 16), 20 * 128 * 48),
    "LSTM of two layers": (lstm(num_layers=2), (20, 16), 20 * 128 * (48 + 64)),
    "LSTM both ways": (lstm(bidirectional=True), (20, 16), 2 * 20 * 128 * 48),
    "LSTM two layers both ways": (
        lstm(bidirectional=True, num_layers=2, dropout=0.1),
        (20, 16),
        2 * 20 * 128 * (48 + 64 + 32),
    ),
    "LSTM without biases": (lstm(bias=False), (20, 16), 20 * 128 * 48),
    "LSTM with projection": (lstm(proj_size=8), (20, 16), 20 * (128 * (16 + 8) + 8 * 32)),
    "LSTM, last state": (Call(lambda s, x: s.r(x)[1][1], r=nn.LSTM(16, 32)), (20, 16), 20 * 128 * 48),
    "GRU": (Call(lambda s, x: s.r(x)[0], r=nn.GRU(16, 32, batch_first=True)), (20, 16), 20 * 96 * 48),
    "RNN": (Call(lambda s, x: s.r(x)[0], r=nn.RNN(16, 32, batch_first=True)), (20, 16), 20 * 32 * 48),
    "learned state": (
        Call(
            lambda s, x: s.r(x, s.h.expand(1, len(x), 32).contiguous())[0],
            r=nn.GRU(16, 32, batch_first=True),
            h=p(1, 1, 32),
        ),
        (20, 16),
        20 * 96 * 48,
    ),
    "LSTM cell": (Call(lambda s, x: s.r(x)[0], r=nn.LSTMCell(16, 32)), (16,), 128 * 48),
    "GRU cell": (Call(lambda s, x: s.r(x), r=nn.GRUCell(16, 32)), (16,), 96 * 48),
    "RNN cell": (Call(lambda s, x: s.r(x), r=nn.RNNCell(16, 32)), (16,), 32 * 48),
    "deformable convolution": (
        Call(lambda s, x: s.d(x, s.o(x)), d=DeformConv2d(3, 16, 3, padding=1), o=nn.Conv2d(3, 18, 1)),
        (3, 8, 8),
        64 * 16 * 27 + 64 * 18 * 3,
    ),
    "einsum with dots": (
        Call(lambda s, x: torch.einsum("...c,oc->...o", x, s.w), w=p(16, 32)),
        (10, 32),
        5120,
    ),
    "einsum of three": (
        Call(lambda s, x: torch.einsum("bnc,cd,od->bno", x, s.w, s.v), w=p(32, 8), v=p(16, 8)),
        (10, 32),
        3840,
    ),
    "einsum of two constants first": (
        Call(lambda s, x: torch.einsum("cd,od,bnc->bno", s.w, s.v, x), w=p(32, 8), v=p(16, 8)),
        (10, 32),
        10 * 32 * 16,
    ),
    "einsum without an arrow": (Call(lambda s, x: torch.einsum("bc,oc", x, s.w), w=p(16, 32)), (32,), 512),
    "einsum of heads": (
        Call(lambda s, x: torch.einsum("bnc,chd->bhnd", x, s.w), w=p(32, 2, 8)),
        (10, 32),
        10 * 32 * 16,
    ),
    "einsum that sums one factor first": (
        Call(lambda s, x: torch.einsum("bnc,co->bo", x, s.w), w=p(32, 8)),
        (10, 32),
        32 * 8,
    ),
    "einsum of one factor": (Call(lambda s, x: torch.einsum("bii->b", x)), (6, 6), 0),
    "tensordot": (Call(lambda s, x: torch.tensordot(x, s.w, dims=([2], [0])), w=p(32, 8)), (10, 32), 2560),
    "tensordot over two": (
        Call(lambda s, x: torch.tensordot(x, s.w, dims=([1, 2], [1, 0])), w=p(32, 10, 5)),
        (10, 32),
        10 * 32 * 5,
    ),
    "bilinear": (Call(lambda s, x: s.b(x, x), b=nn.Bilinear(12, 12, 5)), (12,), 720),
    "bilinear of sequences": (Call(lambda s, x: s.b(x, x), b=nn.Bilinear(12, 12, 5)), (3, 12), 3 * 720),
    "embedding bag": (Call(lambda s, x: s.e(x.long()), e=nn.EmbeddingBag(10, 16)), (7,), 0),
    "distances": (Call(lambda s, x: torch.cdist(x, s.w), w=p(5, 16)), (7, 16), 7 * 5 * 16),
    "condition": (
        cond(lambda s, y: s.c(y), lambda s, y: s.c(y) * 2, c=nn.Conv2d(3, 16, 3)),
        (3, 8, 8),
        36 * 16 * 27,
    ),
    "condition with two layers": (
        cond(
            lambda s, y: s.a(y),
            lambda s, y: s.b(y),
            a=nn.Linear(8, 8),
            b=nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)),
        ),
        (8,),
        128,
    ),
    "vmap": (
        Call(lambda s, x: torch.vmap(lambda y: s.a(y).relu(), in_dims=1, out_dims=1)(x), a=nn.Linear(16, 32)),
        (20, 16),
        20 * 16 * 32,
    ),
    "patches in the batch": (
        Call(
            lambda s, x: s.c(
                x.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, 4, 4)
            ),
            c=nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ConvTranspose2d(8, 5, 2, 2)),
        ),
        (3, 8, 8),
        64 * 27 * 8 + 64 * 8 * 5 * 4,
    ),
    "sequences in the batch": (
        Call(lambda s, x: s.c(x.reshape(-1, 3, 8)), c=nn.Conv1d(3, 7, 3)),
        (3, 8, 8),
        8 * 6 * 7 * 9,
    ),
    "inner product": (Call(lambda s, x: torch.inner(x, s.w), w=p(7, 32)), (10, 32), 10 * 7 * 32),
    "inner product with a vector": (Call(lambda s, x: torch.inner(x, s.w), w=p(32)), (10, 32), 10 * 32),
    "no gradients": (Call(lambda s, x: without_gradients(s.a, x), a=nn.Linear(16, 32)), (16,), 512),
}


def without_gradients(layer: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        y = layer(x)
    with torch.enable_grad():
        return y.relu()


@pytest.mark.parametrize("name", PRODUCTS)
def test_s6_s8_products_and_parameters(name: str) -> None:
    module, shape, macs = PRODUCTS[name]
    graph = trace(module, shape)
    assert costs(graph) == (macs, held(module))
    assert costs(canonical(graph)) == (macs, held(module))
    assert graph.unknown_count == 0


def test_s6_depths_of_a_recurrent_network_are_told_apart() -> None:
    assert len(trace(lstm(num_layers=3), (20, 16))) > len(trace(lstm(), (20, 16)))


def test_products_of_images_in_a_batch_are_those_of_one() -> None:
    assert costs(trace(Call(lambda s, x: torch.einsum("bc,bd->cd", x, x)), (32,))) == (32 * 32, 0)


def attend(*tensors: Tensor, mask: Tensor) -> Tensor:
    return functional.scaled_dot_product_attention(*tensors, attn_mask=mask)


def test_s7_masks_are_read() -> None:
    learned = Call(
        lambda s, x: attend(*s.qkv(x).unsqueeze(1).chunk(3, -1), mask=s.b).squeeze(1),
        qkv=nn.Linear(32, 96),
        b=p(1, 1, 10, 10),
    )
    computed = Call(
        lambda s, x: attend(*[s.q(x).unsqueeze(1)] * 3, mask=s.mask(x).unsqueeze(1)).squeeze(1),
        q=nn.Linear(32, 32),
        mask=nn.Linear(32, 10),
    )
    for module, maps in ((learned, 10 * 32 * 96), (computed, 10 * 32 * 42)):
        graph = trace(module, (10, 32))
        assert costs(graph) == costs(canonical(graph)) == (maps + 2 * 10 * 10 * 32, held(module))
        attention = int(np.flatnonzero(graph.op == Operation.ATTENTION)[0])
        assert (graph.edges[1] == attention).sum() == 4


def linears(**tied: bool) -> nn.Module:
    layers = nn.Sequential(nn.Linear(16, 16), nn.Linear(16, 16))
    for name in tied:
        setattr(layers[1], name, getattr(layers[0], name))
    return layers


def norms(name: str) -> nn.Module:
    layers = nn.Sequential(nn.LayerNorm(16), nn.LayerNorm(16))
    setattr(layers[1], name, getattr(layers[0], name))
    return layers


def buffered() -> nn.Module:
    module = Call(lambda s, x: functional.linear(x, s.l.weight, s.b), l=nn.Linear(16, 16, bias=False))
    module.register_buffer("b", torch.zeros(16))
    return module


def attention_of_beit() -> nn.Module:
    module = Call(
        lambda s, x: functional.linear(x, s.w, torch.cat([s.q, s.k, s.v])), w=p(24, 8), q=p(8), v=p(8)
    )
    module.register_buffer("k", torch.zeros(8))
    return module


def slim(width: int) -> nn.Module:
    def run(s: Any, x: Tensor) -> Tensor:
        hidden = functional.linear(x, s.a.weight[:width], s.a.bias[:width])
        return functional.linear(hidden, s.b.weight[:, :width], s.b.bias)

    return Call(run, a=nn.Linear(16, 64), b=nn.Linear(64, 10))


def overlapping(s: Any, x: Tensor) -> Tensor:
    return functional.linear(x, s.w[:10]).sum(1) + functional.linear(x, s.w[5:12]).sum(1)


def written(s: Any, x: Tensor) -> Tensor:
    places = torch.zeros(1, 10, 8)
    places[:, 1:] = s.p
    return x + places


M = (3, 8, 8)
USES: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "where": (Call(lambda s, x: torch.where(x > 0, x, s.p), p=p(*M)), M),
    "minimum": (Call(lambda s, x: torch.minimum(x, s.p), p=p(*M)), M),
    "clamp": (Call(lambda s, x: torch.clamp(x, max=s.p), p=p(*M)), M),
    "lerp": (Call(lambda s, x: torch.lerp(x, x.relu(), s.p), p=p(*M)), M),
    "pow": (Call(lambda s, x: x.clamp(min=1e-6).pow(s.p), p=p(3, 1, 1)), M),
    "comparison": (Call(lambda s, x: (x > s.p) * x, p=p(3, 1, 1)), M),
    "data": (Call(lambda s, x: x @ s.w.data, w=p(16, 5)), (16,)),
    "detached": (Call(lambda s, x: x @ s.w.detach(), w=p(16, 5)), (16,)),
    "weights shared": (linears(weight=True), (16,)),
    "biases shared": (linears(bias=True), (16,)),
    "both shared": (linears(weight=True, bias=True), (16,)),
    "scales of norms shared": (norms("weight"), (16,)),
    "shifts of norms shared": (norms("bias"), (16,)),
    "shift without scale": (Call(lambda s, x: functional.layer_norm(x, (16,), None, s.b), b=p(16)), (16,)),
    "bias that is a buffer": (buffered(), (16,)),
    "bias in part a buffer": (attention_of_beit(), (8,)),
    "bias that is computed": (
        Call(lambda s, x: functional.linear(x, s.w, s.b(x[:1, :4])[0]), w=p(6, 8), b=nn.Linear(4, 6)),
        (8,),
    ),
    "alone and with another": (
        Call(lambda s, x: x * s.a + functional.linear(x, s.a * s.b), a=p(8), b=p(8, 1)),
        (8,),
    ),
    "all slices": (
        Call(lambda s, x: sum(functional.linear(x, one) for one in s.w.chunk(3)), w=p(24, 8)),
        (8,),
    ),
    "all columns": (
        Call(lambda s, x: sum(functional.linear(x[:, :4], one) for one in s.w.chunk(2, 1)), w=p(24, 8)),
        (8,),
    ),
    "rows of a table": (Call(lambda s, x: s.t[x.long()], t=p(24, 8)), (8,)),
    "looked up places": (Call(lambda s, x: x + s.t[torch.arange(10) % 3], t=p(3, 8)), (10, 8)),
    "written into zeros": (Call(written, p=p(1, 9, 8)), (10, 8)),
    "scale of noise": (Call(lambda s, x: x + s.g * torch.randn(10, 8), g=p(8)), (10, 8)),
    "weights of noise": (
        Call(lambda s, x: functional.linear(x, s.m + s.d * torch.randn(4, 8)), m=p(4, 8), d=p(4, 8)),
        (8,),
    ),
    "pairs as complex numbers": (Call(lambda s, x: x * torch.view_as_complex(s.w), w=p(*M, 2)), M),
    "real parts": (
        Call(
            lambda s, x: x * torch.view_as_real(s.w).sum(-1),
            w=nn.Parameter(torch.ones(3, dtype=torch.cfloat)),
        ),
        (3, 3),
    ),
    "beside a complex number": (Call(lambda s, x: (x * 1j).imag * s.w, w=p(3, 1, 1)), M),
    "unknown": (Call(lambda s, x: torch.searchsorted(s.p, x), p=p(9)), M),
    "forgotten": (Call(lambda s, x: torch.cummax(x * 2, 1)[0] + s.p, p=p(3, 1, 1)), M),
}


@pytest.mark.parametrize("name", USES)
def test_s9_parameters_are_those_of_the_module(name: str) -> None:
    module, shape = USES[name]
    graph = trace(module, shape)
    assert costs(graph)[1] == costs(canonical(graph))[1] == held(module)


def test_s9_slices_count_their_elements() -> None:
    for width in (16, 32):
        used = width * 16 + width + 10 * width + 10
        assert costs(trace(slim(width), (16,))) == (width * 26, used)
    # Rows 0 to 9 and 5 to 11 of 8 each.
    assert costs(trace(Call(overlapping, w=p(64, 8)), (8,)))[1] == 12 * 8


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_s19_dropout_of_a_parameter_is_that_parameter(dropout: float, training: bool) -> None:
    module = Call(
        lambda s, x: s.head(x + s.dropout(s.positions)),
        positions=p(1, 10, 32),
        dropout=nn.Dropout(dropout),
        head=nn.Linear(32, 4),
    ).train(training)
    assert costs(trace(module, (10, 32)))[1] == 452


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_u2_other_precisions_give_the_same_graph(dtype: torch.dtype) -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    expected = trace(module, M)
    found = trace(module.to(dtype), M)
    assert np.array_equal(found.features, expected.features)


def test_wrapped_modules_are_those_inside() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    expected = trace(module, M)
    for wrapped in (nn.DataParallel(module), torch.compile(module)):
        assert np.array_equal(trace(wrapped, M).features, expected.features)


def test_unknown_nodes_are_counted_by_parameters_and_nodes() -> None:
    builder = GraphBuilder((8, 4, 4))
    builder.output(builder.conv(builder.input, 8, 3))
    some = trace(Call(lambda s, x: torch.searchsorted(s.p, s.l(x)), p=p(9), l=nn.Linear(8, 9)), (8,))
    shares = unknown_shares(GraphBatch.from_graphs([builder.graph(), some]))
    assert shares.flagged.tolist() == [False, True]
    assert shares.parameters.tolist() == pytest.approx([0, 9 / 90])
    assert shares.nodes.tolist() == pytest.approx([0, 1 / 4])


def test_networks_of_which_too_much_is_unknown_are_named_where_they_are_ranked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    known = [
        trace(nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 4)), (8,))
        for width in range(4, 12)
    ]
    odd = trace(Call(lambda s, x: torch.searchsorted(s.p, s.l(x)), p=p(9), l=nn.Linear(8, 9)), (8,))
    names_of_networks = [*(f"net{place}" for place in range(8)), "odd"]
    with caplog.at_level("WARNING", "contrastive_nas.graphs.costs"):
        rank_graphs(names_of_networks, [*known, odd])
    warned = [
        record.getMessage() for record in caplog.records if record.name == "contrastive_nas.graphs.costs"
    ]
    assert len(warned) == 1
    assert warned[0].startswith("odd: 10.0 % of its parameters and 25.0 % of its nodes")
