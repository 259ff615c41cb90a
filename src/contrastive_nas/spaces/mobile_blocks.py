"""Inverted residual blocks with squeeze-and-excitation, as modules and as fragments of graphs.

Sources: Sandler et al., MobileNetV2, CVPR 2018, section 3.3 (the block); Howard et al., Searching for
MobileNetV3, ICCV 2019, section 5 (squeeze-and-excitation between depthwise and last convolution, hard sigmoid
and hard swish).
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from contrastive_nas.graphs.builder import GraphBuilder, Shape
from contrastive_nas.graphs.compose import Fragment, FragmentBuilder
from contrastive_nas.graphs.operations import Operation

Activation = Literal["relu", "relu6", "hard_swish", "sigmoid", "hard_sigmoid"]
_MODULES: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hard_swish": nn.Hardswish,
    "sigmoid": nn.Sigmoid,
    "hard_sigmoid": nn.Hardsigmoid,
}
_OPERATIONS = {name: Operation[name.upper()] for name in _MODULES}


@dataclass(frozen=True)
class InvertedResidual:
    """A 1x1 convolution to ``hidden`` channels (none where they equal the inputs), a depthwise one, a 1x1
    back.

    Batch norm follows every convolution, the activation all but the last. The input is added where it has the
    shape of the result.

    Attributes:
        inputs: channels that come in.
        outputs: channels that go out.
        hidden: channels between.
        kernel: of the depthwise convolution.
        stride: of the depthwise convolution.
        activation: after the first two convolutions.
        squeezed: channels between the two layers of squeeze-and-excitation, 0 for none.
        gate: the last activation of squeeze-and-excitation.
    """

    inputs: int
    outputs: int
    hidden: int
    kernel: int
    stride: int
    activation: Activation
    squeezed: int = 0
    gate: Activation = "sigmoid"

    @property
    def is_residual(self) -> bool:
        """Whether the input is added to the result."""
        return self.stride == 1 and self.inputs == self.outputs


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Return the multiple of ``divisor`` nearest to ``channels``, but at least 90 % of it."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


class ConvolutionUnit(nn.Sequential):
    """Convolution without bias, batch norm, and an activation if there is one."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        activation: Activation | None = None,
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        super().__init__(*layers, *([_MODULES[activation]()] if activation else []))


class SqueezeExcite(nn.Module):
    """Channels weighted by two layers on their means."""

    def __init__(self, channels: int, squeezed: int, gate: Activation) -> None:
        super().__init__()
        self.weights = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            _MODULES[gate](),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weights(x)


class InvertedResidualModule(nn.Module):
    """The module of an :class:`InvertedResidual`."""

    def __init__(self, block: InvertedResidual) -> None:
        super().__init__()
        hidden, activation = block.hidden, block.activation
        layers: list[nn.Module] = []
        if hidden != block.inputs:
            layers.append(ConvolutionUnit(block.inputs, hidden, activation=activation))
        layers.append(
            ConvolutionUnit(
                hidden, hidden, block.kernel, stride=block.stride, groups=hidden, activation=activation
            )
        )
        if block.squeezed:
            layers.append(SqueezeExcite(hidden, block.squeezed, block.gate))
        layers.append(ConvolutionUnit(hidden, block.outputs))
        self.layers = nn.Sequential(*layers)
        # A mark for the regularisation of training.
        self.layers.drop_path_branch = block.is_residual  # type: ignore[assignment]
        self.is_residual = block.is_residual

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x) + x if self.is_residual else self.layers(x)


def activation_module(activation: Activation) -> nn.Module:
    """Return the module of an activation."""
    return _MODULES[activation]()


def write_activation(graph: GraphBuilder, x: int, activation: Activation) -> int:
    """Return the node of an activation."""
    return graph.unary(_OPERATIONS[activation], x)


def write_unit(
    graph: GraphBuilder,
    x: int,
    channels: int,
    kernel: int = 1,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: Activation | None = None,
) -> int:
    """Return the nodes of a :class:`ConvolutionUnit`."""
    x = graph.batch_norm(graph.conv(x, channels, kernel, stride=stride, groups=groups))
    return write_activation(graph, x, activation) if activation else x


def write_block(block: InvertedResidual, shape: Shape, epsilon: float) -> Fragment:
    """Return the fragment of an :class:`InvertedResidual` on an input of ``shape``; ``epsilon`` is its
    norms'.
    """
    graph = FragmentBuilder(shape)
    graph.epsilon = epsilon
    x = graph.ports[0]
    if block.hidden != block.inputs:
        x = write_unit(graph, x, block.hidden, activation=block.activation)
    x = write_unit(
        graph,
        x,
        block.hidden,
        block.kernel,
        stride=block.stride,
        groups=block.hidden,
        activation=block.activation,
    )
    if block.squeezed:
        x = _write_squeeze_excite(graph, x, block)
    x = write_unit(graph, x, block.outputs)
    return graph.fragment(graph.add(x, graph.ports[0]) if block.is_residual else x)


def _write_squeeze_excite(graph: GraphBuilder, x: int, block: InvertedResidual) -> int:
    reduced = graph.relu(graph.conv(graph.global_avg_pool(x), block.squeezed, 1, bias=True))
    weights = write_activation(graph, graph.conv(reduced, block.hidden, 1, bias=True), block.gate)
    return graph.join(Operation.MUL, (x, weights))
