"""How a supernet is trained."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from contrastive_nas.training.config import Precision, ShortSettings
from contrastive_nas.training.recipe import list_recipes

ScheduleName = Literal["sandwich", "progressive", "one_path"]


class SupernetTraining(ShortSettings):
    """A training of all networks of a space at once.

    Attributes:
        data: Images to train on. Those that are held out give accuracies; test images are not looked at.
        valid_images: Number of training images that are held out. Networks get their accuracies on them.
        train_images: Number of images to train on. ``null`` takes all that are not held out.
        recipe: Name of a training recipe of the package, or a YAML file of your own.
        schedule: Which networks an update trains. ``sandwich``: the largest, the smallest and random ones,
            which learn from the largest (BigNAS). ``progressive``: first the largest alone, then random ones
            with more and more choices, which learn from it (Once-for-All). ``one_path``: one random network;
            the only one for spaces of cells.
        random_networks: Number of random networks per update.
        divergence: What networks that learn from another one minimise: ``kl``, the Kullback-Leibler
            divergence, or ``alpha``, AlphaNet's adaptive divergence, which also punishes too much confidence.
        shrinking_epochs: Epochs of every later phase of ``progressive``. The first has those of the recipe.
        shrinking_rate: Factor of the recipe's learning rate in the later phases of ``progressive``.
        precision: Number format of the training.
        channels_last: Whether images lie in memory with channels last, which is faster on most machines. On
            the CPU not for every space, see
            :func:`contrastive_nas.training.network.channels_last_is_safe`.
        accumulation: Number of forward passes of every network per weight update on every device.
        test_every: Number of epochs between two tests of the largest network on the held-out images.
    """

    recipe: str = Field(default="digits_short", examples=list_recipes())
    schedule: ScheduleName = "sandwich"
    random_networks: PositiveInt = 2
    divergence: Literal["kl", "alpha"] = "kl"
    shrinking_epochs: PositiveInt = 25
    shrinking_rate: float = Field(0.3, gt=0, le=1)
    precision: Precision = "32-true"
    channels_last: bool = True
    accumulation: PositiveInt = 1
    test_every: PositiveInt = 1

    @model_validator(mode="after")
    def _divergence_is_used(self) -> Self:
        if self.divergence == "alpha" and self.schedule != "sandwich":
            raise ValueError("divergence alpha belongs to the schedule sandwich: set divergence to kl")
        return self


class SupernetSettings(SupernetTraining):
    """One training run of a supernet.

    Attributes:
        space: Name of a search space, or ``path/to/file.py:Class``.
        space_options: Options of the space.
        output: Folder of the results and of checkpoints. A run that was stopped continues from them.
        seed: Seed of weights, networks, order and augmentation.
        device: ``auto``, ``cpu`` or ``cuda``.
        checkpoint_seconds: Smallest time between two checkpoints, in seconds.
    """

    space: str
    space_options: dict[str, Any] = Field(default_factory=dict)
    output: Path
    seed: NonNegativeInt = 0
    device: str = "auto"
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 300.0
