"""The network around a cell of NAS-Bench-101, as fragments of a graph.

Source: Ying et al., NAS-Bench-101: Towards Reproducible Neural Architecture Search, ICML 2019, section 2.2
and figure 1: a 3x3 convolution, three stacks of equal cells that are joined by 2x2 max pooling and double the
channels each, global average pooling, a linear layer. Every convolution is followed by batch norm and ReLU.

Channels inside a cell: the vertices that the output reads share its channels, the first ones take one more
each where the division leaves a rest; any other vertex has as many as the widest vertex that reads it. Edges
from the input are 1x1 convolutions; other edges cut surplus channels off. The output concatenates what it
reads and adds the projected input where it reads that too.
"""

from contrastive_nas.graphs.builder import GraphBuilder, Shape
from contrastive_nas.graphs.compose import Fragment, FragmentBuilder
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.spaces.nasbench101_cells import OPERATIONS, Cell

# Of PyTorch's kind, 1 minus the decay of the benchmark's moving averages (0.997).
BATCH_NORM_MOMENTUM = 0.003


def vertex_channels(cell: Cell, inputs: int, outputs: int) -> list[int]:
    """Return channels of every vertex of a cell that turns ``inputs`` channels into ``outputs``."""
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
    """Return the fragment of a cell that turns ``shape`` into ``outputs`` channels of the same height and
    width.
    """
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
    """Return convolution, batch norm, ReLU."""
    return graph.relu(graph.batch_norm(graph.conv(x, channels, kernel), momentum=BATCH_NORM_MOMENTUM))


def _write_cut(graph: GraphBuilder, x: int, channels: int) -> int:
    own, height, width = graph.shape(x)
    return x if own == channels else graph.slice(x, (channels, height, width))


def _write_operation(graph: GraphBuilder, x: int, operation: str) -> int:
    if operation == "maxpool3x3":
        return graph.pool(Operation.MAX_POOL, x, 3, stride=1, padding=1)
    return write_convolution(graph, x, graph.shape(x)[0], int(operation[4]))
