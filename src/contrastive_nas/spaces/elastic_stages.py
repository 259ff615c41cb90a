"""Spaces of the Once-for-All kind: resolution, and in each stage how many layers, with a kernel and expansion
each.

Source: Cai et al., Once-for-All: Train One Network and Specialize it for Efficient Deployment, ICLR 2020,
section 3.1.

An architecture is ``224|k5e4,k7e3|k3e6,k5e4,k3e3|...``: the resolution, then the stages, each with the layers
that exist.
"""

import itertools
import math
from collections.abc import Mapping, Sequence

from contrastive_nas.errors import InputError
from contrastive_nas.spaces.base import Architecture, Choice
from contrastive_nas.spaces.checks import check_resolutions
from contrastive_nas.spaces.foreign import check_text, once_for_all
from contrastive_nas.spaces.mobile_network import MobileSpace
from contrastive_nas.spaces.weight_sharing import WeightSharing

KERNELS = (3, 5, 7)
EXPANSIONS = (3, 4, 6)
DEPTHS = (2, 3, 4)
RESOLUTIONS = tuple(range(128, 225, 4))

Layer = tuple[int, int]
Stages = tuple[tuple[Layer, ...], ...]
_LAYERS: dict[str, Layer] = {f"k{k}e{e}": (k, e) for k, e in itertools.product(KERNELS, EXPANSIONS)}


class ElasticStagesSpace(MobileSpace):
    """Choices and strings of such a space.

    Args:
        depths: per stage the numbers of layers to choose from.
        resolutions: heights (and widths) of images to choose from.
        classes: outputs of the linear layer.
        image_channels: of the images.
        batch_norm_epsilon: added to variances.

    Raises:
        InputError: an option is out of its range.
    """

    def __init__(
        self,
        depths: tuple[tuple[int, ...], ...],
        resolutions: Sequence[int],
        classes: int,
        image_channels: int,
        batch_norm_epsilon: float,
    ) -> None:
        super().__init__(classes, image_channels, batch_norm_epsilon)
        self._depths = depths
        self._resolutions = check_resolutions(self.name, resolutions)
        self.input_shape = (image_channels, max(self._resolutions), max(self._resolutions))

    @property
    def choices(self) -> tuple[Choice, ...]:
        found = [Choice("resolution", tuple(map(str, self._resolutions)))]
        for stage, depths in enumerate(self._depths, start=1):
            found.append(Choice(f"stage{stage}_depth", tuple(map(str, depths))))
            for layer in range(1, max(depths) + 1):
                found.append(Choice(f"stage{stage}_layer{layer}_kernel", tuple(map(str, KERNELS))))
                found.append(Choice(f"stage{stage}_layer{layer}_expansion", tuple(map(str, EXPANSIONS))))
        return tuple(found)

    @property
    def size(self) -> int:
        layers = len(KERNELS) * len(EXPANSIONS)
        stages = (sum(layers**depth for depth in depths) for depths in self._depths)
        return len(self._resolutions) * math.prod(stages)

    def decode(self, decisions: Sequence[int]) -> Architecture:
        left = iter(decisions)
        parts = [str(self._resolutions[next(left)])]
        for depths in self._depths:
            depth = depths[next(left)]
            layers = [f"k{KERNELS[next(left)]}e{EXPANSIONS[next(left)]}" for _ in range(max(depths))]
            parts.append(",".join(layers[:depth]))
        return "|".join(parts)

    def translate(self, given: object) -> Architecture | None:
        """Return a Once-for-All dictionary of ``ks``, ``e``, ``d`` and ``r``, padded or cut to its depths."""
        return once_for_all(given) if isinstance(given, Mapping) else None

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        resolution, stages = self.parse(architecture)
        decisions = [self._resolutions.index(resolution)]
        for depths, layers in zip(self._depths, stages, strict=True):
            decisions.append(depths.index(len(layers)))
            for kernel, expansion in layers:
                decisions += [KERNELS.index(kernel), EXPANSIONS.index(expansion)]
            decisions += [0] * (2 * (max(depths) - len(layers)))
        return tuple(decisions)

    def image_shape(self, architecture: Architecture) -> tuple[int, int, int]:
        resolution, _ = self.parse(architecture)
        return (self._image_channels, resolution, resolution)

    def weight_sharing(self) -> WeightSharing:
        """Declare the layers of a stage its first ones; kernels, expansions and depths elastic."""
        elastic = (("resolution",), ("kernel",), ("depth",), ("expansion",))
        return WeightSharing(self._prefixes, elastic, KERNELS)

    def _prefixes(self, architecture: Architecture) -> dict[str, str]:
        _, stages = self.parse(architecture)
        places = [
            (stage, layer)
            for stage, layers in enumerate(stages, start=1)
            for layer in range(1, len(layers) + 1)
        ]
        # The first block is the same in all networks.
        blocks = {
            f"1.{block}": f"stage{stage}.layer{layer}" for block, (stage, layer) in enumerate(places, 1)
        }
        return {"0": "stem", "1.0": "first", **blocks, "2": "head"}

    def parse(self, architecture: Architecture) -> tuple[int, Stages]:
        """Return resolution, and kernel and expansion of every layer of every stage.

        Raises:
            InputError: the string is no architecture of this space.
        """
        check_text(self.name, architecture)
        resolution, *parts = architecture.split("|")
        if resolution not in map(str, self._resolutions):
            known = ", ".join(map(str, self._resolutions))
            raise InputError(
                f"{self.name}: {architecture!r}: resolution {resolution!r} is not one of {known}"
            )
        if len(parts) != len(self._depths):
            reason = f"{len(parts)} stages instead of {len(self._depths)}"
            raise InputError(f"{self.name}: {architecture!r}: {reason}")
        stages = tuple(
            tuple(self._parse_layer(architecture, layer) for layer in part.split(",")) for part in parts
        )
        for number, (layers, depths) in enumerate(zip(stages, self._depths, strict=True), start=1):
            if len(layers) not in depths:
                allowed = " or ".join(map(str, depths))
                reason = f"stage {number} has {len(layers)} layers instead of {allowed}"
                raise InputError(f"{self.name}: {architecture!r}: {reason}")
        return int(resolution), stages

    def _parse_layer(self, architecture: Architecture, text: str) -> Layer:
        layer = _LAYERS.get(text)
        if layer is None:
            reason = f"layer {text!r} is not one of {', '.join(_LAYERS)}"
            raise InputError(f"{self.name}: {architecture!r}: {reason}")
        return layer
