"""What every source of images offers."""

import io
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from contrastive_nas.errors import InputError

_MODES = {1: "L", 3: "RGB"}


class CorruptImage(Exception):
    """An image that cannot be decoded; the message names it and says why."""


class Batch(NamedTuple):
    """Images of one forward pass.

    Attributes:
        images: uint8, (batch, channels, height, width).
        labels: int64, (batch,).
        ids: int64, (batch,), numbers of the images in their source.
    """

    images: Tensor
    labels: Tensor
    ids: Tensor


class ImageSource(ABC):
    """Labelled images that are read one by one, by number.

    Attributes:
        labels: int64, (images,).
        classes: names of the classes; empty where the source knows numbers only.
        blocks: int64, ascending from 0, first image of every run of images that lie together on the disk and
            are best read together; None where any order is equally fast.
    """

    labels: np.ndarray
    classes: tuple[str, ...] = ()
    blocks: np.ndarray | None = None

    @abstractmethod
    def read(self, number: int, channels: int) -> Image.Image:
        """One image, with 1 or 3 channels.

        Raises:
            CorruptImage: it cannot be decoded.
        """

    @abstractmethod
    def describe(self, number: int) -> str:
        """File, and row or member, of an image, for messages."""

    def __len__(self) -> int:
        return len(self.labels)

    def check_labels(self, classes: int) -> None:
        """Raises InputError for the first label outside of 0 to ``classes`` - 1."""
        wrong = np.flatnonzero((self.labels < 0) | (self.labels >= classes))
        if len(wrong):
            first = int(wrong[0])
            raise InputError(
                f"{self.describe(first)}: label {self.labels[first]} is out of range for {classes} classes "
                f"({len(wrong)} such images)"
            )


class Subset(ImageSource):
    """Some images of a source.

    Args:
        source: of all.
        numbers: which ones, int64.
    """

    def __init__(self, source: ImageSource, numbers: np.ndarray) -> None:
        self._source, self._numbers = source, numbers
        self.labels = source.labels[numbers]
        self.classes = source.classes

    def read(self, number: int, channels: int) -> Image.Image:
        return self._source.read(int(self._numbers[number]), channels)

    def describe(self, number: int) -> str:
        return self._source.describe(int(self._numbers[number]))


def decode(content: bytes, channels: int, place: str) -> Image.Image:
    """Decodes image bytes.

    Raises:
        CorruptImage: as named by ``place``.
    """
    try:
        image: Image.Image = Image.open(io.BytesIO(content))
        image.load()
        # Converting to the mode that it has would copy the image, a twentieth of the time.
        return image if image.mode == _MODES[channels] else image.convert(_MODES[channels])
    except UnidentifiedImageError:
        raise CorruptImage(f"{place}: no image of a known format") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise CorruptImage(f"{place}: {error}") from None
