import numpy as np
import torch
from torch import nn

from contrastive_nas.graphs import GraphBatch, GraphBuilder, trace
from contrastive_nas.graphs.costs import (
    graph_multiply_accumulates,
    graph_parameters,
    multiply_accumulates,
    parameters,
)


def costs(module: nn.Module, shape: tuple[int, ...]) -> tuple[int, int]:
    features = trace(module, shape).features
    return int(multiply_accumulates(features).sum()), int(parameters(features).sum())


def test_convolutions() -> None:
    assert costs(nn.Conv2d(8, 12, 3, padding=1, groups=2), (8, 10, 10)) == (100 * 12 * 4 * 9, 12 * 4 * 9 + 12)
    assert costs(nn.Conv2d(8, 12, 3, stride=2, bias=False), (8, 11, 11)) == (25 * 12 * 8 * 9, 12 * 8 * 9)
    assert costs(nn.Conv1d(8, 12, 5), (8, 10)) == (6 * 12 * 8 * 5, 12 * 8 * 5 + 12)
    # Every input position meets every weight once.
    assert costs(nn.ConvTranspose2d(8, 6, 2, stride=2), (8, 5, 5)) == (25 * 8 * 6 * 4, 8 * 6 * 4 + 6)


def test_linear_layers_and_norms() -> None:
    assert costs(nn.Linear(7, 5), (7,)) == (35, 40)
    assert costs(nn.BatchNorm2d(7), (7, 4, 4)) == (0, 14)
    assert costs(nn.LayerNorm([3, 4, 4]), (3, 4, 4)) == (0, 96)
    assert costs(nn.GroupNorm(2, 6), (6, 4, 4)) == (0, 12)
    assert costs(nn.PReLU(6), (6, 4, 4)) == (0, 6)


def test_attention_makes_two_products() -> None:
    class Attention(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            heads = x.unflatten(-1, (2, 8)).transpose(1, 2)
            keys = heads[:, :, :4]
            return nn.functional.scaled_dot_product_attention(heads, keys, keys).transpose(1, 2).flatten(2)

    # 10 queries, 4 keys, 16 channels; once for the scores and once for the values.
    assert costs(Attention(), (10, 16)) == (2 * 10 * 4 * 16, 0)


def test_tied_weights_count_once() -> None:
    layer = nn.Linear(4, 4)
    assert costs(nn.Sequential(layer, nn.ReLU(), layer), (4,)) == (32, 20)


class Computed(nn.Module):
    """A convolution whose weights are the product of all that the module holds, parameters first."""

    def __init__(self, **held: torch.Tensor) -> None:
        super().__init__()
        for name, tensor in held.items():
            if isinstance(tensor, nn.Parameter):
                self.register_parameter(name, tensor)
            else:
                self.register_buffer(name, tensor)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, *others = (*self.parameters(), *self.buffers())
        weight = first.expand(6, 4, 3, 3)
        for other in others:
            weight = weight * other
        return nn.functional.conv2d(x, weight)


def ones(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.ones(shape))


def test_weights_that_are_not_trained_do_not_count() -> None:
    assert costs(Computed(blur=torch.ones(6, 4, 3, 3)), (4, 5, 5)) == (9 * 6 * 36, 0)


def test_all_parameters_that_weights_are_computed_from_count() -> None:
    gain = Computed(weight=ones(6, 4, 3, 3), gain=ones(6, 1, 1, 1), mask=torch.ones(3, 3))
    assert costs(gain, (4, 5, 5)) == (9 * 6 * 36, 6 * 36 + 6)
    factors = Computed(column=ones(6, 1, 1, 1), row=ones(1, 4, 3, 3))
    assert costs(factors, (4, 5, 5)) == (9 * 6 * 36, 6 + 36)
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(7, 5))
    assert costs(normed, (7,)) == (35, 40 + 5)


def test_parameters_beside_weights_count_once() -> None:
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    assert costs(nn.Sequential(normed, nn.ReLU(), normed), (4,)) == (32, 24)


def test_sums_over_graphs() -> None:
    def build(channels: int) -> GraphBuilder:
        builder = GraphBuilder((3, 8, 8))
        builder.output(builder.conv(builder.input, channels, 3))
        return builder

    batch = GraphBatch.from_graphs([build(2).graph(), build(5).graph()])
    assert graph_parameters(batch).tolist() == [54, 135]
    assert np.array_equal(graph_multiply_accumulates(batch), 64 * graph_parameters(batch))
