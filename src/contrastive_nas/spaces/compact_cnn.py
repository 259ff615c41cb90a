"""Compact convolutional networks for small images: a stem, three stages, a linear classifier.

This file is also the example to copy for a space of one's own.

An architecture is ``s8|plain:k3d2w16|inverted:k5d1e2w32|residual:k3d1e1w16``: the width of the stem, then per
stage the kind of its blocks, kernel, depth (number of blocks), expansion (only where the kind has one) and
width. The second and the third stage start with stride 2. Kinds of blocks:

* ``plain``: convolution;
* ``separable``: depthwise convolution, then 1x1 convolution;
* ``residual``: two convolutions, expansion x width channels between them, added to a (projected) input;
* ``inverted``: 1x1 convolution to expansion x input channels, depthwise, 1x1; added to the input of the same
  shape.

Every convolution is followed by batch-norm; activations are ReLU.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

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
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.spaces.base import Architecture, Choice, SearchSpace
from contrastive_nas.spaces.checks import check_input_shape, check_positive, parse_rows
from contrastive_nas.spaces.foreign import check_text
from contrastive_nas.spaces.weight_sharing import WeightSharing

STEMS = (4, 8, 16)
KINDS = ("plain", "separable", "residual", "inverted")
EXPANDING_KINDS = ("residual", "inverted")
KERNELS = (1, 3, 5)
DEPTHS = (1, 2)
EXPANSIONS = (1, 2)
WIDTHS = (4, 16, 32)
STRIDES = (1, 2, 2)

_STAGE = re.compile(
    r"(?P<kind>[a-z]+):k(?P<kernel>\d+)d(?P<depth>\d+)(?:e(?P<expansion>\d+))?w(?P<width>\d+)"
)


@dataclass(frozen=True)
class Stage:
    """The blocks of one resolution; ``expansion`` is 1 for kinds that have none."""

    kind: str
    kernel: int
    depth: int
    expansion: int
    width: int

    @property
    def block(self) -> tuple[str, int, int, int]:
        """What one of its blocks is made of."""
        return self.kind, self.kernel, self.expansion, self.width

    def __str__(self) -> str:
        expansion = f"e{self.expansion}" if self.kind in EXPANDING_KINDS else ""
        return f"{self.kind}:k{self.kernel}d{self.depth}{expansion}w{self.width}"


class CompactCNN(SearchSpace):
    """Compact networks for small images: 3 stems and 108 different stages at each of three places.

    Args:
        input_shape: Channels, height and width of an image.
        classes: Number of classes, the outputs of the linear layer.
    """

    name = "compact_cnn"

    def __init__(self, input_shape: Sequence[int] = (1, 8, 8), classes: int = 10) -> None:
        check_positive(self.name, classes=classes)
        self.input_shape = check_input_shape(self.name, input_shape, multiple=1)
        self.classes = classes
        self._library = FragmentLibrary()

    @property
    def choices(self) -> tuple[Choice, ...]:
        stage_options = (
            ("kind", KINDS),
            ("kernel", tuple(map(str, KERNELS))),
            ("depth", tuple(map(str, DEPTHS))),
            ("expansion", tuple(map(str, EXPANSIONS))),
            ("width", tuple(map(str, WIDTHS))),
        )
        stages = [
            Choice(f"stage{number}_{name}", options)
            for number in range(1, 4)
            for name, options in stage_options
        ]
        return (Choice("stem", tuple(map(str, STEMS))), *stages)

    @property
    def size(self) -> int:
        variants = sum(len(EXPANSIONS) if kind in EXPANDING_KINDS else 1 for kind in KINDS)
        return len(STEMS) * (variants * len(KERNELS) * len(DEPTHS) * len(WIDTHS)) ** len(STRIDES)

    def enumerate(self) -> Iterator[Architecture]:
        stages = [
            Stage(kind, kernel, depth, expansion, width)
            for kind, kernel, depth, width in itertools.product(KINDS, KERNELS, DEPTHS, WIDTHS)
            for expansion in (EXPANSIONS if kind in EXPANDING_KINDS else (1,))
        ]
        for stem, *chosen in itertools.product(STEMS, stages, stages, stages):
            yield _spell(stem, chosen)

    def decode(self, decisions: Sequence[int]) -> Architecture:
        stem, *rest = decisions
        stages = [
            Stage(KINDS[kind], KERNELS[kernel], DEPTHS[depth], EXPANSIONS[expansion], WIDTHS[width])
            for kind, kernel, depth, expansion, width in zip(*[iter(rest)] * 5, strict=True)
        ]
        return _spell(STEMS[stem], stages)

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        stem, stages = parse(architecture)
        decisions = [STEMS.index(stem)]
        for stage in stages:
            decisions += [
                KINDS.index(stage.kind),
                KERNELS.index(stage.kernel),
                DEPTHS.index(stage.depth),
                EXPANSIONS.index(stage.expansion),
                WIDTHS.index(stage.width),
            ]
        return tuple(decisions)

    def build(self, architecture: Architecture) -> nn.Module:
        stem, stages = parse(architecture)
        layers: list[nn.Module] = [_convolution(self.input_shape[0], stem, 3), nn.ReLU()]
        channels = stem
        for stage, stride in zip(stages, STRIDES, strict=True):
            for number in range(stage.depth):
                layers.append(_BLOCKS[stage.kind](channels, stage, stride if number == 0 else 1))
                channels = stage.width
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, self.classes)]
        return nn.Sequential(*layers, *head)

    def weight_sharing(self) -> WeightSharing:
        """Declare every kind of block a path; kernels, depths, expansions and widths elastic."""
        elastic = ((), ("kernel",), ("depth",), ("expansion", "width", "stem"))
        return WeightSharing(_prefixes, elastic, KERNELS)

    def graph(self, architecture: Architecture) -> ComputationGraph:
        return self._compose([parse(architecture)])[0]

    def graphs(self, architectures: Sequence[Architecture]) -> GraphBatch:
        return self._compose(parse_rows(self.name, architectures, parse))

    def _compose(self, networks: Sequence[tuple[int, list[Stage]]]) -> GraphBatch:
        """Stem, blocks and classifier of every network; equal ones are written once."""
        number, chains = self._library.number, []
        for stem, stages in networks:
            shape = (stem, *self.input_shape[1:])
            chain = [number(("stem", stem), partial(self._write_stem, stem))]
            for stage, first_stride in zip(stages, STRIDES, strict=True):
                for stride in (first_stride, *[1] * (stage.depth - 1)):
                    key = (stage.block, shape, stride)
                    chain.append(number(key, partial(_write_block, stage, shape, stride)))
                    shape = (stage.width, -(-shape[1] // stride), -(-shape[2] // stride))
            chain.append(number(("classifier", shape), partial(classifier_fragment, shape, self.classes)))
            chains.append(chain)
        return self._library.chain(chains)

    def _write_stem(self, channels: int) -> Fragment:
        builder = GraphBuilder(self.input_shape)
        return head_fragment(builder, builder.relu(_write_convolution(builder, builder.input, channels, 3)))


def parse(architecture: Architecture) -> tuple[int, list[Stage]]:
    """Return stem width and stages of an architecture string.

    Raises:
        InputError: the string is not an architecture of this space in its own spelling.
    """
    check_text("compact_cnn", architecture)
    head, *parts = architecture.split("|")
    if len(parts) != len(STRIDES):
        raise InputError(f"compact_cnn {architecture!r}: {len(parts)} stages instead of {len(STRIDES)}")
    if head not in [f"s{stem}" for stem in STEMS]:
        raise InputError(
            f"compact_cnn {architecture!r}: stem {head!r} is not one of s{', s'.join(map(str, STEMS))}"
        )
    return int(head[1:]), [_parse_stage(architecture, part) for part in parts]


def _parse_stage(architecture: Architecture, text: str) -> Stage:
    match = _STAGE.fullmatch(text)
    if match is None:
        raise InputError(f"compact_cnn {architecture!r}: stage {text!r} is not kind:k_d_e_w_")
    allowed = {"kernel": KERNELS, "depth": DEPTHS, "expansion": EXPANSIONS, "width": WIDTHS}
    numbers = {name: int(match[name] or 1) for name in allowed}
    for name, value in numbers.items():
        if value not in allowed[name]:
            raise InputError(
                f"compact_cnn {architecture!r}: {name} {value} in {text!r} is not one of {allowed[name]}"
            )
    stage = Stage(match["kind"], **numbers)
    if stage.kind not in KINDS or str(stage) != text:
        raise InputError(f"compact_cnn {architecture!r}: stage {text!r} is not written as one of {KINDS} is")
    return stage


def _prefixes(architecture: Architecture) -> dict[str, str]:
    """Where the layers of a network stand in the supernet, whose kinds of blocks lie beside each other."""
    _, stages = parse(architecture)
    found = {"0": "stem"}
    number = 2  # after the stem's convolution and activation
    for place, stage in enumerate(stages, start=1):
        for block in range(1, stage.depth + 1):
            found[str(number)] = f"stage{place}.block{block}.{stage.kind}"
            number += 1
    return found | {str(number + 2): "classifier"}  # after pooling and flattening


def _spell(stem: int, stages: Sequence[Stage]) -> Architecture:
    return "|".join([f"s{stem}", *map(str, stages)])


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


def _plain(inputs: int, stage: Stage, stride: int) -> nn.Module:
    return nn.Sequential(_convolution(inputs, stage.width, stage.kernel, stride), nn.ReLU())


def _separable(inputs: int, stage: Stage, stride: int) -> nn.Module:
    depthwise = _convolution(inputs, inputs, stage.kernel, stride, groups=inputs)
    return nn.Sequential(depthwise, _convolution(inputs, stage.width, 1), nn.ReLU())


class Residual(nn.Module):
    """Two convolutions beside a shortcut, which is a 1x1 convolution where shapes differ."""

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        inner = stage.expansion * stage.width
        self.first = _convolution(inputs, inner, stage.kernel, stride)
        self.second = _convolution(inner, stage.width, stage.kernel)
        same = stride == 1 and inputs == stage.width
        self.shortcut = nn.Identity() if same else _convolution(inputs, stage.width, 1, stride)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        inner = self.activation(self.first(x))
        return self.activation(self.second(inner) + self.shortcut(x))


class Inverted(nn.Module):
    """Expansion, depthwise convolution and projection, added to the input where shapes agree."""

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        inner = stage.expansion * inputs
        self.expand = _convolution(inputs, inner, 1)
        self.depthwise = _convolution(inner, inner, stage.kernel, stride, groups=inner)
        self.project = _convolution(inner, stage.width, 1)
        self.activation = nn.ReLU()
        self.residual = stride == 1 and inputs == stage.width

    def forward(self, x: Tensor) -> Tensor:
        inner = self.activation(self.expand(x))
        inner = self.project(self.activation(self.depthwise(inner)))
        return inner + x if self.residual else inner


def _write_convolution(
    builder: GraphBuilder, x: int, channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> int:
    return builder.batch_norm(builder.conv(x, channels, kernel, stride=stride, groups=groups))


def _write_block(stage: Stage, shape: Shape, stride: int) -> Fragment:
    builder = FragmentBuilder(shape)
    return builder.fragment(_WRITERS[stage.kind](builder, builder.input, stage, stride))


def _write_plain(builder: GraphBuilder, x: int, stage: Stage, stride: int) -> int:
    return builder.relu(_write_convolution(builder, x, stage.width, stage.kernel, stride))


def _write_separable(builder: GraphBuilder, x: int, stage: Stage, stride: int) -> int:
    inputs = builder.shape(x)[0]
    depthwise = _write_convolution(builder, x, inputs, stage.kernel, stride, groups=inputs)
    return builder.relu(_write_convolution(builder, depthwise, stage.width, 1))


def _write_residual(builder: GraphBuilder, x: int, stage: Stage, stride: int) -> int:
    inner = builder.relu(_write_convolution(builder, x, stage.expansion * stage.width, stage.kernel, stride))
    second = _write_convolution(builder, inner, stage.width, stage.kernel)
    same = stride == 1 and builder.shape(x)[0] == stage.width
    shortcut = (
        builder.unary(Operation.IDENTITY, x)
        if same
        else _write_convolution(builder, x, stage.width, 1, stride)
    )
    return builder.relu(builder.add(second, shortcut))


def _write_inverted(builder: GraphBuilder, x: int, stage: Stage, stride: int) -> int:
    inputs = builder.shape(x)[0]
    inner = stage.expansion * inputs
    expanded = builder.relu(_write_convolution(builder, x, inner, 1))
    depthwise = builder.relu(_write_convolution(builder, expanded, inner, stage.kernel, stride, groups=inner))
    projected = _write_convolution(builder, depthwise, stage.width, 1)
    return builder.add(projected, x) if stride == 1 and inputs == stage.width else projected


_BLOCKS = {"plain": _plain, "separable": _separable, "residual": Residual, "inverted": Inverted}
_WRITERS = {
    "plain": _write_plain,
    "separable": _write_separable,
    "residual": _write_residual,
    "inverted": _write_inverted,
}
