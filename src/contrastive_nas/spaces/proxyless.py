"""ProxylessNAS-like networks of Once-for-All.

Sources: Cai et al., Once-for-All, ICLR 2020, section 4.1; Cai et al., ProxylessNAS, ICLR 2019.

Strings are those of :mod:`contrastive_nas.spaces.elastic_stages`, with five stages of two to four layers and
a sixth of one layer. Parameters count batch norm; multiply-accumulates are those of convolutions and linear
layer.
"""

from collections.abc import Sequence

from contrastive_nas.spaces.base import Architecture
from contrastive_nas.spaces.checks import check_width
from contrastive_nas.spaces.elastic_stages import DEPTHS, RESOLUTIONS, ElasticStagesSpace
from contrastive_nas.spaces.mobile_blocks import InvertedResidual, make_divisible
from contrastive_nas.spaces.mobile_network import MobilePlan

_STEM, _FIRST = 32, 16
_STAGE_WIDTHS = (24, 40, 80, 96, 192, 320)
_STRIDES = (2, 2, 2, 1, 2, 1)
_FEATURES = 1280


class Proxyless(ElasticStagesSpace):
    """Six stages of inverted residual layers, kernel 3, 5 or 7, expansion 3, 4 or 6.

    There is no squeeze-and-excitation.

    Args:
        width: Factor of all widths; 1.3 was published.
        resolutions: Heights (and widths) of images to choose from, in pixels.
        classes: Number of classes, the outputs of the linear layer.
        image_channels: Channels of the images.

    Raises:
        InputError: an option is out of its range.
    """

    name = "proxyless"

    def __init__(
        self,
        width: float = 1.3,
        resolutions: Sequence[int] = RESOLUTIONS,
        classes: int = 1000,
        image_channels: int = 3,
    ) -> None:
        super().__init__((*(DEPTHS,) * 5, (1,)), resolutions, classes, image_channels, 1e-3)
        self._width = check_width(self.name, width)

    def plan(self, architecture: Architecture) -> MobilePlan:
        resolution, stages = self.parse(architecture)
        stem = self._scaled(_STEM)
        blocks = [InvertedResidual(stem, self._scaled(_FIRST), stem, 3, 1, "relu6")]
        for layers, width, stride in zip(stages, _STAGE_WIDTHS, _STRIDES, strict=True):
            for number, (kernel, expansion) in enumerate(layers):
                inputs = blocks[-1].outputs
                blocks.append(
                    InvertedResidual(
                        inputs,
                        self._scaled(width),
                        make_divisible(inputs * expansion),
                        kernel,
                        stride if number == 0 else 1,
                        "relu6",
                    )
                )
        return MobilePlan(resolution, stem, tuple(blocks), self._scaled(_FEATURES), 0, "relu6")

    def _scaled(self, channels: int) -> int:
        return make_divisible(channels * self._width)
