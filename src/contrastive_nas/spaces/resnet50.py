"""ResNet-50-like networks of Once-for-All.

Sources: Cai et al., Once-for-All: Train One Network and Specialize it for Efficient Deployment, ICLR 2020,
and the authors' supernet ``ofa_resnet50``; He et al., Bag of Tricks for Image Classification with
Convolutional Neural Networks, CVPR 2019, section 4 (three convolutions as stem, pooled shortcuts).

An architecture is ``224|w0.65r1w0.8|w1.0:e0.2,e0.35|w0.8:e0.25,e0.25|...``: the resolution; the stem with the
width of its first convolutions, whether it has a residual one, and the width of its last; then four stages,
each with its width and the expansion of every block that exists. Widths are factors of ResNet-50's; an
expansion is the share of a block's output channels that it has between its 1x1 convolutions. Stages have 2,
2, 4 and 2 blocks and up to two more. All channels are rounded to multiples of 8, so that 0.65 and 0.8 are the
same for the stem's first convolutions.
"""

import math
import re
from collections.abc import Sequence
from functools import partial

from torch import nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.compose import FragmentLibrary, classifier_fragment
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.spaces.base import Architecture, Choice, SearchSpace
from contrastive_nas.spaces.checks import check_positive, check_resolutions, parse_rows
from contrastive_nas.spaces.elastic_stages import RESOLUTIONS
from contrastive_nas.spaces.foreign import check_text
from contrastive_nas.spaces.mobile_blocks import make_divisible
from contrastive_nas.spaces.mobile_network import halved
from contrastive_nas.spaces.resnet50_network import (
    Bottleneck,
    ResNet50Plan,
    network,
    write_bottleneck,
    write_stem,
)
from contrastive_nas.spaces.weight_sharing import WeightSharing

WIDTHS = ("0.65", "0.8", "1.0")
EXPANSIONS = ("0.2", "0.25", "0.35")
RESIDUALS = ("0", "1")
_STEM = 64
_STAGES = ((256, 2, 1), (512, 2, 2), (1024, 4, 2), (2048, 2, 2))
_MORE_BLOCKS = 2
_STEM_FORM = re.compile(r"w([\d.]+)r(\d)w([\d.]+)", re.ASCII)


class ResNet50(SearchSpace):
    """Stages of bottleneck blocks with their number, widths and expansions.

    Args:
        resolutions: Heights (and widths) of images to choose from, in pixels.
        classes: Number of classes, the outputs of the linear layer.
        image_channels: Channels of the images.

    Raises:
        InputError: an option is out of its range.
    """

    name = "resnet50"

    def __init__(
        self, resolutions: Sequence[int] = RESOLUTIONS, classes: int = 1000, image_channels: int = 3
    ) -> None:
        check_positive(self.name, classes=classes, image_channels=image_channels)
        self._resolutions = check_resolutions(self.name, resolutions)
        self._classes, self._image_channels = classes, image_channels
        self.input_shape = (image_channels, max(self._resolutions), max(self._resolutions))
        self._library = FragmentLibrary()

    @property
    def choices(self) -> tuple[Choice, ...]:
        found = [
            Choice("resolution", tuple(map(str, self._resolutions))),
            Choice("stem_first_width", WIDTHS),
            Choice("stem_residual", RESIDUALS),
            Choice("stem_last_width", WIDTHS),
        ]
        for stage, (_, fewest, _) in enumerate(_STAGES, start=1):
            found.append(Choice(f"stage{stage}_width", WIDTHS))
            found.append(Choice(f"stage{stage}_blocks", tuple(map(str, _depths(fewest)))))
            blocks = range(1, fewest + _MORE_BLOCKS + 1)
            found += [Choice(f"stage{stage}_block{block}_expansion", EXPANSIONS) for block in blocks]
        return tuple(found)

    @property
    def size(self) -> int:
        stages = (sum(len(EXPANSIONS) ** depth for depth in _depths(fewest)) for _, fewest, _ in _STAGES)
        widths = len(WIDTHS) ** (2 + len(_STAGES))
        return len(self._resolutions) * len(RESIDUALS) * widths * math.prod(stages)

    def decode(self, decisions: Sequence[int]) -> Architecture:
        left = iter(decisions)
        parts = [str(self._resolutions[next(left)])]
        parts.append(f"w{WIDTHS[next(left)]}r{RESIDUALS[next(left)]}w{WIDTHS[next(left)]}")
        for _, fewest, _ in _STAGES:
            width, depth = WIDTHS[next(left)], fewest + next(left)
            expansions = [EXPANSIONS[next(left)] for _ in range(fewest + _MORE_BLOCKS)]
            parts.append(f"w{width}:" + ",".join(f"e{expansion}" for expansion in expansions[:depth]))
        return "|".join(parts)

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        resolution, stem, stages = self._parse(architecture)
        first, residual, last = stem
        decisions = [self._resolutions.index(resolution)]
        decisions += [WIDTHS.index(first), RESIDUALS.index(residual), WIDTHS.index(last)]
        for (width, expansions), (_, fewest, _) in zip(stages, _STAGES, strict=True):
            decisions += [WIDTHS.index(width), len(expansions) - fewest]
            decisions += [EXPANSIONS.index(expansion) for expansion in expansions]
            decisions += [0] * (fewest + _MORE_BLOCKS - len(expansions))
        return tuple(decisions)

    def image_shape(self, architecture: Architecture) -> tuple[int, int, int]:
        resolution, _, _ = self._parse(architecture)
        return (self._image_channels, resolution, resolution)

    def build(self, architecture: Architecture) -> nn.Module:
        return network(self.plan(architecture), self._image_channels, self._classes)

    def graph(self, architecture: Architecture) -> ComputationGraph:
        return self._compose([self.plan(architecture)])[0]

    def graphs(self, architectures: Sequence[Architecture]) -> GraphBatch:
        return self._compose(parse_rows(self.name, architectures, self.plan))

    def weight_sharing(self) -> WeightSharing:
        """Declare the blocks of a stage its first ones; depths, expansions and widths elastic."""
        elastic = (("resolution",), ("blocks", "residual"), ("expansion",), ("width",))
        return WeightSharing(self._prefixes, elastic)

    def _prefixes(self, architecture: Architecture) -> dict[str, str]:
        _, (_, residual, _), stages = self._parse(architecture)
        places = [
            (stage, block)
            for stage, (_, expansions) in enumerate(stages, start=1)
            for block in range(1, len(expansions) + 1)
        ]
        stem = {"0.0": "stem.first", "0.1": "stem.residual", "0.2": "stem.last"}
        if residual == RESIDUALS[0]:
            stem = {"0.0": "stem.first", "0.1": "stem.last"}
        blocks = {f"1.{number}": f"stage{stage}.block{block}" for number, (stage, block) in enumerate(places)}
        return {**stem, **blocks, "2": "head"}

    def plan(self, architecture: Architecture) -> ResNet50Plan:
        """Return the network that a string stands for.

        Raises:
            InputError: the string is no architecture of this space.
        """
        resolution, (first, residual, last), stages = self._parse(architecture)
        inputs = stem = _scaled(_STEM, last)
        blocks = []
        for (width, expansions), (channels, _, stride) in zip(stages, _STAGES, strict=True):
            outputs = _scaled(channels, width)
            for number, expansion in enumerate(expansions):
                hidden = make_divisible(outputs * float(expansion))
                blocks.append(Bottleneck(inputs, outputs, hidden, stride if number == 0 else 1))
                inputs = outputs
        return ResNet50Plan(
            resolution, make_divisible(_scaled(_STEM, first) // 2), residual == "1", stem, tuple(blocks)
        )

    def _parse(
        self, architecture: Architecture
    ) -> tuple[int, tuple[str, str, str], list[tuple[str, list[str]]]]:
        check_text(self.name, architecture)
        resolution, *parts = architecture.split("|")
        if resolution not in map(str, self._resolutions):
            known = ", ".join(map(str, self._resolutions))
            raise self._refusal(architecture, f"resolution {resolution!r} is not one of {known}")
        if len(parts) != 1 + len(_STAGES):
            raise self._refusal(
                architecture, f"{len(parts)} parts instead of a stem and {len(_STAGES)} stages"
            )
        found = _STEM_FORM.fullmatch(parts[0])
        if not found or found[1] not in WIDTHS or found[2] not in RESIDUALS or found[3] not in WIDTHS:
            form = "w<{0}>r<{1}>w<{0}>".format("/".join(WIDTHS), "/".join(RESIDUALS))
            raise self._refusal(architecture, f"stem {parts[0]!r} is not {form}")
        stages = [
            self._parse_stage(architecture, part, fewest)
            for part, (_, fewest, _) in zip(parts[1:], _STAGES, strict=True)
        ]
        return int(resolution), (found[1], found[2], found[3]), stages

    def _parse_stage(self, architecture: Architecture, text: str, fewest: int) -> tuple[str, list[str]]:
        width, _, blocks = text.partition(":")
        expansions = blocks.split(",")
        if width[:1] != "w" or width[1:] not in WIDTHS:
            raise self._refusal(architecture, f"stage {text!r} does not begin with w<{'/'.join(WIDTHS)}>:")
        if any(expansion[:1] != "e" or expansion[1:] not in EXPANSIONS for expansion in expansions):
            reason = f"blocks {blocks!r} are not e<{'/'.join(EXPANSIONS)}>, joined by commas"
            raise self._refusal(architecture, reason)
        if len(expansions) not in _depths(fewest):
            allowed = f"{fewest} to {fewest + _MORE_BLOCKS}"
            raise self._refusal(
                architecture, f"stage {text!r} has {len(expansions)} blocks instead of {allowed}"
            )
        return width[1:], [expansion[1:] for expansion in expansions]

    def _refusal(self, architecture: Architecture, reason: str) -> InputError:
        return InputError(f"{self.name}: {architecture!r}: {reason}")

    def _compose(self, plans: Sequence[ResNet50Plan]) -> GraphBatch:
        number = self._library.number
        networks = []
        for plan in plans:
            stem = (plan.resolution, plan.first, plan.has_residual, plan.stem)
            parts = [number(stem, partial(write_stem, plan, self._image_channels))]
            size = halved(halved(plan.resolution))
            for block in plan.blocks:
                shape = (block.inputs, size, size)
                parts.append(number((block, size), partial(write_bottleneck, block, shape)))
                if block.stride == 2:
                    size = halved(size)
            shape = (plan.blocks[-1].outputs, size, size)
            parts.append(number(("head", shape), partial(classifier_fragment, shape, self._classes)))
            networks.append(parts)
        return self._library.chain(networks)


def _depths(fewest: int) -> range:
    return range(fewest, fewest + _MORE_BLOCKS + 1)


def _scaled(channels: int, width: str) -> int:
    return make_divisible(channels * float(width))
