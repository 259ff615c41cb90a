"""The network around a cell of NAS-Bench-101, as a module and as fragments of a graph.

Source: Ying et al., NAS-Bench-101: Towards Reproducible Neural Architecture Search, ICML 2019, section 2.2
and figure 1: a 3x3 convolution, three stacks of equal cells that are joined by 2x2 max pooling and double the
channels each, global average pooling, a linear layer. Every convolution is followed by batch norm and ReLU.

Channels inside a cell: the vertices that the output reads share its channels, the first ones take one more
each where the division leaves a rest; any other vertex has as many as the widest vertex that reads it. Edges
from the input are 1x1 convolutions; other edges cut surplus channels off. The output concatenates what it
reads and adds the projected input where it reads that too.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from contrastive_nas.graphs.builder import GraphBuilder, Shape
from contrastive_nas.graphs.compose import Fragment, FragmentBuilder
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.spaces.nasbench101_cells import OPERATIONS, Cell

STACKS = 3
_BATCH_NORM_MOMENTUM = 0.003


def vertex_channels(cell: Cell, inputs: int, outputs: int) -> list[int]:
    """Channels of every vertex of a cell that turns ``inputs`` channels into ``outputs``."""
    last = len(cell) - 1
    channels = [inputs, *[0] * (last - 1), outputs]
    joined = [vertex for vertex in cell.sources[last] if vertex]
    for place, vertex in enumerate(joined):
        channels[vertex] = outputs // len(joined) + (place < outputs % len(joined))
    for target in range(last - 1, 1, -1):
        for source in cell.sources[target]:
            if source and source not in joined:
                channels[source] = max(channels[source], channels[target])
    return channels


def write_cell(cell: Cell, shape: Shape, outputs: int) -> Fragment:
    """The fragment of a cell that turns ``shape`` into ``outputs`` channels of the same height and width."""
    graph = FragmentBuilder(shape)
    channels = vertex_channels(cell, shape[0], outputs)
    image, last = graph.ports[0], len(cell) - 1
    nodes = [image]
    for vertex in range(1, last):
        read = [
            _write_cut(graph, nodes[source], channels[vertex])
            if source
            else write_convolution(graph, image, channels[vertex], 1)
            for source in cell.sources[vertex]
        ]
        x = graph.add(*read) if len(read) > 1 else read[0]
        nodes.append(_write_operation(graph, x, OPERATIONS[cell.labels[vertex - 1]]))
    joined = [nodes[source] for source in cell.sources[last] if source]
    results = [graph.join(Operation.CONCAT, joined)] if len(joined) > 1 else joined
    if 0 in cell.sources[last]:
        results = [*results, write_convolution(graph, image, outputs, 1)]
    return graph.fragment(graph.add(*results) if len(results) > 1 else results[0])


def write_convolution(graph: GraphBuilder, x: int, channels: int, kernel: int) -> int:
    """Convolution, batch norm, ReLU."""
    return graph.relu(graph.batch_norm(graph.conv(x, channels, kernel)))


def _write_cut(graph: GraphBuilder, x: int, channels: int) -> int:
    own, height, width = graph.shape(x)
    return x if own == channels else graph.slice(x, (channels, height, width))


def _write_operation(graph: GraphBuilder, x: int, operation: str) -> int:
    if operation == "maxpool3x3":
        return graph.pool(Operation.MAX_POOL, x, 3, stride=1, padding=1)
    return write_convolution(graph, x, graph.shape(x)[0], int(operation[4]))


class _Convolution(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs, momentum=_BATCH_NORM_MOMENTUM),
            nn.ReLU(),
        )


class _CellModule(nn.Module):
    def __init__(self, cell: Cell, inputs: int, outputs: int) -> None:
        super().__init__()
        self.sources = cell.sources
        self.channels = vertex_channels(cell, inputs, outputs)
        self.projections = nn.ModuleDict(
            {
                str(target): _Convolution(inputs, self.channels[target], 1)
                for target, sources in enumerate(cell.sources)
                if 0 in sources
            }
        )
        self.operations = nn.ModuleList(
            _operation(OPERATIONS[label], width)
            for label, width in zip(cell.labels, self.channels[1:-1], strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        last = len(self.sources) - 1
        values = [x]
        for vertex, operation in enumerate(self.operations, start=1):
            values.append(operation(sum_of(self._read(values, vertex))))
        joined = [values[source] for source in self.sources[last] if source]
        results = [torch.cat(joined, dim=1) if len(joined) > 1 else joined[0]] if joined else []
        if 0 in self.sources[last]:
            results.append(self.projections[str(last)](x))
        return sum_of(results)

    def _read(self, values: Sequence[Tensor], vertex: int) -> list[Tensor]:
        width = self.channels[vertex]
        return [
            self._cut(values[source], self.channels[source], width)
            if source
            else self.projections[str(vertex)](values[0])
            for source in self.sources[vertex]
        ]

    @staticmethod
    def _cut(x: Tensor, own: int, channels: int) -> Tensor:
        return x if own == channels else x[:, :channels]


def sum_of(values: Sequence[Tensor]) -> Tensor:
    """The sum, without the zero that Python's ``sum`` starts from."""
    total, *others = values
    for value in others:
        total = total + value
    return total


def _operation(name: str, channels: int) -> nn.Module:
    if name == "maxpool3x3":
        return nn.MaxPool2d(3, stride=1, padding=1)
    return _Convolution(channels, channels, int(name[4]))


class Network(nn.Module):
    """The whole network.

    Args:
        cell: the cell that is repeated.
        channels: of the stem and the first stack.
        cells: per stack.
        classes: outputs of the linear layer.
        image_channels: of the images.
    """

    def __init__(self, cell: Cell, channels: int, cells: int, classes: int, image_channels: int) -> None:
        super().__init__()
        body: list[nn.Module] = [_Convolution(image_channels, channels, 3)]
        inputs = channels
        for stack in range(STACKS):
            if stack:
                body.append(nn.MaxPool2d(2))
            for _ in range(cells):
                body.append(_CellModule(cell, inputs, channels << stack))
                inputs = channels << stack
        self.body = nn.Sequential(*body)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (batch, classes), of images (batch, C, H, W)."""
        return self.head(self.body(x))
