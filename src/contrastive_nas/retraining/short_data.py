"""Data sets small enough to be trained on in memory, in three fixed stratified parts."""

import numpy as np
import torch
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.retraining.data.digits import split_digits
from contrastive_nas.retraining.short import Images, Part


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
    digits = split_digits()
    images = digits.images[:, None].astype(np.float32)
    images = (images - images[digits.train].mean()) / images[digits.train].std()

    def part(rows: NDArray[np.int64]) -> Part:
        return Part(
            torch.from_numpy(images[rows]).contiguous(memory_format=torch.channels_last),
            torch.from_numpy(digits.labels[rows]),
        )

    return Images(part(digits.train), part(digits.valid), part(digits.test))
