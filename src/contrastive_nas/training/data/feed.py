"""Batches for training and testing, from memory or from worker processes."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from contrastive_nas.errors import InputError
from contrastive_nas.training.data.base import Batch, CorruptImage, ImageSource, UnsupportedImage
from contrastive_nas.training.data.order import Order
from contrastive_nas.training.seeding import seed_generators

logger = logging.getLogger(__name__)
Transform = Callable[[Image.Image], Any]
Key = tuple[int, int]


class Flaw(NamedTuple):
    """Why an image is left out, with its name, and whether that stops the run at once."""

    message: str
    stops: bool


Sample = tuple[Any, int, int, Flaw | None]


class CorruptLog:
    """Counts images that cannot be decoded, by name.

    Args:
        limit: more than this many stop the run.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.messages: dict[str, None] = {}

    def take(self, batch: Batch | None, flaws: list[Flaw]) -> Batch:
        """Return the batch, once its corrupt images are counted and named in the log, each once.

        Raises:
            InputError: more images than the limit are corrupt, one is of a kind that is not supported, or
                none of the batch is left.
        """
        for message, stops in flaws:
            if stops:
                raise InputError(message)
            if message not in self.messages:
                logger.warning("left out: %s", message)
            self.messages[message] = None
        if len(self.messages) > self.limit:
            shown = "; ".join(list(self.messages)[:3])
            raise InputError(
                f"{len(self.messages)} images are corrupt, more than the {self.limit} allowed: {shown}"
            )
        if batch is None:
            raise InputError(f"all {len(flaws)} images of a batch are corrupt, the first: {flaws[0].message}")
        return batch


class Feed(ABC):
    """Batches of training images."""

    @abstractmethod
    def epoch(self, epoch: int, first_update: int = 0) -> Iterator[list[Batch]]:
        """Yield per update of an epoch, from ``first_update`` on, the batches of its forward passes."""


class MemoryFeed(Feed):
    """Training images that lie decoded in memory.

    Args:
        images: all of them, on the device or not.
        order: which images an update sees.
        device: number of this process.
    """

    def __init__(self, images: Batch, order: Order, device: int = 0) -> None:
        self._images, self._order, self._device = images, order, device

    def epoch(self, epoch: int, first_update: int = 0) -> Iterator[list[Batch]]:
        for parts in self._order.parts(epoch, self._device, first_update):
            yield [select(self._images, torch.from_numpy(part)) for part in parts]


class LoaderFeed(Feed):
    """Training images that worker processes read and transform.

    What is random in a transform depends on the seed, the epoch and the image alone, not on the worker.

    Args:
        source: of the images.
        transform: of one PIL image to uint8.
        order: which images an update sees.
        device: number of this process.
        seed: of the run.
        workers: processes that decode.
        channels: 1 or 3.
        corrupt: log of images that are left out.
        pin: whether batches are put into page-locked memory.
    """

    def __init__(
        self,
        source: ImageSource,
        transform: Transform,
        order: Order,
        device: int,
        seed: int,
        workers: int,
        channels: int,
        corrupt: CorruptLog,
        pin: bool = False,
    ) -> None:
        self._sampler = _TrainingOrder(order, device)
        self._passes = order.plan.accumulation
        self._corrupt = corrupt
        self._loader = make_loader(source, transform, self._sampler, seed, workers, channels, pin)

    def epoch(self, epoch: int, first_update: int = 0) -> Iterator[list[Batch]]:
        self._sampler.start(epoch, first_update)
        update: list[Batch] = []
        for batch, flaws in self._loader:
            update.append(self._corrupt.take(batch, flaws))
            if len(update) == self._passes:
                yield update
                update = []


def select(images: Batch, chosen: Tensor) -> Batch:
    """Return the chosen rows of a batch."""
    rows = chosen.to(images.images.device)
    return Batch(images.images[rows], images.labels[rows], images.ids[rows])


def make_loader(
    source: ImageSource,
    transform: Transform,
    keys: "Sampler[list[Key]] | list[list[Key]]",
    seed: int,
    workers: int,
    channels: int,
    pin: bool = False,
) -> "DataLoader[Any]":
    """Return a loader of ``(Batch or None where no image is whole, flaws)`` for lists of keys (epoch,
    image).
    """
    return DataLoader(
        _Decoded(source, transform, seed, channels),
        batch_sampler=keys,
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=pin,
        persistent_workers=workers > 0,
        worker_init_fn=_limit_threads,
    )


def decode_all(source: ImageSource, transform: Transform, channels: int, corrupt: CorruptLog) -> Batch:
    """Return all images of a source, decoded; corrupt ones are left out.

    Raises:
        InputError: too many are corrupt.
    """
    dataset = _Decoded(source, transform, seed=0, channels=channels)
    batch, flaws = _collate([dataset[0, number] for number in range(len(source))])
    return corrupt.take(batch, flaws)


class _TrainingOrder(Sampler[list[Key]]):
    def __init__(self, order: Order, device: int) -> None:
        self._order, self._device = order, device
        self._epoch, self._first = 0, 0

    def start(self, epoch: int, first_update: int) -> None:
        self._epoch, self._first = epoch, first_update

    def __iter__(self) -> Iterator[list[Key]]:
        for parts in self._order.parts(self._epoch, self._device, self._first):
            for part in parts:
                yield [(self._epoch, number) for number in part.tolist()]


class _Decoded(Dataset[Sample]):
    """Transformed image, label, number and, where it could not be decoded, why."""

    def __init__(self, source: ImageSource, transform: Transform, seed: int, channels: int) -> None:
        self._source, self._transform, self._seed, self._channels = source, transform, seed, channels

    def __getitem__(self, key: Key) -> Sample:
        epoch, number = key
        label = int(self._source.labels[number])
        try:
            image = self._source.read(number, self._channels)
        except CorruptImage as error:
            return None, label, number, Flaw(str(error), stops=False)
        except UnsupportedImage as error:
            return None, label, number, Flaw(str(error), stops=True)
        seed_generators("image", self._seed, epoch, number)
        return np.asarray(self._transform(image)), label, number, None


def _collate(samples: list[Sample]) -> tuple[Batch | None, list[Flaw]]:
    flaws = [flaw for *_, flaw in samples if flaw]
    whole = [sample for sample in samples if sample[0] is not None]
    if not whole:
        return None, flaws
    # Stacked as height, width, channels and viewed as channels first: nothing is copied twice.
    images = torch.from_numpy(np.stack([image for image, *_ in whole]))
    images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
    labels = torch.tensor([label for _, label, *_ in whole])
    return Batch(images, labels, torch.tensor([number for _, _, number, _ in whole])), flaws


def _limit_threads(_: int) -> None:
    torch.set_num_threads(1)
