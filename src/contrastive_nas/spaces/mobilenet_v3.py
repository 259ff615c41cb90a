"""MobileNetV3-like networks of Once-for-All.

Sources: Cai et al., Once-for-All, ICLR 2020, section 4.1; Howard et al., Searching for MobileNetV3, ICCV
2019.

Strings are those of :mod:`contrastive_nas.spaces.elastic_stages`, with five stages of two to four layers.

Counting rules of published sub-network figures: parameters count batch norm; multiply-accumulates are those
of all convolutions, squeeze-and-excitation included, and of the linear layer. The convolution that mixes the
pooled features has neither bias nor batch norm; widths of squeeze-and-excitation are rounded to multiples of
8.
"""

from collections.abc import Sequence

from contrastive_nas.spaces.base import Architecture
from contrastive_nas.spaces.checks import check_width
from contrastive_nas.spaces.elastic_stages import DEPTHS, RESOLUTIONS, ElasticStagesSpace
from contrastive_nas.spaces.mobile_blocks import Activation, InvertedResidual, make_divisible
from contrastive_nas.spaces.mobile_network import MobilePlan

_STEM = 16
_STAGE_WIDTHS = (24, 40, 80, 112, 160)
_STRIDES = (2, 2, 2, 1, 2)
_SQUEEZES = (False, True, False, True, True)
_ACTIVATIONS: tuple[Activation, ...] = ("relu", "relu", "hard_swish", "hard_swish", "hard_swish")
_FEATURES, _MIXED = 960, 1280
_SQUEEZE = 4


class MobileNetV3(ElasticStagesSpace):
    """Five stages of two to four inverted residual layers, kernel 3, 5 or 7, expansion 3, 4 or 6.

    Args:
        width: Factor of all widths; 1.0 and 1.2 were published.
        resolutions: Heights (and widths) of images to choose from, in pixels.
        classes: Number of classes, the outputs of the linear layer.
        image_channels: Channels of the images.

    Raises:
        InputError: an option is out of its range.
    """

    name = "mobilenet_v3"

    def __init__(
        self,
        width: float = 1.0,
        resolutions: Sequence[int] = RESOLUTIONS,
        classes: int = 1000,
        image_channels: int = 3,
    ) -> None:
        super().__init__((DEPTHS,) * 5, resolutions, classes, image_channels, 1e-5)
        self._width = check_width(self.name, width)

    def plan(self, architecture: Architecture) -> MobilePlan:
        resolution, stages = self.parse(architecture)
        stem = self._scaled(_STEM)
        blocks = [InvertedResidual(stem, stem, stem, 3, 1, "relu")]
        for layers, width, stride, squeeze, activation in zip(
            stages, _STAGE_WIDTHS, _STRIDES, _SQUEEZES, _ACTIVATIONS, strict=True
        ):
            for number, (kernel, expansion) in enumerate(layers):
                inputs = blocks[-1].outputs
                hidden = make_divisible(inputs * expansion)
                blocks.append(
                    InvertedResidual(
                        inputs,
                        self._scaled(width),
                        hidden,
                        kernel,
                        stride if number == 0 else 1,
                        activation,
                        make_divisible(hidden // _SQUEEZE) if squeeze else 0,
                        "hard_sigmoid",
                    )
                )
        return MobilePlan(
            resolution, stem, tuple(blocks), self._scaled(_FEATURES), self._scaled(_MIXED), "hard_swish"
        )

    def _scaled(self, channels: int) -> int:
        return make_divisible(channels * self._width)
