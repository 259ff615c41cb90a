"""What one training run is asked to do."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError, model_validator

from contrastive_nas.errors import InputError
from contrastive_nas.training.recipe import Typed, describe_validation, load_recipe

SourceKind = Literal["digits", "folder", "parquet", "webdataset", "torchvision"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
Export = Literal["onnx", "timm"]


class DataSettings(Typed):
    """Where images are read from.

    Attributes:
        kind: ``digits`` of scikit-learn; ``folder``, one folder per class; ``parquet`` with encoded images;
            ``webdataset`` shards; a ``torchvision`` data set on the disk.
        name: of the data set in results; the class for ``torchvision``, e.g. ``CIFAR100``.
        train: folder, file or shard pattern; for ``torchvision`` the folder of the data set.
        test: the same for test images; not used by ``torchvision`` and ``digits``.
        images: number of training images, for plans that are made without them; None counts them.
        image_size: edge in pixels; None for that of the network.
        mean: per channel, of values 0 to 255, or of 0 to 1 where ``std`` is too; None measures it where
            images lie in memory, else ImageNet's.
        std: likewise.
        workers: processes per device that decode images.
        max_corrupt_share: more corrupt images than this share stop the run; at least one is let through.
    """

    kind: SourceKind
    name: str
    train: str = ""
    test: str = ""
    images: PositiveInt | None = None
    image_size: PositiveInt | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    workers: NonNegativeInt = 4
    max_corrupt_share: Annotated[float, Field(ge=0, le=1)] = 0.001

    @model_validator(mode="after")
    def _paths(self) -> "DataSettings":
        if self.kind != "digits" and not self.train:
            raise ValueError(f"kind {self.kind} needs a path 'train'")
        if self.kind in ("folder", "parquet", "webdataset") and not self.test:
            raise ValueError(f"kind {self.kind} needs a path 'test'")
        return self


class ShortSettings(Typed):
    """Short trainings, such as a search pays for.

    Attributes:
        data: images; those of the part ``test`` are for the report alone.
        valid_images: number of training images that are held out: what a search sees is accuracy on them.
        train_images: number of images to train on; None takes all that are not held out.
        recipe: name of a recipe, or a YAML file; augmentation of kind ``batch``.
        overrides: values that replace those of the recipe.
    """

    data: DataSettings = DataSettings(kind="digits", name="digits")
    valid_images: PositiveInt = 500
    train_images: PositiveInt | None = None
    recipe: str = "digits_short"
    overrides: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _recipe_exists(self) -> "ShortSettings":
        try:
            load_recipe(self.recipe, self.overrides)
        except InputError as error:
            raise ValueError(str(error)) from None
        return self


class RunSettings(Typed):
    """One training run.

    Attributes:
        space: name of a search space, or ``file.py:Class``.
        space_options: its options, e.g. ``{"channels": 16, "classes": 10}``.
        architecture: a network of the space.
        data: images.
        recipe: name of a recipe, or a YAML file.
        overrides: values that replace those of the recipe.
        output: folder of the results and of checkpoints; a run that was stopped continues from them.
        seed: of weights, order and augmentation.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed``.
        accumulation: forward passes per update on every device.
        compile: whether torch compiles the network.
        channels_last: memory format of network and images; on the CPU not for every network, see
            :func:`contrastive_nas.training.network.channels_last_is_safe`.
        test_every: epochs between two tests; the last epoch is always tested.
        checkpoint_seconds: least time between two checkpoints.
        teacher: exported weights of a network to learn from; None for none.
        exports: formats beside safetensors.
    """

    space: str
    space_options: dict[str, Any] = Field(default_factory=dict)
    architecture: str
    data: DataSettings
    recipe: str
    overrides: dict[str, Any] = Field(default_factory=dict)
    output: Path
    seed: NonNegativeInt = 0
    device: str = "auto"
    precision: Precision = "32-true"
    accumulation: PositiveInt = 1
    compile: bool = False
    channels_last: bool = False
    test_every: PositiveInt = 1
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 300.0
    teacher: Path | None = None
    exports: tuple[Export, ...] = ("onnx", "timm")


def load_settings(path: Path) -> RunSettings:
    """Settings of a run from a YAML file.

    Raises:
        InputError: no such file, not YAML, or values that a run does not take.
    """
    try:
        return RunSettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None
    except ValidationError as error:
        raise InputError(f"{path}: {describe_validation(error)}") from None
