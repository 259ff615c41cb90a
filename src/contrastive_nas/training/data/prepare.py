"""From settings to training feed, test batches and their normalisation."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor

from contrastive_nas.errors import InputError
from contrastive_nas.training.config import DataSettings
from contrastive_nas.training.data.base import Batch, ImageSource
from contrastive_nas.training.data.feed import (
    CorruptLog,
    Feed,
    LoaderFeed,
    MemoryFeed,
    Transform,
    decode_all,
    make_loader,
)
from contrastive_nas.training.data.order import Order
from contrastive_nas.training.data.transforms import test_transform, training_transform
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.recipe import ImageAugmentation, Recipe

logger = logging.getLogger(__name__)
# Decoded images may take this much memory in every process.
LARGEST_MEMORY = 8 * 2**30
_TEST_BATCH = 256


@dataclass(frozen=True)
class Preprocessing:
    """How images are brought to what the network takes; part of an exported network.

    Attributes:
        channels: 1 or 3.
        size: edge in pixels.
        mean: per channel, of values 0 to 255.
        std: per channel, of values 0 to 255.
        crop_fraction: share of the resized image that the centre crop keeps; None for a resize to ``size``
            alone.
    """

    channels: int
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop_fraction: float | None


@dataclass
class Images:
    """The images of a run.

    Attributes:
        train: source of training images.
        test: source of test images.
        memory: decoded training images, where the recipe augments whole batches.
        preprocessing: normalisation and size.
        recipe: says which transforms.
        corrupt: log of images that cannot be decoded.
        workers: processes that decode.
    """

    train: ImageSource
    test: ImageSource
    memory: Batch | None
    preprocessing: Preprocessing
    recipe: Recipe
    corrupt: CorruptLog
    workers: int

    @property
    def samples(self) -> int:
        """Number of training images."""
        return len(self.train) if self.memory is None else len(self.memory.labels)

    def feed(self, plan: TrainingPlan, device_number: int, device: torch.device) -> Feed:
        """Return training batches for one device."""
        if self.memory is not None:
            on_device = Batch(*(part.to(device) for part in self.memory))
            return MemoryFeed(on_device, Order(plan, plan.seed), device_number)
        assert isinstance(self.recipe.augmentation, ImageAugmentation)
        return LoaderFeed(
            self.train,
            training_transform(
                self.recipe.augmentation, self.preprocessing.size, self.preprocessing.channels
            ),
            Order(plan, plan.seed, self.train.blocks),
            device_number,
            plan.seed,
            self.workers,
            self.preprocessing.channels,
            self.corrupt,
            pin=device.type == "cuda",
        )

    def test_feed(self, device_number: int = 0, devices: int = 1) -> "TestFeed":
        """Test batches, every ``devices``-th image."""
        transform = test_transform(self.preprocessing.size, self.preprocessing.crop_fraction)
        return TestFeed(
            self.test,
            transform,
            self.preprocessing.channels,
            self.corrupt,
            self.workers if self.memory is None else 0,
            range(device_number, len(self.test), devices),
            keep=self.memory is not None,
        )


class TestFeed:
    """Test images in their order; small ones are decoded once.

    Args:
        source: of the images.
        transform: of one PIL image.
        channels: 1 or 3.
        corrupt: log of images that are left out.
        workers: processes that decode.
        numbers: which images.
        keep: whether decoded images stay in memory.
    """

    __test__ = False

    def __init__(
        self,
        source: ImageSource,
        transform: Transform,
        channels: int,
        corrupt: CorruptLog,
        workers: int,
        numbers: range,
        keep: bool,
    ) -> None:
        keys = [
            [(0, number) for number in numbers[start : start + _TEST_BATCH]]
            for start in range(0, len(numbers), _TEST_BATCH)
        ]
        self._loader = make_loader(source, transform, keys, 0, workers, channels)
        self._corrupt = corrupt
        self._kept: list[Batch] | None = None
        self._keeps = keep

    def __iter__(self) -> Iterator[Batch]:
        if self._kept is not None:
            yield from self._kept
            return
        seen = []
        for read, flaws in self._loader:
            batch = self._corrupt.take(read, flaws)
            if self._keeps:
                seen.append(batch)
            yield batch
        if self._keeps:
            self._kept = seen


def prepare_images(
    settings: DataSettings, recipe: Recipe, sources: tuple[ImageSource, ImageSource], channels: int, size: int
) -> Images:
    """Decide what is decoded into memory, and measure mean and deviation there.

    Args:
        settings: paths, mean and deviation.
        recipe: augments whole batches in memory, or image files one by one.
        sources: training and test images.
        channels: of the network's input.
        size: edge of the network's input in pixels.

    Raises:
        InputError: images would not fit into memory, too many are corrupt, or mean and deviation are unclear.
    """
    train, test = sources
    corrupt = CorruptLog(max(1, int(settings.max_corrupt_share * (len(train) + len(test)))))
    memory = None
    mean, std = _in_values(settings.name, settings.mean, settings.std)
    if isinstance(recipe.augmentation, ImageAugmentation):
        mean = mean or _for_channels(IMAGENET_DEFAULT_MEAN, channels)
        std = std or _for_channels(IMAGENET_DEFAULT_STD, channels)
        crop_fraction: float | None = recipe.crop_fraction
    else:
        need = len(train) * channels * size**2
        if need > LARGEST_MEMORY:
            raise InputError(
                f"{settings.name}: {len(train)} images of {size} pixels take {need / 2**30:.0f} GB decoded; "
                "choose a recipe with augmentation of kind image"
            )
        crop_fraction = None
        memory = decode_all(train, test_transform(size, None), channels, corrupt)
        measured = _moments(memory.images)
        mean, std = mean or measured[0], std or measured[1]
    if not len(mean) == len(std) == channels:
        raise InputError(f"{settings.name}: mean and std need {channels} values each, one a channel")
    preprocessing = Preprocessing(channels, size, mean, std, crop_fraction)
    return Images(train, test, memory, preprocessing, recipe, corrupt, settings.workers)


def _in_values(
    name: str, mean: tuple[float, ...] | None, std: tuple[float, ...] | None
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Mean and deviation of values 0 to 255, also where they were given for values 0 to 1.

    Deviations up to 1 can only be meant for values 0 to 1: images that vary by less than one step of 255 show
    nothing.

    Raises:
        InputError: means up to 1, and no deviations that tell which scale is meant, or those of the other.
    """
    std_is_small = bool(std and max(std) <= 1)
    # A mean of 0 fits both scales.
    if mean and max(mean) > 0 and (max(mean) <= 1) != std_is_small:
        raise InputError(
            f"{name}: mean {mean} and std {std} have different scales: give both of "
            "values 0 to 255, or both of 0 to 1"
        )
    if not std_is_small:
        return mean, std
    logger.info("%s: mean and std are taken for values 0 to 1", name)
    return mean and _scaled(mean), std and _scaled(std)


def _scaled(values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(255.0 * value for value in values)


def _moments(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of every channel of uint8 images."""
    values = torch.arange(256, dtype=torch.float64)
    mean, std = [], []
    for channel in images.unbind(1):
        share = torch.bincount(channel.flatten(), minlength=256).double() / channel.numel()
        mean.append(float(share @ values))
        std.append(max(1.0, float(share @ (values - mean[-1]) ** 2) ** 0.5))
    return tuple(mean), tuple(std)


def _for_channels(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    scaled = _scaled(values)
    return scaled if channels == len(scaled) else (sum(scaled) / len(scaled),) * channels
