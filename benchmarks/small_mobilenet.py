"""Networks like MobileNetV3 for images of 32 pixels that train in seconds on a processor core."""

from contrastive_nas.spaces.base import Architecture
from contrastive_nas.spaces.elastic_stages import ElasticStagesSpace
from contrastive_nas.spaces.mobile_blocks import Activation, InvertedResidual, make_divisible
from contrastive_nas.spaces.mobile_network import MobilePlan

_STEM, _FEATURES = 8, 96
_WIDTHS = (8, 16, 24)
_STRIDES = (1, 2, 1)
_SQUEEZES = (False, True, True)
_ACTIVATIONS: tuple[Activation, ...] = ("relu", "hard_swish", "hard_swish")


class SmallMobileNetV3(ElasticStagesSpace):
    """Three stages of one to three inverted residual layers, kernel 3, 5 or 7, expansion 3, 4 or 6.

    The largest network has 1.7 M multiply-accumulates.

    Args:
        classes: outputs of the linear layer.
    """

    name = "small_mobilenet_v3"

    def __init__(self, classes: int = 10) -> None:
        super().__init__(((1, 2, 3),) * len(_WIDTHS), (32,), classes, 3, 1e-5)

    def plan(self, architecture: Architecture) -> MobilePlan:
        resolution, stages = self.parse(architecture)
        # Stages begin at 8 x 8.
        blocks = [InvertedResidual(_STEM, _STEM, _STEM, 3, 2, "relu")]
        for layers, width, stride, squeeze, activation in zip(
            stages, _WIDTHS, _STRIDES, _SQUEEZES, _ACTIVATIONS, strict=True
        ):
            for number, (kernel, expansion) in enumerate(layers):
                inputs = blocks[-1].outputs
                hidden = inputs * expansion
                blocks.append(
                    InvertedResidual(
                        inputs,
                        width,
                        hidden,
                        kernel,
                        stride if number == 0 else 1,
                        activation,
                        make_divisible(hidden // 4) if squeeze else 0,
                        "hard_sigmoid",
                    )
                )
        return MobilePlan(resolution, _STEM, tuple(blocks), _FEATURES, 0, "hard_swish")
