"""Networks of bottleneck blocks with a stem of three convolutions, as modules and as fragments of graphs.

Source: He et al., Bag of Tricks for Image Classification with Convolutional Neural Networks, CVPR 2019,
section 4.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from contrastive_nas.graphs.builder import GraphBuilder, Shape
from contrastive_nas.graphs.compose import Fragment, FragmentBuilder, head_fragment
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.spaces.mobile_blocks import ConvolutionUnit, write_unit


@dataclass(frozen=True)
class Bottleneck:
    """A 1x1, a 3x3 and a 1x1 convolution with a shortcut, which is a convolution where the shape changes.

    Attributes:
        inputs: channels that come in.
        outputs: channels that go out.
        hidden: channels between.
        stride: of the 3x3 convolution; the shortcut is pooled.
    """

    inputs: int
    outputs: int
    hidden: int
    stride: int


@dataclass(frozen=True)
class ResNet50Plan:
    """One network.

    Attributes:
        resolution: height and width of the images.
        first: channels of the stem's first convolutions.
        has_residual: whether the stem has a second convolution, with a shortcut.
        stem: channels of the stem's last convolution.
        blocks: in their order.
    """

    resolution: int
    first: int
    has_residual: bool
    stem: int
    blocks: tuple[Bottleneck, ...]


def network(plan: ResNet50Plan, image_channels: int, classes: int) -> nn.Module:
    """Return the network of a plan."""
    stem: list[nn.Module] = [ConvolutionUnit(image_channels, plan.first, 3, stride=2, activation="relu")]
    if plan.has_residual:
        stem.append(_Residual(ConvolutionUnit(plan.first, plan.first, 3, activation="relu")))
    stem.append(ConvolutionUnit(plan.first, plan.stem, 3, activation="relu"))
    stem.append(nn.MaxPool2d(3, stride=2, padding=1))
    body = [_BottleneckModule(block) for block in plan.blocks]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(plan.blocks[-1].outputs, classes)]
    return nn.Sequential(nn.Sequential(*stem), nn.Sequential(*body), nn.Sequential(*head))


def write_stem(plan: ResNet50Plan, image_channels: int) -> Fragment:
    """Return the fragment before the blocks."""
    graph = GraphBuilder((image_channels, plan.resolution, plan.resolution))
    x = write_unit(graph, graph.input, plan.first, 3, stride=2, activation="relu")
    if plan.has_residual:
        x = graph.add(write_unit(graph, x, plan.first, 3, activation="relu"), x)
    x = write_unit(graph, x, plan.stem, 3, activation="relu")
    return head_fragment(graph, graph.pool(Operation.MAX_POOL, x, 3, stride=2, padding=1))


def write_bottleneck(block: Bottleneck, shape: Shape) -> Fragment:
    """Return the fragment of a block on an input of ``shape``."""
    graph = FragmentBuilder(shape)
    shortcut = graph.ports[0]
    x = write_unit(graph, shortcut, block.hidden, activation="relu")
    x = write_unit(graph, x, block.hidden, 3, stride=block.stride, activation="relu")
    x = write_unit(graph, x, block.outputs)
    if block.stride == 2:
        shortcut = graph.pool(Operation.AVG_POOL, shortcut, 2, stride=2, ceil=True)
    if block.stride == 2 or block.inputs != block.outputs:
        shortcut = write_unit(graph, shortcut, block.outputs)
    return graph.fragment(graph.relu(graph.add(x, shortcut)))


class _Residual(nn.Module):
    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x) + x


class _BottleneckModule(nn.Module):
    def __init__(self, block: Bottleneck) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ConvolutionUnit(block.inputs, block.hidden, activation="relu"),
            ConvolutionUnit(block.hidden, block.hidden, 3, stride=block.stride, activation="relu"),
            ConvolutionUnit(block.hidden, block.outputs),
        )
        # A mark for the regularisation of training.
        self.layers.drop_path_branch = True  # type: ignore[assignment]
        shortcut: list[nn.Module] = []
        if block.stride == 2:
            shortcut.append(nn.AvgPool2d(2, stride=2, ceil_mode=True))
        if block.stride == 2 or block.inputs != block.outputs:
            shortcut.append(ConvolutionUnit(block.inputs, block.outputs))
        self.shortcut = nn.Sequential(*shortcut)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.layers(x) + self.shortcut(x))
