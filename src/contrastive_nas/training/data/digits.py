"""scikit-learn's handwritten digits in two fixed parts."""

import numpy as np

from contrastive_nas.training.data.arrays import ArraySource

_TEST = 700


def digits_source(train: bool) -> ArraySource:
    """1,097 images for training, validation included, or 700 for testing, 8x8 with values 0 to 16.

    The split is part of the data set and follows no seed, so that accuracies of different runs compare.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    found = load_digits()
    labels = found.target.astype(np.int64)
    parts = train_test_split(np.arange(len(labels)), test_size=_TEST, stratify=labels, random_state=0)
    rows = parts[0 if train else 1]
    return ArraySource(
        found.images.astype(np.uint8)[rows], labels[rows], "digits", tuple(map(str, range(10)))
    )
