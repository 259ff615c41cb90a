"""What one training run is asked to do."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, overload

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from contrastive_nas.execution.conf_files import read_yaml
from contrastive_nas.training.recipe import RecipeChoice, list_recipes
from contrastive_nas.typed import Typed, read_typed

SourceKind = Literal["digits", "folder", "parquet", "webdataset", "torchvision"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
Export = Literal["onnx", "timm"]


class DataSettings(Typed):
    """Images to train and to test on.

    Attributes:
        kind: Where images come from. ``digits``: scikit-learn's handwritten digits. ``folder``: one folder
            per class. ``parquet``: files with encoded images. ``webdataset``: tar shards. ``torchvision``: a
            data set of torchvision on the disk.
        name: Name of the data set in results. For ``torchvision`` the class, such as ``CIFAR100``.
        train: Folder, file or shard pattern of the training images. For ``torchvision`` the folder of the
            data set. Not used by ``digits``.
        test: The same for the test images. Not used by ``torchvision`` and ``digits``.
        images: Number of training images, for plans that are made without them. ``null`` counts them.
        image_size: Edge of an image in pixels. ``null`` takes the network's own.
        mean: Mean of each channel, of values 0 to 255, or of 0 to 1 where ``std`` is too. ``null`` measures
            it where images lie in memory, and else takes ImageNet's.
        std: Standard deviation of each channel, like ``mean``.
        workers: Number of processes per device that decode images.
        max_corrupt_share: Largest share of corrupt images. More stop the run; one is always let through.
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


class ShortSettings(RecipeChoice):
    """Short trainings, such as a search pays for.

    Attributes:
        data: Images. The test images are for the report alone.
        valid_images: Number of training images that are held out. The search sees the accuracy on them.
        train_images: Number of images to train on. ``null`` takes all that are not held out.
    """

    data: DataSettings = DataSettings(kind="digits", name="digits")
    valid_images: PositiveInt = 500
    train_images: PositiveInt | None = None
    recipe: str = Field(default="digits_short", examples=list_recipes())


class RunSettings(Typed):
    """One training run.

    Attributes:
        space: Name of a search space, or ``path/to/file.py:Class``.
        space_options: Options of the space, such as ``{"channels": 16, "classes": 10}``.
        architecture: A network of the space.
        data: Images.
        recipe: Name of a recipe, or a YAML file.
        overrides: Values that replace those of the recipe.
        output: Folder of the results and of checkpoints. A run that was stopped continues from them.
        seed: Seed of weights, order and augmentation.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed``.
        accumulation: Number of forward passes per weight update on every device.
        compile: Whether torch compiles the network.
        channels_last: Memory format of network and images; on the CPU not for every network, see
            :func:`contrastive_nas.training.network.channels_last_is_safe`.
        test_every: Epochs between two tests. The last epoch is always tested.
        checkpoint_seconds: Smallest time between two checkpoints, in seconds.
        teacher: Exported weights of a network to learn from. None for none.
        supernet: Trained supernet whose weights the network inherits at its start. None for fresh weights.
        exports: Formats beside safetensors.
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
    supernet: Path | None = None
    exports: tuple[Export, ...] = ("onnx", "timm")


Settings = TypeVar("Settings", bound=Typed)


@overload
def load_settings(path: Path) -> RunSettings: ...


@overload
def load_settings(path: Path, kind: type[Settings]) -> Settings: ...


def load_settings(path: Path, kind: type[Typed] = RunSettings) -> Typed:
    """Return settings of a run from a YAML file.

    Args:
        path: of the file.
        kind: class of the settings; those of one network by default.

    Raises:
        InputError: no such file, not YAML, or values that a run does not take.
    """
    return read_typed(kind, read_yaml(path), str(path))
