"""NAS-Bench-201: 15,625 cells of six operations on four nodes, in a fixed network for small images.

Source: Dong and Yang, NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search, ICLR
2020, section 2 and figure 1.

An architecture is the benchmark's own string: ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``, one group per node
after the input, one operation per earlier node; a node is the sum of its operations and the last one is the
cell's output.

Network: a 3x3 convolution to C channels with batch norm; three stages of N cells at C, 2C and 4C channels,
joined by residual blocks of stride 2; batch norm, ReLU, global average pooling, a linear layer.

Counting rules: ``params_millions`` of the benchmark counts every parameter of the network, those of
operations that reach no output included. Its ``flops_millions`` are the multiply-accumulates of convolutions
and linear layer, plus 3 per output element of every ReLU-convolution-norm unit of the cells, 9 per element of
every average pooling of the cells, and 160,832 for the rest of the network (C = 16, N = 5, 10 classes).
"""

import re
from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.builder import GraphBuilder, Shape
from contrastive_nas.graphs.compose import Fragment, FragmentBuilder, head_fragment
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.spaces.base import Architecture, Choice
from contrastive_nas.spaces.cell_operations import ReLUConvBN, Zero, write_relu_conv_bn, write_zero
from contrastive_nas.spaces.foreign import check_text, indices, note_indices
from contrastive_nas.spaces.stacked_cells import STAGES, StackedCells
from contrastive_nas.spaces.weight_sharing import WeightSharing

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
_NUMBERS = {operation: number for number, operation in enumerate(OPERATIONS)}
# NASLib's numbers of the operations, and the order of its edges (``nasbench201/conversions.py`` there).
_NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
_NASLIB_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
_FORM = re.compile(r"\|(\w+)~0\|\+\|(\w+)~0\|(\w+)~1\|\+\|(\w+)~0\|(\w+)~1\|(\w+)~2\|")

Decisions = tuple[int, ...]


class NASBench201(StackedCells[Decisions]):
    """The topology space of NAS-Bench-201.

    Args:
        channels: Channels C of the first stage.
        cells: Cells N per stage.
        classes: Number of classes, the outputs of the linear layer.
        input_shape: Channels, height and width of an image.

    Raises:
        InputError: a number is not positive, or height or width are no multiples of 4.
    """

    name = "nasbench201"
    choices = tuple(Choice(f"edge_{source}_{target}", OPERATIONS) for source, target in EDGES)

    @property
    def size(self) -> int:
        return len(OPERATIONS) ** len(EDGES)

    def decode(self, decisions: Sequence[int]) -> Architecture:
        a, b, c, d, e, f = (OPERATIONS[decision] for decision in decisions)
        return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"

    def translate(self, given: object) -> Architecture | None:
        """Return indices as NASLib writes them, such as ``(4, 0, 3, 1, 4, 3)``: its operations, edge by
        edge.
        """
        chosen = indices(given, len(EDGES), len(_NASLIB_OPERATIONS))
        if chosen is None:
            return None
        note_indices(self.name, "NASLib")
        by_edge = dict(zip(_NASLIB_EDGES, chosen, strict=True))
        return self.decode([_NUMBERS[_NASLIB_OPERATIONS[by_edge[edge]]] for edge in EDGES])

    def encode(self, architecture: Architecture) -> Decisions:
        check_text(self.name, architecture)
        found = _FORM.fullmatch(architecture)
        if found is None:
            raise InputError(
                f"{self.name}: {architecture!r} is not of the form |op~0|+|op~0|op~1|+|op~0|op~1|op~2|"
            )
        try:
            return tuple(_NUMBERS[operation] for operation in found.groups())
        except KeyError as error:
            raise InputError(
                f"{self.name}: unknown operation {error} in {architecture!r}, not in {', '.join(OPERATIONS)}"
            ) from None

    def build(self, architecture: Architecture) -> nn.Module:
        return _NASBench201Network(
            self.encode(architecture),
            self._channels,
            self._cells,
            self._classes,
            image_channels=self.input_shape[0],
        )

    def weight_sharing(self) -> WeightSharing:
        """Declare every operation of every edge of every cell a path."""
        return WeightSharing(self._prefixes)

    def _prefixes(self, architecture: Architecture) -> dict[str, str]:
        operations = [OPERATIONS[decision] for decision in self.encode(architecture)]
        blocks = STAGES * self._cells + STAGES - 1  # cells, and what joins their stages
        return {
            f"body.{block}.edges.{edge}": f"body.{block}.edges.{edge}.{operation}"
            for block in range(blocks)
            for edge, operation in enumerate(operations)
        }

    def _parse(self, architecture: Architecture) -> Decisions:
        return self.encode(architecture)

    def _cell_numbers(self, cell: Decisions, stage: int) -> list[int]:
        write = partial(_write_cell, cell, self._shape(stage))
        return [self._library.number((cell, stage), write)] * self._cells

    def _write_stem(self) -> Fragment:
        graph = GraphBuilder(self.input_shape)
        return head_fragment(graph, graph.batch_norm(graph.conv(graph.input, self._channels, 3)))

    def _write_join(self, stage: int) -> Fragment:
        graph = FragmentBuilder(self._shape(stage - 1))
        channels = self._channels << stage
        x = graph.ports[0]
        main = write_relu_conv_bn(graph, write_relu_conv_bn(graph, x, channels, 3, stride=2), channels, 3)
        pooled = graph.pool(Operation.AVG_POOL, x, 2, stride=2)
        return graph.fragment(graph.add(graph.conv(pooled, channels, 1), main))

    def _write_head(self) -> Fragment:
        graph = FragmentBuilder(self._shape(STAGES - 1))
        pooled = graph.global_avg_pool(graph.relu(graph.batch_norm(graph.ports[0])))
        return graph.fragment(graph.output(graph.linear(pooled, self._classes)))


def _write_cell(cell: Decisions, shape: Shape) -> Fragment:
    graph = FragmentBuilder(shape)
    nodes = [graph.ports[0]]
    for target in range(1, 4):
        summands = [
            _write_operation(graph, nodes[source], OPERATIONS[cell[edge]])
            for edge, (source, to) in enumerate(EDGES)
            if to == target
        ]
        nodes.append(graph.add(*summands) if len(summands) > 1 else summands[0])
    return graph.fragment(nodes[-1])


def _write_operation(graph: GraphBuilder, x: int, operation: str) -> int:
    match operation:
        case "none":
            return write_zero(graph, x)
        case "skip_connect":
            return x
        case "avg_pool_3x3":
            return graph.pool(Operation.AVG_POOL, x, 3, stride=1, padding=1)
        case _:
            return write_relu_conv_bn(graph, x, graph.shape(x)[0], int(operation[-1]))


class _Cell(nn.Module):
    def __init__(self, decisions: Decisions, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(_operation(OPERATIONS[decision], channels) for decision in decisions)

    def forward(self, x: Tensor) -> Tensor:
        first = self.edges[0](x)
        second = self.edges[1](x) + self.edges[2](first)
        return self.edges[3](x) + self.edges[4](first) + self.edges[5](second)


def _operation(name: str, channels: int) -> nn.Module:
    match name:
        case "none":
            return Zero()
        case "skip_connect":
            return nn.Identity()
        case "avg_pool_3x3":
            return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        case _:
            return ReLUConvBN(channels, channels, kernel=int(name[-1]))


class _Reduction(nn.Module):
    """Residual block that halves the image and doubles the channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Sequential(ReLUConvBN(inputs, outputs, 3, stride=2), ReLUConvBN(outputs, outputs, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.main(x)


class _NASBench201Network(nn.Module):
    def __init__(self, cell: Decisions, channels: int, cells: int, classes: int, image_channels: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(image_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        body: list[nn.Module] = []
        for stage in range(STAGES):
            width = channels << stage
            if stage:
                body.append(_Reduction(width // 2, width))
            body += [_Cell(cell, width) for _ in range(cells)]
        self.body = nn.Sequential(*body)
        width = channels << (STAGES - 1)
        self.head = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (batch, classes), of images (batch, C, H, W)."""
        return self.head(self.body(self.stem(x)))
