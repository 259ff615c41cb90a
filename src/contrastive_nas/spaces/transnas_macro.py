"""The macro space of TransNAS-Bench-101: how many residual modules, and where they shrink and widen.

Source: Duan et al., TransNAS-Bench-101: Improving Transferability and Generalizability of Cross-Task Neural
Architecture Search, CVPR 2021, section 3.1; details from the authors' program (yawen-d/TransNASBench).

An architecture is four to six digits, one per module: 1 keeps everything, 2 doubles the channels, 3 halves
the image, 4 does both. One to four modules halve the image, one to three double the channels: 210, 750 and
2,296 networks of four, five and six modules, 3,256 together. The benchmark's own ``64-1234-basic`` (channels,
modules, kind of block) is read too.

Network: a 3x3 convolution of stride 2 to half the channels with batch norm, then ReLU, a 3x3 convolution of
stride 2 to all channels and batch norm; per module two residual blocks, of which the first one shrinks and
widens; global average pooling, a linear layer. A block is twice ReLU, 3x3 convolution and batch norm, added
to its input or, where shapes differ, to a 1x1 convolution of it with batch norm. Nothing follows the sum.

Assumed: the network for classification, with the defaults of the task ``class_scene`` (images of 256 x 256,
47 classes); other classification tasks differ in the number of classes. For its other tasks the benchmark
puts larger heads on the same backbone, which are left out.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from functools import partial
from math import comb

import numpy as np
from torch import Tensor, nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.builder import GraphBuilder, Shape
from contrastive_nas.graphs.compose import (
    Fragment,
    FragmentBuilder,
    FragmentLibrary,
    classifier_fragment,
    head_fragment,
)
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.spaces.base import Architecture, Choice, SearchSpace
from contrastive_nas.spaces.cell_operations import write_relu_conv_bn
from contrastive_nas.spaces.checks import check_input_shape, check_positive, parse_rows
from contrastive_nas.spaces.foreign import check_text

DEPTHS = (4, 5, 6)
KINDS = ("1", "2", "3", "4")
WIDENING = frozenset("24")
SHRINKING = frozenset("34")
MOST_WIDENING = 3
MOST_SHRINKING = 4
_BLOCKS = 2
_FORM = re.compile(r"[1-4]{4,6}")
_BENCHMARK_FORM = re.compile(r"(\d+)-(\d+)-basic")


class TransNASMacro(SearchSpace):
    """Residual networks of four to six modules.

    Args:
        channels: Channels of the first module; an even number, as the stem begins with half of them.
        classes: Number of classes, the outputs of the linear layer.
        input_shape: Channels, height and width of an image.

    Raises:
        InputError: an option is out of its range.
    """

    name = "transnas_macro"
    choices = (
        Choice("modules", tuple(map(str, DEPTHS))),
        *(Choice(f"module{number}", KINDS) for number in range(1, max(DEPTHS) + 1)),
    )
    size = sum(
        sum(comb(depth, count) for count in range(1, MOST_SHRINKING + 1))
        * sum(comb(depth, count) for count in range(1, MOST_WIDENING + 1))
        for depth in DEPTHS
    )

    def __init__(
        self, channels: int = 64, classes: int = 47, input_shape: Sequence[int] = (3, 256, 256)
    ) -> None:
        check_positive(self.name, channels=channels, classes=classes)
        if channels % 2:
            raise InputError(f"{self.name}: channels must be even, got {channels}")
        self.input_shape = check_input_shape(self.name, input_shape, multiple=1)
        self._channels, self._classes = channels, classes
        self._library = FragmentLibrary()

    def enumerate(self) -> Iterator[Architecture]:
        for depth in DEPTHS:
            names = map("".join, itertools.product(KINDS, repeat=depth))
            yield from (name for name in names if _why_not(name) is None)

    def sample(self, rng: np.random.Generator, count: int) -> list[Architecture]:
        """Return ``count`` architectures, each uniform among all."""
        listed = list(self.enumerate())
        return [listed[row] for row in rng.integers(len(listed), size=count)]

    def decode(self, decisions: Sequence[int]) -> Architecture:
        """Return the architecture; what is decided on modules beyond the depth is ignored.

        Changes beyond the most that are allowed are left out, from the last module on; where no module
        shrinks, or none widens, the last one does.
        """
        depth = DEPTHS[decisions[0]]
        kinds = [KINDS[decision] for decision in decisions[1 : 1 + depth]]
        shrinks = _within([kind in SHRINKING for kind in kinds], MOST_SHRINKING)
        widens = _within([kind in WIDENING for kind in kinds], MOST_WIDENING)
        return "".join(KINDS[2 * shrink + widen] for shrink, widen in zip(shrinks, widens, strict=True))

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        modules = self._parse(architecture)
        unused = [0] * (max(DEPTHS) - len(modules))
        return (DEPTHS.index(len(modules)), *map(KINDS.index, modules), *unused)

    def translate(self, given: object) -> Architecture | None:
        """Return the benchmark's own form, ``64-1234-basic``."""
        found = _BENCHMARK_FORM.fullmatch(given.strip()) if isinstance(given, str) else None
        if found is None:
            return None
        if int(found[1]) != self._channels:
            raise InputError(f"{found[1]} channels, but the space is given channels={self._channels}")
        return found[2]

    def build(self, architecture: Architecture) -> nn.Module:
        blocks = self._blocks(self._parse(architecture))
        return _TransNASMacroNetwork(blocks, self._channels, self._classes, self.input_shape[0])

    def graph(self, architecture: Architecture) -> ComputationGraph:
        return self._compose([self._parse(architecture)])[0]

    def graphs(self, architectures: Sequence[Architecture]) -> GraphBatch:
        return self._compose(parse_rows(self.name, architectures, self._parse))

    def _parse(self, architecture: Architecture) -> Architecture:
        check_text(self.name, architecture)
        reason = _why_not(architecture)
        if reason is not None:
            raise InputError(f"{self.name}: {architecture!r}: {reason}")
        return architecture

    def _blocks(self, modules: Architecture) -> list[tuple[int, int, int]]:
        """Channels read, channels given and stride of every residual block."""
        found, channels = [], self._channels
        for kind in modules:
            given = channels * (2 if kind in WIDENING else 1)
            found.append((channels, given, 2 if kind in SHRINKING else 1))
            found += [(given, given, 1)] * (_BLOCKS - 1)
            channels = given
        return found

    def _compose(self, architectures: Sequence[Architecture]) -> GraphBatch:
        number = self._library.number
        networks = []
        stem_shape = self._stem().shape
        stem = number("stem", self._stem)
        for modules in architectures:
            shape, parts = stem_shape, [stem]
            for _, channels, stride in self._blocks(modules):
                key = (shape, channels, stride)
                parts.append(number(key, partial(_write_block, *key)))
                shape = (channels, -(-shape[1] // stride), -(-shape[2] // stride))
            parts.append(number(("head", shape), partial(classifier_fragment, shape, self._classes)))
            networks.append(parts)
        return self._library.chain(networks)

    def _stem(self) -> Fragment:
        graph = GraphBuilder(self.input_shape)
        first = graph.batch_norm(graph.conv(graph.input, self._channels // 2, 3, stride=2))
        return head_fragment(graph, write_relu_conv_bn(graph, first, self._channels, 3, stride=2))


def _why_not(architecture: Architecture) -> str | None:
    """What keeps a string from being an architecture; None where nothing does."""
    if not _FORM.fullmatch(architecture):
        return "not four to six digits from 1 to 4"
    shrinking = sum(kind in SHRINKING for kind in architecture)
    if not 1 <= shrinking <= MOST_SHRINKING:
        return f"{shrinking} modules halve the image (3 or 4) instead of 1 to {MOST_SHRINKING}"
    widening = sum(kind in WIDENING for kind in architecture)
    if not 1 <= widening <= MOST_WIDENING:
        return f"{widening} modules double the channels (2 or 4) instead of 1 to {MOST_WIDENING}"
    return None


def _within(wanted: Sequence[bool], most: int) -> list[bool]:
    """The first ``most`` of what is wanted; the last place where nothing is."""
    kept = [want and sum(wanted[:place]) < most for place, want in enumerate(wanted)]
    return kept if any(kept) else [False] * (len(wanted) - 1) + [True]


def _write_block(shape: Shape, channels: int, stride: int) -> Fragment:
    graph = FragmentBuilder(shape)
    x = graph.ports[0]
    main = write_relu_conv_bn(graph, write_relu_conv_bn(graph, x, channels, 3, stride), channels, 3)
    same = stride == 1 and shape[0] == channels
    shortcut = x if same else graph.batch_norm(graph.conv(x, channels, 1, stride=stride))
    return graph.fragment(graph.add(shortcut, main))


def _convolution(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.ReLU(),
            *_convolution(inputs, outputs, 3, stride),
            nn.ReLU(),
            *_convolution(outputs, outputs, 3, 1),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(*_convolution(inputs, outputs, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.main(x)


class _TransNASMacroNetwork(nn.Module):
    def __init__(
        self, blocks: Sequence[tuple[int, int, int]], channels: int, classes: int, image_channels: int
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            *_convolution(image_channels, channels // 2, 3, 2),
            nn.ReLU(),
            *_convolution(channels // 2, channels, 3, 2),
        )
        self.body = nn.Sequential(*(_Block(*block) for block in blocks))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(blocks[-1][1], classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (batch, classes), of images (batch, C, H, W)."""
        return self.head(self.body(self.stem(x)))
