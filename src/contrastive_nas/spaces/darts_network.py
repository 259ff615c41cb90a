"""The network around the cells of the DARTS space, as a module and as fragments of a graph.

Source: Liu et al., DARTS: Differentiable Architecture Search, ICLR 2019, section 3.1 and appendix A.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from contrastive_nas.graphs.builder import GraphBuilder, Shape
from contrastive_nas.graphs.compose import Fragment, FragmentBuilder, head_fragment
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.spaces.cell_operations import ReLUConvBN, Zero, write_relu_conv_bn, write_zero

NONE = "none"
OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
    NONE,
)
CELL_INPUTS = 2
_CONCATENATED = 4
_CIFAR_STEM = 3
_POOLS = {"max_pool_3x3": Operation.MAX_POOL, "avg_pool_3x3": Operation.AVG_POOL}

Stem = Literal["cifar", "imagenet"]
Edge = tuple[str, int]
Node = tuple[Edge, Edge]
Cell = tuple[Node, ...]
Genotype = tuple[Cell, Cell]


@dataclass(frozen=True)
class CellPlan:
    """A cell's place in the network.

    Attributes:
        before: channels, height and width of what the cell before gives.
        before_that: of what the one before that gives.
        channels: of the cell's nodes; it gives four times as many.
        is_reduction: whether height and width are halved.
        reads_once: whether both inputs are the same tensor (the first cell after a stem of one part).
        has_auxiliary_head: whether an auxiliary head belongs on the cell's result while training.
    """

    before: Shape
    before_that: Shape
    channels: int
    is_reduction: bool
    reads_once: bool
    has_auxiliary_head: bool

    @property
    def shape(self) -> Shape:
        """Of the cell's result."""
        _, height, width = self.before
        step = 2 if self.is_reduction else 1
        return (_CONCATENATED * self.channels, height // step, width // step)

    @property
    def follows_reduction(self) -> bool:
        """Whether the earlier of the two inputs is larger than the later one."""
        return self.before_that[1] > self.before[1]


def cell_plans(channels: int, layers: int, image: Shape, stem: Stem) -> list[CellPlan]:
    """Return the places of all cells; the reduction cells stand at a third and two thirds of the layers."""
    _, height, width = image
    if stem == "cifar":
        before_that = before = (_CIFAR_STEM * channels, height, width)
    else:
        before_that, before = (channels, height // 4, width // 4), (channels, height // 8, width // 8)
    plans: list[CellPlan] = []
    for layer in range(layers):
        is_reduction = layer in (layers // 3, 2 * layers // 3)
        channels *= 2 if is_reduction else 1
        reads_once = layer == 0 and stem == "cifar"
        plan = CellPlan(before, before_that, channels, is_reduction, reads_once, layer == 2 * layers // 3)
        plans.append(plan)
        before_that, before = before, plan.shape
    return plans


def write_stem(first: CellPlan, image: Shape, stem: Stem) -> list[Fragment]:
    """Return the fragments before the first cell: one for CIFAR, two for ImageNet."""
    graph = GraphBuilder(image)
    channels = first.before[0]
    if stem == "cifar":
        return [head_fragment(graph, graph.batch_norm(graph.conv(graph.input, channels, 3)))]
    x = graph.relu(graph.batch_norm(graph.conv(graph.input, channels // 2, 3, stride=2)))
    opening = head_fragment(graph, graph.batch_norm(graph.conv(x, channels, 3, stride=2)))
    second = FragmentBuilder(opening.shape)
    return [opening, second.fragment(write_relu_conv_bn(second, second.ports[0], channels, 3, stride=2))]


def write_cell(cell: Cell, plan: CellPlan) -> Fragment:
    """Return the fragment of a cell."""
    if plan.reads_once:
        graph = FragmentBuilder(plan.before)
        later = earlier = graph.ports[0]
    else:
        graph = FragmentBuilder(plan.before, plan.before_that)
        later, earlier = graph.ports
    if plan.follows_reduction:
        states = [_write_halving(graph, earlier, plan.channels)]
    else:
        states = [write_relu_conv_bn(graph, earlier, plan.channels, 1)]
    states.append(write_relu_conv_bn(graph, later, plan.channels, 1))
    for node in cell:
        summands = []
        for operation, source in node:
            stride = 2 if plan.is_reduction and source < CELL_INPUTS else 1
            summands.append(_write_operation(graph, states[source], operation, stride))
        states.append(graph.add(*summands))
    return graph.fragment(graph.join(Operation.CONCAT, states[CELL_INPUTS:]))


def _write_halving(graph: GraphBuilder, x: int, channels: int) -> int:
    x = graph.relu(x)
    own, height, width = graph.shape(x)
    shifted = graph.slice(x, (own, height - 1, width), start=1)
    shifted = graph.slice(shifted, (own, height - 1, width - 1), start=1)
    halves = [graph.conv(part, channels // 2, 1, stride=2) for part in (x, shifted)]
    return graph.batch_norm(graph.join(Operation.CONCAT, halves))


def _write_operation(graph: GraphBuilder, x: int, operation: str, stride: int) -> int:
    channels = graph.shape(x)[0]
    if operation == NONE:
        return write_zero(graph, x, stride)
    if operation == "skip_connect":
        return x if stride == 1 else _write_halving(graph, x, channels)
    if operation in _POOLS:
        return graph.pool(_POOLS[operation], x, 3, stride=stride, padding=1)
    kernel = int(operation[-1])
    if operation.startswith("dil"):
        return _write_separable(graph, x, kernel, stride, dilation=2)
    return _write_separable(graph, _write_separable(graph, x, kernel, stride), kernel)


def _write_separable(graph: GraphBuilder, x: int, kernel: int, stride: int = 1, dilation: int = 1) -> int:
    channels = graph.shape(x)[0]
    deep = graph.conv(graph.relu(x), channels, kernel, stride=stride, dilation=dilation, groups=channels)
    return graph.batch_norm(graph.conv(deep, channels, 1))


class _Separable(nn.Sequential):
    """ReLU, depthwise convolution, 1x1 convolution, batch norm."""

    def __init__(self, channels: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        padding = dilation * (kernel // 2)
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(
                channels, channels, kernel, stride, padding, dilation=dilation, groups=channels, bias=False
            ),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )


class _Halving(nn.Module):
    """Half the height and width: two 1x1 convolutions of stride 2, one of them shifted by a pixel."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.halves = nn.ModuleList(
            nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False) for _ in range(2)
        )
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        return self.norm(torch.cat([self.halves[0](x), self.halves[1](x[:, :, 1:, 1:])], dim=1))


class _DARTSCell(nn.Module):
    def __init__(self, cell: Cell, plan: CellPlan) -> None:
        super().__init__()
        earlier = _Halving if plan.follows_reduction else ReLUConvBN
        self.before_that = earlier(plan.before_that[0], plan.channels)
        self.before = ReLUConvBN(plan.before[0], plan.channels)
        self.sources = [source for node in cell for _, source in node]
        self.operations = nn.ModuleList(
            _operation(operation, plan.channels, 2 if plan.is_reduction and source < CELL_INPUTS else 1)
            for node in cell
            for operation, source in node
        )
        # Marks for the regularisation of training.
        self.auxiliary_source = plan.has_auxiliary_head
        for operation in self.operations:
            operation.drop_path_branch = not isinstance(operation, nn.Identity | Zero)  # type: ignore[assignment]

    def forward(self, before_that: Tensor, before: Tensor) -> Tensor:
        states = [self.before_that(before_that), self.before(before)]
        edges = iter(zip(self.operations, self.sources, strict=True))
        for (first, source), (second, other) in zip(edges, edges, strict=True):
            states.append(first(states[source]) + second(states[other]))
        return torch.cat(states[CELL_INPUTS:], dim=1)


def _operation(name: str, channels: int, stride: int) -> nn.Module:
    match name:
        case "none":
            return Zero(stride)
        case "skip_connect":
            return nn.Identity() if stride == 1 else _Halving(channels, channels)
        case "max_pool_3x3":
            return nn.MaxPool2d(3, stride, padding=1)
        case "avg_pool_3x3":
            return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
    kernel = int(name[-1])
    if name.startswith("dil"):
        return _Separable(channels, kernel, stride, dilation=2)
    return nn.Sequential(_Separable(channels, kernel, stride), _Separable(channels, kernel))


class DARTSNetwork(nn.Module):
    """The whole network.

    Args:
        genotype: normal and reduction cell.
        plans: of all cells.
        classes: outputs of the linear layer.
        image_channels: of the images.
        stem: what comes before the cells.
    """

    def __init__(
        self, genotype: Genotype, plans: Sequence[CellPlan], classes: int, image_channels: int, stem: Stem
    ) -> None:
        super().__init__()
        channels = plans[0].before[0]
        if stem == "cifar":
            parts: list[nn.Module] = [
                nn.Sequential(
                    nn.Conv2d(image_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
                )
            ]
        else:
            opening = nn.Sequential(
                nn.Conv2d(image_channels, channels // 2, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(channels // 2),
                nn.ReLU(),
                nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(channels),
            )
            parts = [opening, ReLUConvBN(channels, channels, 3, stride=2)]
        self.stem = nn.ModuleList(parts)
        self.cells = nn.ModuleList(_DARTSCell(genotype[plan.is_reduction], plan) for plan in plans)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(plans[-1].shape[0], classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (batch, classes), of images (batch, C, H, W)."""
        before_that = before = self.stem[0](x)
        for part in self.stem[1:]:
            before = part(before)
        for cell in self.cells:
            before_that, before = before, cell(before_that, before)
        return self.head(before)
