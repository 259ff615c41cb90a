"""Networks of NAS-Bench-201, written down with the builder, for tests of the graphs alone."""

from itertools import product

from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import ComputationGraph

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
ALL_CELLS = tuple(product(OPERATIONS, repeat=6))


def operation(builder: GraphBuilder, name: str, x: int) -> int:
    """One edge of a cell."""
    if name == "none":
        return builder.unary(Operation.ZERO, x)
    if name == "skip_connect":
        return builder.unary(Operation.IDENTITY, x)
    if name == "avg_pool_3x3":
        return builder.pool(Operation.AVG_POOL, x, 3, stride=1, padding=1)
    kernel = int(name[-1])
    channels = builder.shape(x)[0]
    return builder.batch_norm(builder.conv(builder.relu(x), channels, kernel))


def cell(builder: GraphBuilder, operations: tuple[str, ...], x: int) -> int:
    """One cell; ``operations`` belong to ``EDGES``."""
    nodes = [x]
    for node in (1, 2, 3):
        arguments = [
            operation(builder, name, nodes[source])
            for name, (source, target) in zip(operations, EDGES, strict=True)
            if target == node
        ]
        nodes.append(arguments[0] if len(arguments) == 1 else builder.add(*arguments))
    return nodes[-1]


def downsample(builder: GraphBuilder, x: int) -> int:
    """The residual block between the stages."""
    channels = 2 * builder.shape(x)[0]
    inner = builder.batch_norm(builder.conv(builder.relu(x), channels, 3, stride=2))
    inner = builder.batch_norm(builder.conv(builder.relu(inner), channels, 3))
    shortcut = builder.conv(builder.pool(Operation.AVG_POOL, x, 2, stride=2), channels, 1)
    return builder.add(shortcut, inner)


def network(operations: tuple[str, ...], *, channels: int = 16, repeats: int = 5) -> ComputationGraph:
    """The whole network."""
    builder = GraphBuilder((3, 32, 32))
    x = builder.batch_norm(builder.conv(builder.input, channels, 3))
    for stage in range(3):
        x = downsample(builder, x) if stage else x
        for _ in range(repeats):
            x = cell(builder, operations, x)
    x = builder.global_avg_pool(builder.relu(builder.batch_norm(x)))
    return _finish(builder, builder.linear(builder.unary(Operation.RESHAPE, x), 10))


def single_cell(operations: tuple[str, ...], *, channels: int = 4) -> ComputationGraph:
    """One cell between a stem and a classifier without bias."""
    builder = GraphBuilder((3, 8, 8))
    x = cell(builder, operations, builder.conv(builder.input, channels, 3))
    return _finish(builder, builder.linear(builder.global_avg_pool(x), 2, bias=False))


def _finish(builder: GraphBuilder, x: int) -> ComputationGraph:
    builder.output(x)
    return builder.graph()
