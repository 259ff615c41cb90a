"""Data sets small enough to be trained on in memory, in three fixed stratified parts."""

import numpy as np
import torch
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.retraining.short import Images, Part

_DIGITS_PARTS = (597, 500, 700)


def load_images(name: str) -> Images:
    """A data set by name: ``digits``.

    Raises:
        InputError: no such data set.
    """
    if name != "digits":
        raise InputError(f"data set {name!r} is unknown: choose digits")
    return load_digits_images()


def load_digits_images() -> Images:
    """scikit-learn's handwritten digits, 1 x 8 x 8, normalised by the training part: 597, 500 and 700 images.

    The split is part of the data set and follows no seed: accuracies of different runs compare.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = digits.images[:, None].astype(np.float32)
    train_size, valid_size, _ = _DIGITS_PARTS
    everything = np.arange(len(digits.target))
    train, rest = train_test_split(everything, train_size=train_size, stratify=digits.target, random_state=0)
    valid, test = train_test_split(rest, train_size=valid_size, stratify=digits.target[rest], random_state=0)
    images = (images - images[train].mean()) / images[train].std()

    def part(rows: NDArray[np.int64]) -> Part:
        return Part(
            torch.from_numpy(images[rows]).contiguous(memory_format=torch.channels_last),
            torch.from_numpy(digits.target[rows].astype(np.int64)),
        )

    return Images(part(train), part(valid), part(test))
