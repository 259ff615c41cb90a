"""scikit-learn's handwritten digits in three fixed parts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.retraining.data.arrays import ArraySource

_TRAIN, _VALID = 597, 500


@dataclass(frozen=True)
class Digits:
    """All images, and which belong to which part.

    Attributes:
        images: uint8, (1797, 8, 8), values 0 to 16.
        labels: int64, (1797,).
        train: numbers of 597 images.
        valid: numbers of 500 images.
        test: numbers of 700 images.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]


def split_digits() -> Digits:
    """The split is part of the data set and follows no seed, so that accuracies of different runs compare."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    found = load_digits()
    labels = found.target.astype(np.int64)
    numbers = np.arange(len(labels))
    train, rest = train_test_split(numbers, train_size=_TRAIN, stratify=labels, random_state=0)
    valid, test = train_test_split(rest, train_size=_VALID, stratify=labels[rest], random_state=0)
    return Digits(found.images.astype(np.uint8), labels, train, valid, test)


def digits_source(train: bool) -> ArraySource:
    """For retraining: what a search trains and validates on; and the test part, which it never sees."""
    digits = split_digits()
    rows = np.concatenate([digits.train, digits.valid]) if train else digits.test
    return ArraySource(digits.images[rows], digits.labels[rows], "digits", tuple(map(str, range(10))))
