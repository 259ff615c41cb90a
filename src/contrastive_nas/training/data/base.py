"""What every source of images offers."""

import io
from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from contrastive_nas.errors import InputError

_MODES = {1: "L", 3: "RGB"}
# Pillow's names of 16 bits a pixel; in colour it keeps the higher eight of them by itself.
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
# Formats whose 16 bits Pillow unpacks into mode I, scaled to 0 to 65,535.
_SIXTEEN_BITS_IN_I = ("PPM",)
_WITH_ALPHA = ("LA", "RGBA")
# 32-bit integers and floats: nothing in a file says which value is white.
_NO_RANGE = {"I": "32-bit integers", "F": "32-bit floats"}


class CorruptImage(Exception):
    """An image that cannot be decoded; the message names it and says why."""


class UnsupportedImage(InputError):
    """An image that means nothing in 8 bits without transparency; one stops the run, as all are likely so."""


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
        """Return one image, with 1 or 3 channels.

        Raises:
            CorruptImage: it cannot be decoded.
        UnsupportedImage: its pixels are 32-bit integers or floats.
        """

    @abstractmethod
    def describe(self, number: int) -> str:
        """Return file, and row or member, of an image, for messages."""

    def __len__(self) -> int:
        return len(self.labels)

    def check_labels(self, classes: int) -> None:
        """Raise InputError for the first label outside of 0 to ``classes`` - 1."""
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


def visible_files(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a folder that match, sorted; hidden ones, such as macOS leaves beside each, left
    out.
    """
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def decode(content: bytes, channels: int, place: str) -> Image.Image:
    """Decode image bytes; of 16 bits a pixel the higher eight are kept, which scales 65,535 to 255.

    Raises:
        CorruptImage: as named by ``place``.
        UnsupportedImage: the pixels are 32-bit integers or floats, whose black and white nothing tells, or
            all of one colour, with a picture in their transparency, which is left out.
    """
    try:
        image: Image.Image = Image.open(io.BytesIO(content))
        image.load()
        image = _in_eight_bits(image, place)
        _check_colours(image, place)
        # Converting to the mode that it has would copy the image, a twentieth of the time.
        return image if image.mode == _MODES[channels] else image.convert(_MODES[channels])
    except UnidentifiedImageError:
        raise CorruptImage(f"{place}: no image of a known format") from None
    except UnsupportedImage:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise CorruptImage(f"{place}: {error}") from None


def _check_colours(image: Image.Image, place: str) -> None:
    if image.mode not in _WITH_ALPHA:
        return
    *colours, alpha = (np.ptp(band) for band in image.getextrema())
    if alpha and not any(colours):
        raise UnsupportedImage(
            f"{place}: all pixels have one colour, and the picture is in their transparency, which is left "
            "out: put the images on a background"
        )


def _in_eight_bits(image: Image.Image, place: str) -> Image.Image:
    format_scales = image.mode == "I" and image.format in _SIXTEEN_BITS_IN_I
    if image.mode in _SIXTEEN_BITS or format_scales:
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in _NO_RANGE:
        raise UnsupportedImage(
            f"{place}: pixels are {_NO_RANGE[image.mode]} (Pillow's mode {image.mode}), whose black and "
            "white the file does not tell: convert the images to 8 or 16 bits"
        )
    return image
