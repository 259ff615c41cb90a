"""Training recipes as typed YAML; those of this package lie in ``recipes/``."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)

from contrastive_nas.errors import InputError

Fraction = Annotated[float, Field(ge=0, lt=1)]
_FOLDER = files("contrastive_nas.training") / "recipes"


class Typed(BaseModel):
    """Parameters that refuse unknown names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BatchAugmentation(Typed):
    """Augmentation of whole batches of images that lie decoded in memory, all of one size.

    Attributes:
        kind: tells this augmentation from the other.
        padding: pixels of zero around the image, from which a window of its size is cut at random.
        flip: mirror half of the images.
        cutout: edge in pixels of a square set to the mean, its centre anywhere in the image (DeVries and
            Taylor, 2017); 0 for none.
    """

    kind: Literal["batch"] = "batch"
    padding: int = Field(0, ge=0)
    flip: bool = False
    cutout: int = Field(0, ge=0)


class ImageAugmentation(Typed):
    """Augmentation of one image file at a time by timm's transforms, then random erasing of the batch.

    Attributes:
        kind: tells this augmentation from the other.
        min_scale: least share of the image's area that a random resized crop keeps.
        flip: probability of mirroring.
        color_jitter: strength for brightness, contrast and saturation, one for all or one each; None
            for none.
        auto_augment: timm's policy, e.g. ``rand-m9-mstd0.5``; None for none.
        interpolation: of the resizing; ``random`` draws bilinear or bicubic.
        random_erasing: probability that a rectangle of an image is replaced by noise.
    """

    kind: Literal["image"] = "image"
    min_scale: float = Field(0.08, gt=0, le=1)
    flip: Fraction = 0.5
    color_jitter: NonNegativeFloat | tuple[float, float, float] | None = None
    auto_augment: str | None = None
    interpolation: Literal["random", "bilinear", "bicubic"] = "random"
    random_erasing: Fraction = 0.0


class OptimizerSettings(Typed):
    """An optimiser of timm and its learning rate for a reference batch.

    Attributes:
        name: timm's name; its ``sgd`` is with Nesterov momentum, ``momentum`` without.
        learning_rate: for batches of ``reference_batch`` images over all devices.
        reference_batch: the whole batch of the published run; None takes the rate for any
            batch.
        momentum: of SGD and RMSprop.
        weight_decay: as the optimiser defines it.
        decay_norm_and_bias: whether weight decay touches vectors too (norms and biases).
        epsilon: of adaptive optimisers; None for the optimiser's own.
        clip: largest norm of the gradient; None for no clipping.
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
        kind: cosine or linear to ``final_rate``, or steps.
        unit: the rate changes with every update, or with every epoch.
        warmup_epochs: epochs of linear rise before the decay.
        warmup_place: ``before``: added to the recipe's epochs; ``within``: their first part, the decay has
            the rest; ``over``: instead of the first part of the decay, which counts from the start.
        warmup_rate: where the rise starts.
        final_rate: where a cosine or linear decay ends.
        decay_epochs: length of a step.
        decay_rate: factor of a step.
        noise: first and last share of the run in which the rate is multiplied by 1 + noise; None for none.
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
        weight: share of the teacher.
        temperature: T.
    """

    weight: float = Field(0.5, gt=0, le=1)
    temperature: PositiveFloat = 1.0


class Recipe(Typed):
    """How a network is trained.

    Attributes:
        source: where the numbers are from.
        epochs: passes over the training images.
        batch_size: images per device and forward pass; the whole batch grows with the devices.
        optimizer: and its learning rate.
        schedule: of the learning rate.
        augmentation: of whole batches in memory, or of image files.
        label_smoothing: mass spread evenly over the classes.
        mixup: alpha of mixup; 0 for none.
        cutmix: alpha of cutmix; 0 for none.
        dropout: before the classifier; None leaves a network's own as it is.
        drop_path: largest probability with which a branch is zeroed for an image.
        drop_path_grows: ``depth``: probability grows with the branch's depth; ``time``: with the epochs.
        auxiliary_weight: weight of the loss of an auxiliary head; 0 for none.
        settle_statistics: whether batch norm's statistics are taken anew over the training images at the end.
        ema_decay: of a moving average of the weights that is then the result; None for none.
        distillation: used where a teacher is given.
        crop_fraction: share of the resized image that the centre crop of a test keeps.
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
    """Names of the recipes of this package."""
    return sorted(Path(entry.name).stem for entry in _FOLDER.iterdir() if entry.name.endswith(".yml"))


def load_recipe(name: str, overrides: dict[str, Any] | None = None) -> Recipe:
    """The recipe of that name, or of a YAML file, with some values replaced.

    Args:
        name: one of :func:`list_recipes`, or the path of a file that ends in ``.yml``.
        overrides: nested values that replace those of the file, e.g.
            ``{"optimizer": {"learning_rate": 0.1}}``.

    Raises:
        InputError: no such recipe, not YAML, or a value that a recipe does not take.
    """
    if name in list_recipes():
        text = (_FOLDER / f"{name}.yml").read_text(encoding="utf-8")
    elif Path(name).suffix in (".yaml", ".yml") and Path(name).is_file():
        text = Path(name).read_text(encoding="utf-8")
    else:
        raise InputError(
            f"recipe {name!r} is unknown: choose from {', '.join(list_recipes())} or name a YAML file"
        )
    try:
        content = yaml.safe_load(text)
        return Recipe.model_validate(_merged(content, overrides or {}))
    except (yaml.YAMLError, TypeError) as error:
        raise InputError(f"recipe {name!r} is not valid YAML: {error}") from None
    except ValidationError as error:
        raise InputError(f"recipe {name!r}: {describe_validation(error)}") from None


def describe_validation(error: ValidationError) -> str:
    """A validation error in one line: every offending name with its reason."""
    return "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if nested else value
    return merged
