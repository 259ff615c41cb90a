"""From settings to training feed, test batches and their normalisation."""

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
from contrastive_nas.training.plan import Plan
from contrastive_nas.training.recipe import ImageAugmentation, Recipe

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

    def feed(self, plan: Plan, device_number: int, device: torch.device) -> Feed:
        """Training batches for one device."""
        if self.memory is not None:
            on_device = Batch(*(part.to(device) for part in self.memory))
            return MemoryFeed(on_device, Order(plan, plan.seed), device_number)
        assert isinstance(self.recipe.augmentation, ImageAugmentation)
        return LoaderFeed(
            self.train,
            training_transform(self.recipe.augmentation, self.preprocessing.size),
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
        for batch, messages in self._loader:
            self._corrupt.add(messages)
            if self._keeps:
                seen.append(batch)
            yield batch
        if self._keeps:
            self._kept = seen


def prepare_images(
    settings: DataSettings, recipe: Recipe, sources: tuple[ImageSource, ImageSource], channels: int, size: int
) -> Images:
    """Decides what is decoded into memory, and measures mean and deviation there.

    Args:
        settings: paths, mean and deviation.
        recipe: augments whole batches in memory, or image files one by one.
        sources: training and test images.
        channels: of the network's input.
        size: edge of the network's input in pixels.

    Raises:
        InputError: images would not fit into memory, or too many are corrupt.
    """
    train, test = sources
    corrupt = CorruptLog(max(1, int(settings.max_corrupt_share * (len(train) + len(test)))))
    memory = None
    mean, std = settings.mean, settings.std
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
    scaled = tuple(255.0 * value for value in values)
    return scaled if channels == len(scaled) else (sum(scaled) / len(scaled),) * channels
