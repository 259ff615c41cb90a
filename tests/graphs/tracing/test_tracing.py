import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import ComputationGraph, GraphBuilder, Operation, trace
from contrastive_nas.graphs.costs import multiply_accumulates, parameters


class Function(nn.Module):
    """A function of one tensor as a module."""

    def __init__(self, function: Callable[[Tensor], Any], **tensors: Tensor) -> None:
        super().__init__()
        self.function = function
        for name, tensor in tensors.items():
            setattr(self, name, tensor)

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def inner(module: nn.Module | Callable[[Tensor], Any], shape: tuple[int, ...] = (8, 6, 6)) -> list[str]:
    """Names of the operations between input and output."""
    graph = trace(module if isinstance(module, nn.Module) else Function(module), shape)
    assert graph.op[0] == Operation.INPUT
    assert graph.op[-1] == Operation.OUTPUT
    assert (graph.edges[0] < graph.edges[1]).all()
    return [Operation(op).name for op in graph.op[1:-1]]


LAYERS = [
    (nn.Conv2d(8, 4, 3, groups=4), "CONV"),
    (nn.Conv2d(8, 8, 3, groups=8, padding="same", dilation=2), "CONV"),
    (nn.ConvTranspose2d(8, 4, 3, stride=2), "CONV_TRANSPOSE"),
    (nn.Linear(6, 3), "LINEAR"),
    (nn.BatchNorm2d(8), "BATCH_NORM"),
    (nn.LayerNorm([8, 6, 6]), "LAYER_NORM"),
    (nn.GroupNorm(2, 8), "GROUP_NORM"),
    (nn.InstanceNorm2d(8, affine=True), "INSTANCE_NORM"),
    (nn.LocalResponseNorm(3), "LOCAL_RESPONSE_NORM"),
    (nn.ReLU(inplace=True), "RELU"),
    (nn.ReLU6(), "RELU6"),
    (nn.LeakyReLU(0.1), "LEAKY_RELU"),
    (nn.PReLU(8), "PRELU"),
    (nn.ELU(), "ELU"),
    (nn.SELU(), "SELU"),
    (nn.GELU(), "GELU"),
    (nn.SiLU(inplace=True), "SILU"),
    (nn.Mish(), "MISH"),
    (nn.Sigmoid(), "SIGMOID"),
    (nn.Hardsigmoid(), "HARD_SIGMOID"),
    (nn.Hardswish(), "HARD_SWISH"),
    (nn.Hardtanh(), "HARD_TANH"),
    (nn.Tanh(), "TANH"),
    (nn.Softplus(), "SOFTPLUS"),
    (nn.Softmax(1), "SOFTMAX"),
    (nn.LogSoftmax(1), "LOG_SOFTMAX"),
    (nn.MaxPool2d(2), "MAX_POOL"),
    (nn.AvgPool2d(3, 1, 1), "AVG_POOL"),
    (nn.AdaptiveAvgPool2d(1), "GLOBAL_AVG_POOL"),
    (nn.AdaptiveMaxPool2d(1), "GLOBAL_MAX_POOL"),
    (nn.AdaptiveAvgPool2d(3), "AVG_POOL"),
    (nn.AdaptiveAvgPool2d(6), "IDENTITY"),
    (nn.Upsample(scale_factor=2, mode="bilinear"), "INTERPOLATE"),
    (nn.ZeroPad2d(1), "PAD"),
    (nn.ReflectionPad2d(1), "PAD"),
    (nn.PixelShuffle(2), "PERMUTE"),
    (nn.Flatten(), "RESHAPE"),
    (nn.Dropout(), "IDENTITY"),
    (nn.Dropout2d().eval(), "IDENTITY"),
    (nn.Identity(), ""),
    (nn.GLU(1), "SLICE SLICE SIGMOID MUL"),
]


@pytest.mark.parametrize(("layer", "expected"), LAYERS, ids=lambda value: str(value)[:30])
def test_layers(layer: nn.Module, expected: str) -> None:
    assert inner(layer) == expected.split()


FUNCTIONS: list[tuple[str, Callable[[Tensor], Any], str]] = [
    ("hardtanh", lambda x: functional.hardtanh(x, 0, 6), "RELU6"),
    ("clamp", lambda x: x.clamp(min=0), "RELU"),
    ("hard sigmoid", lambda x: functional.relu6(x + 3) / 6, "HARD_SIGMOID"),
    ("hard swish", lambda x: x * functional.relu6(x + 3) / 6, "HARD_SWISH"),
    ("hard swish, gate first", lambda x: x * (functional.relu6(x + 3, inplace=True) * (1 / 6)), "HARD_SWISH"),
    ("swish", lambda x: x * x.sigmoid(), "SILU"),
    ("mish", lambda x: functional.softplus(x).tanh() * x, "MISH"),
    ("gelu", lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5)), "GELU"),
    ("mean over positions", lambda x: x.mean((2, 3)), "GLOBAL_AVG_POOL"),
    ("mean twice", lambda x: x.mean(3).mean(2), "GLOBAL_AVG_POOL"),
    ("mean over channels", lambda x: x.mean(1), "REDUCE"),
    ("maximum over positions", lambda x: x.amax((2, 3), keepdim=True), "GLOBAL_MAX_POOL"),
    ("times zero", lambda x: x.mul(0.0), "ZERO"),
    ("zeros like", lambda x: x + torch.zeros_like(x), "ZERO ADD"),
    ("zeros", lambda x: torch.cat([x, torch.zeros(len(x), 2, 6, 6)], 1), "ZERO CONCAT"),
    ("plus zero", lambda x: x + 0, "IDENTITY"),
    ("strided zero", lambda x: x[:, :, ::2, ::2].mul(0.0), "SLICE SLICE ZERO"),
    ("residual", lambda x: x + x.relu(), "RELU ADD"),
    ("in-place sum", lambda x: x.relu().add_(x), "RELU ADD"),
    ("difference", lambda x: x.relu() - x, "RELU SUB"),
    ("product", lambda x: x.relu() * x, "RELU MUL"),
    ("quotient", lambda x: x.relu() / x, "RELU DIV"),
    ("maximum", lambda x: torch.maximum(x, x.tanh()), "TANH MAXIMUM"),
    ("mean of two", lambda x: torch.stack([x, x.relu()]).mean(0), "RELU MEAN"),
    ("concatenation", lambda x: torch.cat([x, x.relu()], 1), "RELU CONCAT"),
    ("split", lambda x: torch.cat(x.split([2, 6], 1)[::-1], 1), "SLICE SLICE CONCAT"),
    ("chunk", lambda x: x.chunk(2, 1)[0], "SLICE SLICE"),
    ("interpolation", lambda x: functional.interpolate(x, size=9), "INTERPOLATE"),
    ("tokens", lambda x: x.flatten(2).transpose(1, 2), "RESHAPE PERMUTE"),
    ("matrix product", lambda x: x @ x.transpose(2, 3), "PERMUTE MATMUL"),
    ("einsum", lambda x: torch.einsum("bchw,bdhw->bcd", x, x), "MATMUL"),
    ("exponential", lambda x: x.exp(), "ELEMENTWISE"),
    ("scaling", lambda x: 3 * x, "ELEMENTWISE"),
    ("noise", lambda x: x * x.new_empty(len(x), 1, 1, 1).bernoulli_(0.5).div_(0.5), "IDENTITY"),
]


@pytest.mark.parametrize(
    ("function", "expected"), [case[1:] for case in FUNCTIONS], ids=[case[0] for case in FUNCTIONS]
)
def test_functions(function: Callable[[Tensor], Any], expected: str) -> None:
    assert inner(function) == expected.split()


def test_hardtanh_variants_are_told_apart() -> None:
    assert inner(lambda x: functional.hardtanh(x, -2, 2)) == ["ELEMENTWISE"]
    assert inner(lambda x: x.clamp(-1, 1)) == ["HARD_TANH"]


def test_multi_head_attention() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            tokens = x.flatten(2).transpose(1, 2)
            return self.attention(tokens, tokens, tokens, need_weights=False)[0]

    graph = trace(Block().eval(), (16, 5, 2))
    assert "ATTENTION" in [Operation(op).name for op in graph.op]
    assert graph.unknown_count == 0
    # Four projections of 10 tokens, scores and values.
    assert multiply_accumulates(graph.features).sum() == 10 * 16 * 16 * 4 + 2 * 10 * 10 * 16
    assert parameters(graph.features).sum() == sum(weight.numel() for weight in Block().parameters())


def test_constants_are_nodes_and_their_parameters_count() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(8, 1, 1))
            self.register_buffer("mean", torch.zeros(1, 8, 1, 1) + 1)

        def forward(self, x: Tensor) -> Tensor:
            return (x - self.mean) * self.scale

    graph = trace(Scaled(), (8, 6, 6))
    assert [Operation(op).name for op in graph.op[1:-1]] == ["CONSTANT", "SUB", "CONSTANT", "MUL"]
    assert parameters(graph.features).sum() == 8


def test_tied_weights_are_marked() -> None:
    layer = nn.Conv2d(8, 8, 1)
    assert trace(nn.Sequential(layer, nn.ReLU(), layer), (8, 4, 4)).column("tied").tolist() == [0, 0, 0, 1, 0]


def small_network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(8, 10),
    )


def small_graph() -> ComputationGraph:
    builder = GraphBuilder((3, 16, 16))
    x = builder.relu(builder.batch_norm(builder.conv(builder.input, 8, 3, stride=2)))
    x = builder.global_avg_pool(builder.pool(Operation.MAX_POOL, x, 3, stride=2, padding=1))
    x = builder.unary(Operation.IDENTITY, builder.unary(Operation.RESHAPE, x))
    builder.output(builder.linear(x, 10))
    return builder.graph()


@pytest.mark.parametrize("training", [True, False])
def test_a_trace_is_what_the_builder_writes(training: bool) -> None:
    graph, expected = trace(small_network().train(training), (3, 16, 16)), small_graph()
    assert np.array_equal(graph.features, expected.features)
    assert np.array_equal(graph.edges, expected.edges)


def test_tracing_leaves_the_module_alone_and_needs_no_weights() -> None:
    module = small_network()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    graph = trace(module, (3, 16, 16))
    assert module.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    with torch.device("meta"):
        assert np.array_equal(trace(small_network(), (3, 16, 16)).features, graph.features)


def test_outside_the_vocabulary_is_counted_and_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        graph = trace(Function(lambda x: x.cumsum(1).relu().sort(1)[0]), (8, 6, 6))
    assert graph.unknown_count >= 2
    assert "cumsum" in caplog.text
    assert "sort" in caplog.text


def test_writing_into_a_view_is_not_overlooked() -> None:
    def write(x: Tensor) -> Tensor:
        y = x.relu()
        y[:, :2].mul_(2)
        return y.tanh()

    assert "UNKNOWN" in inner(write)


def test_several_results_keep_their_order() -> None:
    graph = trace(Function(lambda x: (x.relu(), {"second": x.tanh()})), (8, 6, 6))
    assert graph.edges[0, graph.edges[1] == len(graph) - 1].tolist() == [1, 2]


class Branching(nn.Module):
    """Looks at the numbers that it computes."""

    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            return x
        return -x


def test_control_flow_that_depends_on_data_names_its_line() -> None:
    with pytest.raises(InputError, match=r"Branching.*test_tracing\.py, line \d+ \(if x\.sum\(\) > 0:\)"):
        trace(Branching(), (3, 4, 4))


def test_a_failure_is_told_once(capfd: pytest.CaptureFixture[str]) -> None:
    for module in (Branching(), nn.MaxPool2d(9)):
        with pytest.raises(InputError):
            trace(module, (3, 4, 4))
    assert capfd.readouterr() == ("", "")


def test_bad_input() -> None:
    with pytest.raises(InputError, match="function: not a torch"):
        trace(lambda x: x, (3, 4, 4))  # type: ignore[arg-type]
    for shape in ((), (3, 0, 4), (1, 2, 3, 4), (3.0, 4, 4), 224):
        with pytest.raises(InputError, match="input shape"):
            trace(nn.ReLU(), shape)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"input shape \(5, 8, 8\).*channels"):
        trace(nn.Conv2d(3, 4, 3), (5, 8, 8))
    with pytest.raises(InputError, match="no tensor"):
        trace(Function(lambda x: 3), (3, 4, 4))
