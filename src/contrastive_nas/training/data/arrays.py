"""Images that lie decoded in memory: torchvision's data sets and scikit-learn's handwritten digits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from contrastive_nas.errors import InputError, instead
from contrastive_nas.training.data.base import ImageSource

# Of 1,797 digits.
_TEST_DIGITS = 700
_SPLITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "CIFAR10": ({"train": True}, {"train": False}),
    "CIFAR100": ({"train": True}, {"train": False}),
    "MNIST": ({"train": True}, {"train": False}),
    "FashionMNIST": ({"train": True}, {"train": False}),
    "KMNIST": ({"train": True}, {"train": False}),
    "SVHN": ({"split": "train"}, {"split": "test"}),
    "STL10": ({"split": "train"}, {"split": "test"}),
}


class ArraySource(ImageSource):
    """Images given as an array.

    Args:
        images: uint8, (images, height, width) or (images, height, width, 3).
        labels: whole numbers, (images,).
        name: of the data set, for messages.
        classes: names of the classes.
    """

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, name: str, classes: tuple[str, ...] = ()
    ) -> None:
        self.images = images
        self.labels = np.asarray(labels, dtype=np.int64)
        self.classes = classes
        self._name = name

    def read(self, number: int, channels: int) -> Image.Image:
        return Image.fromarray(self.images[number]).convert({1: "L", 3: "RGB"}[channels])

    def describe(self, number: int) -> str:
        return f"{self._name}, image {number}"


def torchvision_source(name: str, folder: Path, train: bool) -> ArraySource:
    """Return a torchvision data set that is already on the disk.

    Raises:
        InputError: an unknown name, or the files are not there or not whole.
    """
    import torchvision

    if name not in _SPLITS:
        raise InputError(f"torchvision data set {name!r} is unknown{instead(name, list(_SPLITS))}")
    make: Callable[..., Any] = getattr(torchvision.datasets, name)
    try:
        found = make(root=str(folder), download=False, **_SPLITS[name][0 if train else 1])
    except (RuntimeError, OSError) as error:
        raise InputError(f"torchvision data set {name} in {folder}: {error}") from None
    images = np.asarray(found.data)
    if name in ("SVHN", "STL10"):
        images = images.transpose(0, 2, 3, 1)
    labels = found.labels if name in ("SVHN", "STL10") else found.targets
    return ArraySource(
        np.ascontiguousarray(images), np.asarray(labels), name, tuple(getattr(found, "classes", ()))
    )


def digits_source(train: bool) -> ArraySource:
    """Return 1,097 images for training, validation included, or 700 for testing, 8x8 with values 0 to 16.

    The split is part of the data set and follows no seed, so that accuracies of different runs compare.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    found = load_digits()
    labels = found.target.astype(np.int64)
    parts = train_test_split(np.arange(len(labels)), test_size=_TEST_DIGITS, stratify=labels, random_state=0)
    rows = parts[0 if train else 1]
    return ArraySource(
        found.images.astype(np.uint8)[rows], labels[rows], "digits", tuple(map(str, range(10)))
    )
