"""A user's own space: networks with group norm, which do not care how a batch is shared out."""

from collections.abc import Sequence

from torch import nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import ComputationGraph
from contrastive_nas.spaces.base import Architecture, Choice, SearchSpace
from contrastive_nas.spaces.weight_sharing import WeightSharing

WIDTHS = ("8", "16")


class GroupNormSpace(SearchSpace):
    """A convolution, group norm, ReLU, pooling, a linear layer."""

    name = "group_norm"

    def __init__(
        self, input_shape: Sequence[int] = (1, 8, 8), classes: int = 10, marked: bool = False
    ) -> None:
        self.input_shape = (input_shape[0], input_shape[1], input_shape[2])
        self._classes = classes
        self._marked = marked

    @property
    def choices(self) -> tuple[Choice, ...]:
        return (Choice("width", WIDTHS),)

    @property
    def size(self) -> int:
        return len(WIDTHS)

    def decode(self, decisions: Sequence[int]) -> Architecture:
        return WIDTHS[decisions[0]]

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        if architecture not in WIDTHS:
            raise InputError(f"group_norm: {architecture!r} is not one of {WIDTHS}")
        return (WIDTHS.index(architecture),)

    def build(self, architecture: Architecture) -> nn.Module:
        self.validate(architecture)
        width = int(architecture)
        body = nn.Sequential(
            nn.Conv2d(self.input_shape[0], width, 3, padding=1), nn.GroupNorm(4, width), nn.ReLU()
        )
        if self._marked:
            body[1].drop_path_branch = True
            body.auxiliary_source = True
        return nn.Sequential(body, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, self._classes))

    def weight_sharing(self) -> WeightSharing:
        return WeightSharing(lambda _: {}, ((), ("width",)))

    def graph(self, architecture: Architecture) -> ComputationGraph:
        self.validate(architecture)
        builder = GraphBuilder(self.input_shape)
        x = builder.conv(builder.input, int(architecture), 3, bias=True)
        x = builder.relu(builder.unary(Operation.GROUP_NORM, x))
        builder.output(builder.linear(builder.global_avg_pool(x), self._classes))
        return builder.graph()
