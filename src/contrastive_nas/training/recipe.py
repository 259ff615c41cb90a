"""Training recipes as typed YAML; those of this package lie in ``recipes/``."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from contrastive_nas.errors import InputError, instead
from contrastive_nas.execution.conf_files import read_yaml
from contrastive_nas.typed import Typed, read_typed

Fraction = Annotated[float, Field(ge=0, lt=1)]
_FOLDER = Path(__file__).with_name("recipes")


class BatchAugmentation(Typed):
    """Augmentation of whole batches of images that lie decoded in memory, all of one size.

    Attributes:
        kind: ``batch`` for this augmentation.
        padding: Zeros around the image, in pixels. A window of the image's size is then cut out at random.
        flip: Whether half of the images are mirrored.
        cutout: Edge of a square that is set to the mean, in pixels, its centre anywhere in the image (DeVries
            and Taylor, 2017). 0 for none.
    """

    kind: Literal["batch"] = "batch"
    padding: int = Field(0, ge=0)
    flip: bool = False
    cutout: int = Field(0, ge=0)


class ImageAugmentation(Typed):
    """Augmentation of one image file at a time by timm's transforms, then random erasing of the batch.

    Attributes:
        kind: ``image`` for this augmentation.
        min_scale: Smallest share of the image's area that a random resized crop keeps.
        flip: Probability of mirroring.
        color_jitter: Strength of changes in brightness, contrast and saturation: one number for all, or one
            each. ``null`` for none.
        auto_augment: Policy of timm, such as ``rand-m9-mstd0.5``. ``null`` for none.
        interpolation: How images are resized. ``random`` draws bilinear or bicubic.
        random_erasing: Probability that a rectangle of an image is replaced by noise.
    """

    kind: Literal["image"] = "image"
    min_scale: float = Field(0.08, gt=0, le=1)
    flip: Fraction = 0.5
    color_jitter: NonNegativeFloat | tuple[float, float, float] | None = None
    auto_augment: str | None = None
    interpolation: Literal["random", "bilinear", "bicubic"] = "random"
    random_erasing: Fraction = 0.0


class OptimizerSettings(Typed):
    """An optimiser of timm and its learning rate.

    Attributes:
        name: Name of the optimiser in timm. ``sgd`` has Nesterov momentum, ``momentum`` has none.
        learning_rate: Learning rate for batches of ``reference_batch`` images over all devices.
        reference_batch: Images per update of the published run. The rate grows in proportion for larger
            batches. ``null`` takes the rate for any batch.
        momentum: Momentum of SGD and RMSprop.
        weight_decay: Weight decay, as the optimiser defines it.
        decay_norm_and_bias: Whether weight decay touches norms and biases too.
        epsilon: Epsilon of adaptive optimisers. ``null`` for the optimiser's own.
        clip: Largest norm of the gradient. ``null`` for no clipping.
    """

    name: str
    learning_rate: PositiveFloat
    reference_batch: PositiveInt | None = None
    momentum: Fraction = 0.9
    weight_decay: NonNegativeFloat = 0.0
    decay_norm_and_bias: bool = False
    epsilon: PositiveFloat | None = None
    clip: PositiveFloat | None = None


class ScheduleSettings(Typed):
    """The learning rate over time, by timm's schedulers.

    Attributes:
        kind: Shape of the decay: a cosine, a line, or steps.
        unit: Whether the rate changes with every update or with every epoch.
        warmup_epochs: Epochs of linear rise before the decay.
        warmup_place: Where the rise lies. ``before``: added to the recipe's epochs. ``within``: their first
            part, the decay has the rest. ``over``: in place of the first part of the decay, which counts from
            the start.
        warmup_rate: Learning rate at which the rise starts.
        final_rate: Learning rate at which a cosine or linear decay ends.
        decay_epochs: Epochs of a step.
        decay_rate: Factor of a step.
        noise: First and last share of the run in which the rate is multiplied by 1 + noise. ``null`` for
            none.
    """

    kind: Literal["cosine", "linear", "step"]
    unit: Literal["update", "epoch"] = "update"
    warmup_epochs: NonNegativeFloat = 0.0
    warmup_place: Literal["before", "within", "over"] = "over"
    warmup_rate: NonNegativeFloat = 0.0
    final_rate: NonNegativeFloat = 0.0
    decay_epochs: PositiveFloat = 30.0
    decay_rate: PositiveFloat = 0.1
    noise: tuple[float, float] | None = None


class Distillation(Typed):
    """Learning from a larger network's logits (Hinton et al., 2015).

    The loss is ``(1 - weight) * loss(labels) + weight * T^2 * KL(teacher at T || student at T)``.

    Attributes:
        weight: Share of the teacher in the loss.
        temperature: Temperature T of both networks' logits.
    """

    weight: float = Field(0.5, gt=0, le=1)
    temperature: PositiveFloat = 1.0


class Recipe(Typed):
    """How a network is trained.

    Attributes:
        source: Where the numbers are from.
        epochs: Passes over the training images.
        batch_size: Images per device and forward pass. The batch of an update grows with the devices.
        optimizer: Optimiser and its learning rate.
        schedule: Learning rate over time.
        augmentation: Augmentation of whole batches in memory (``batch``), or of image files (``image``).
        label_smoothing: Probability mass that is spread evenly over the classes.
        mixup: Parameter alpha of mixup. 0 for none.
        cutmix: Parameter alpha of CutMix. 0 for none.
        dropout: Dropout probability before the classifier. ``null`` keeps the network's own.
        drop_path: Largest probability that a branch is set to zero for an image.
        drop_path_grows: Whether that probability grows with the branch's depth or with the epochs.
        auxiliary_weight: Weight of the loss of an auxiliary head. 0 for none.
        settle_statistics: Whether the statistics of batch norm are taken anew over the training images at the
            end.
        ema_decay: Decay of a moving average of the weights, which is then the result. ``null`` for none.
        distillation: How a teacher is used, where one is given.
        crop_fraction: Share of the resized image that the centre crop of a test keeps.
    """

    source: str
    epochs: PositiveInt
    batch_size: PositiveInt
    optimizer: OptimizerSettings
    schedule: ScheduleSettings
    augmentation: BatchAugmentation | ImageAugmentation = Field(discriminator="kind")
    label_smoothing: Fraction = 0.0
    mixup: NonNegativeFloat = 0.0
    cutmix: NonNegativeFloat = 0.0
    dropout: Fraction | None = None
    drop_path: Fraction = 0.0
    drop_path_grows: Literal["depth", "time"] = "depth"
    auxiliary_weight: NonNegativeFloat = 0.0
    settle_statistics: bool = False
    ema_decay: Fraction | None = None
    distillation: Distillation = Distillation(weight=0.5)
    crop_fraction: float = Field(0.875, gt=0, le=1)


def list_recipes() -> list[str]:
    """Return names of the recipes of this package."""
    return sorted(file.stem for file in _FOLDER.glob("*.yml"))


def load_recipe(name: str, overrides: dict[str, Any] | None = None) -> Recipe:
    """Return the recipe of that name, or of a YAML file, with some values replaced.

    Args:
        name: one of :func:`list_recipes`, or the path of a file that ends in ``.yml``.
        overrides: nested values that replace those of the file, e.g.
            ``{"optimizer": {"learning_rate": 0.1}}``.

    Raises:
        InputError: no such recipe, not YAML, or a value that a recipe does not take.
    """
    if name in list_recipes():
        file = _FOLDER / f"{name}.yml"
    elif Path(name).suffix in (".yaml", ".yml") and Path(name).is_file():
        file = Path(name)
    else:
        known = [*list_recipes(), "path/to/file.yml"]
        raise InputError(f"recipe {name!r} is unknown{instead(name, known)}")
    content = read_yaml(file)
    if not isinstance(content, dict):
        raise InputError(f"recipe {name!r} has to hold names with values, as those of the package do")
    return read_typed(Recipe, _merged(content, overrides or {}), f"recipe {name!r}")


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if nested else value
    return merged


class RecipeChoice(Typed):
    """A recipe, with changes.

    Attributes:
        recipe: Name of a training recipe of the package, or a YAML file of your own.
        overrides: Values that replace those of the recipe, such as ``{epochs: 50}``.
    """

    recipe: str
    overrides: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _recipe_exists(self) -> Self:
        try:
            load_recipe(self.recipe, self.overrides)
        except InputError as error:
            raise ValueError(str(error)) from None
        return self
