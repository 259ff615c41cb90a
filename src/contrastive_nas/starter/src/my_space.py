"""A small search space: two or three convolutions, each ``<kernel>x<channels>``, such as ``3x16-5x32``."""

import re
from collections.abc import Sequence

from torch import nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import ComputationGraph
from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.spaces import Choice, SearchSpace

LAYERS = tuple(f"{kernel}x{channels}" for kernel in (1, 3, 5) for channels in (4, 8, 16, 32))
NONE = "none"


class MySpace(SearchSpace):
    """Convolutions with batch norm and ReLU, an average over the image, and a linear layer."""

    name = "my_space"
    choices = (Choice("first", LAYERS), Choice("second", LAYERS), Choice("third", (NONE, *LAYERS)))
    size = len(LAYERS) ** 2 * (1 + len(LAYERS))

    def __init__(self, classes: int = 10, input_shape: Sequence[int] = (1, 8, 8)) -> None:
        channels, height, width = input_shape
        self.classes, self.input_shape = classes, (channels, height, width)

    def decode(self, decisions: Sequence[int]) -> str:
        """Return the architecture for one option of each choice."""
        names = [choice.options[option] for choice, option in zip(self.choices, decisions, strict=True)]
        return "-".join(name for name in names if name != NONE)

    def encode(self, architecture: str) -> tuple[int, ...]:
        """Return one option of each choice for an architecture."""
        layers = architecture.split("-")
        if len(layers) not in (2, 3) or not set(layers) <= set(LAYERS):
            raise InputError(f"{self.name}: {architecture!r} is not two or three of {', '.join(LAYERS)}")
        names = [*layers, NONE][:3]
        return tuple(choice.options.index(name) for choice, name in zip(self.choices, names, strict=True))

    def build(self, architecture: str) -> nn.Module:
        """Return the network with fresh weights."""
        layers: list[nn.Module] = []
        inputs = self.input_shape[0]
        for kernel, channels in self._layers(architecture):
            convolution = nn.Conv2d(inputs, channels, kernel, padding=kernel // 2, bias=False)
            layers += [convolution, nn.BatchNorm2d(channels), nn.ReLU()]
            inputs = channels
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, self.classes))

    def graph(self, architecture: str) -> ComputationGraph:
        """Return the graph of the same network, written down without building it."""
        graph = GraphBuilder(self.input_shape)
        x = graph.input
        for kernel, channels in self._layers(architecture):
            x = graph.relu(graph.batch_norm(graph.conv(x, channels, kernel)))
        graph.output(graph.linear(graph.global_avg_pool(x), self.classes))
        return graph.graph()

    def _layers(self, architecture: str) -> list[tuple[int, int]]:
        """Kernel and channels of each convolution."""
        self.validate(architecture)
        return [(int(kernel), int(channels)) for kernel, channels in re.findall(r"(\d+)x(\d+)", architecture)]
