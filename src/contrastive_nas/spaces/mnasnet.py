"""The MnasNet-like space of Accel-NASBench.

Sources: Ahmad et al., Accel-NASBench: Sustainable Benchmarking for Accelerator-Aware NAS, DAC 2024; Tan et
al., MnasNet: Platform-Aware Neural Architecture Search for Mobile, CVPR 2019.

An architecture is ``e6k3l1s0|e4k5l2s1|...``: for each of seven blocks expansion, kernel, number of layers and
whether they have squeeze-and-excitation, of a quarter of the layer's input channels.

Counting rules of the benchmark: parameters count batch norm. Multiply-accumulates are those of convolutions
and linear layer, plus 4 per element of every batch norm, plus for every global average pooling,
squeeze-and-excitation's included, one per input element and one per channel (64,000 for the last one at 224
pixels).

The benchmark's table does not tell the activations; ReLU and, as gate, sigmoid are MnasNet's.
"""

import re
from collections.abc import Sequence

from contrastive_nas.errors import InputError
from contrastive_nas.spaces.base import Architecture, Choice
from contrastive_nas.spaces.checks import check_resolutions
from contrastive_nas.spaces.foreign import check_text
from contrastive_nas.spaces.mobile_blocks import InvertedResidual
from contrastive_nas.spaces.mobile_network import MobilePlan, MobileSpace

EXPANSIONS = (1, 4, 6)
KERNELS = (3, 5)
SQUEEZES = (0, 1)
LAYERS = ((1, 2, 3),) * 5 + ((1, 2, 3, 4), (1, 2, 3))
_STEM = 32
_WIDTHS = (16, 24, 40, 80, 112, 192, 320)
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
_FEATURES = 1280
_SQUEEZE = 4
_BLOCK = re.compile(r"e(\d)k(\d)l(\d)s(\d)", re.ASCII)

Block = tuple[int, int, int, int]


class MnasNet(MobileSpace):
    """Seven blocks of equal inverted residual layers.

    Args:
        classes: Number of classes, the outputs of the linear layer.
        resolution: Height and width of the images, in pixels.
        image_channels: Channels of the images.

    Raises:
        InputError: an option is out of its range.
    """

    name = "mnasnet"
    choices = tuple(
        Choice(f"block{number}_{decision}", tuple(map(str, options)))
        for number, layers in enumerate(LAYERS)
        for decision, options in (
            ("expansion", EXPANSIONS),
            ("kernel", KERNELS),
            ("layers", layers),
            ("squeeze", SQUEEZES),
        )
    )

    def __init__(self, classes: int = 1000, resolution: int = 224, image_channels: int = 3) -> None:
        super().__init__(classes, image_channels)
        (self._resolution,) = check_resolutions(self.name, [resolution])
        self.input_shape = (image_channels, resolution, resolution)

    @property
    def size(self) -> int:
        size = 1
        for choice in self.choices:
            size *= len(choice.options)
        return size

    def decode(self, decisions: Sequence[int]) -> Architecture:
        options = [choice.options[decision] for choice, decision in zip(self.choices, decisions, strict=True)]
        blocks = zip(*[iter(options)] * 4, strict=True)
        return "|".join(f"e{e}k{k}l{layers}s{squeeze}" for e, k, layers, squeeze in blocks)

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        numbers = [str(number) for block in self.parse(architecture) for number in block]
        return tuple(
            choice.options.index(number) for choice, number in zip(self.choices, numbers, strict=True)
        )

    def parse(self, architecture: Architecture) -> list[Block]:
        """Return expansion, kernel, layers and squeeze-and-excitation of every block.

        Raises:
            InputError: the string is no architecture of this space.
        """
        check_text(self.name, architecture)
        parts = architecture.split("|")
        if len(parts) != len(LAYERS):
            raise InputError(f"{self.name}: {architecture!r}: {len(parts)} blocks instead of {len(LAYERS)}")
        blocks = []
        for number, (part, layers) in enumerate(zip(parts, LAYERS, strict=True)):
            found = _BLOCK.fullmatch(part)
            block = tuple(map(int, found.groups())) if found else ()
            allowed = (EXPANSIONS, KERNELS, layers, SQUEEZES)
            if not block or any(
                chosen not in options for chosen, options in zip(block, allowed, strict=True)
            ):
                form = "".join(
                    f"{letter}<{'/'.join(map(str, options))}>"
                    for letter, options in zip("ekls", allowed, strict=True)
                )
                raise InputError(f"{self.name}: {architecture!r}: block {number} {part!r} is not {form}")
            expansion, kernel, count, squeeze = block
            blocks.append((expansion, kernel, count, squeeze))
        return blocks

    def plan(self, architecture: Architecture) -> MobilePlan:
        layers: list[InvertedResidual] = []
        inputs = _STEM
        for (expansion, kernel, count, squeeze), width, stride in zip(
            self.parse(architecture), _WIDTHS, _STRIDES, strict=True
        ):
            for number in range(count):
                squeezed = inputs // _SQUEEZE if squeeze else 0
                first = stride if number == 0 else 1
                layers.append(
                    InvertedResidual(inputs, width, inputs * expansion, kernel, first, "relu", squeezed)
                )
                inputs = width
        return MobilePlan(self._resolution, _STEM, tuple(layers), _FEATURES, 0, "relu")
