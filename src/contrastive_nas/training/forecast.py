"""What a training will cost, before there are images or devices."""

from dataclasses import asdict, dataclass
from typing import Any

from contrastive_nas.training.config import Precision, RunSettings
from contrastive_nas.training.data.open import open_source
from contrastive_nas.training.network import NetworkName, build_network
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.recipe import load_recipe

# Floating-point operations a second that one data-centre GPU reaches on mobile networks in mixed precision: a
# V100 trains MobileNetV3 (0.22 G multiply-accumulates) at about 1,500 images a second. Others do better.
USEFUL_FLOPS = 2e12
# Forward, and backward to activations and to weights, of two operations per multiply-accumulate.
FLOPS_PER_MAC = 6
SECONDS_PER_DAY = 86_400
# Weights, gradients, momentum: four bytes each, in mixed precision too.
BYTES_PER_WEIGHT = 12


@dataclass(frozen=True)
class Forecast:
    """The plan of a training and its price.

    Attributes:
        architecture: of the network.
        recipe: name of the recipe.
        devices: processes.
        samples: training images.
        batch: images per update over all devices.
        learning_rate: largest.
        warmup_epochs: of rising learning rate.
        epochs: in all.
        updates: in all.
        learning_rates: at the start of every epoch.
        macs: multiply-accumulates for one image.
        params: trainable parameters.
        gpu_days: of one GPU with :data:`USEFUL_FLOPS`.
        images_per_second: of training that the price assumes, over all devices.
        gigabytes: of memory on every device, see :func:`memory_gigabytes`.
        text: the plan in words.
    """

    architecture: str
    recipe: str
    devices: int
    samples: int
    batch: int
    learning_rate: float
    warmup_epochs: float
    epochs: int
    updates: int
    learning_rates: list[float]
    macs: int
    params: int
    gpu_days: float
    images_per_second: float
    gigabytes: float
    text: str

    def describe(self) -> str:
        """Return the plan in a few lines."""
        return "\n".join(
            [
                f"{self.architecture}: {self.macs / 1e6:.1f} M multiply-accumulates, "
                f"{self.params:,} parameters",
                self.text,
                f"expected: {self.gpu_days:.2g} GPU days at {USEFUL_FLOPS / 1e12:g} TFLOP/s, "
                f"{24 * self.gpu_days / self.devices:.2g} hours on {self.devices} devices, "
                f"{self.images_per_second:.0f} images a second, {self.gigabytes:.2g} GB a device",
            ]
        )

    def as_dict(self) -> dict[str, Any]:
        """Return all attributes."""
        return asdict(self)


def gpu_days(operations: float) -> float:
    """Return how long one GPU with :data:`USEFUL_FLOPS` takes for so many floating-point operations."""
    return operations / USEFUL_FLOPS / SECONDS_PER_DAY


def memory_gigabytes(weights: int, elements: int, images: int, precision: Precision) -> float:
    """Return how much memory a training takes on a device, estimated.

    Weights with gradients and momentum, and the outputs of all operations, each kept once until the backward
    pass has used it. What libraries and the driver take is not counted.

    Args:
        weights: number of weights.
        elements: outputs of all operations for one image.
        images: per forward pass.
        precision: number format of the outputs.
    """
    return (BYTES_PER_WEIGHT * weights + (4 if precision == "32-true" else 2) * elements * images) / 1e9


def forecast(settings: RunSettings, devices: int) -> Forecast:
    """Plan a training without starting it.

    Args:
        settings: of the run; ``data.images`` spares counting the images.
        devices: processes.

    Raises:
        InputError: network, recipe or images cannot be used.
    """
    name = NetworkName(settings.space, settings.space_options, settings.architecture)
    built = build_network(name, settings.data.image_size, settings.seed)
    samples = settings.data.images or len(open_source(settings.data, "train"))
    recipe = load_recipe(settings.recipe, settings.overrides)
    plan = TrainingPlan(recipe, samples, devices, settings.accumulation, settings.seed)
    operations = FLOPS_PER_MAC * built.macs * samples * plan.epochs
    return Forecast(
        architecture=settings.architecture,
        recipe=settings.recipe,
        devices=devices,
        samples=samples,
        batch=plan.batch,
        learning_rate=plan.learning_rate,
        warmup_epochs=plan.warmup_epochs,
        epochs=plan.epochs,
        updates=plan.updates,
        learning_rates=plan.learning_rates(),
        macs=built.macs,
        params=built.parameters,
        gpu_days=gpu_days(operations),
        images_per_second=devices * USEFUL_FLOPS / (FLOPS_PER_MAC * built.macs),
        gigabytes=memory_gigabytes(built.parameters, built.elements, recipe.batch_size, settings.precision),
        text=plan.describe(),
    )
