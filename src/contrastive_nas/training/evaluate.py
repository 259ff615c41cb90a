"""The accuracy of an exported network, from its file alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from contrastive_nas.devices import pick_device
from contrastive_nas.errors import InputError
from contrastive_nas.training.config import DataSettings
from contrastive_nas.training.data.base import CorruptImage, ImageSource
from contrastive_nas.training.data.feed import CorruptLog
from contrastive_nas.training.data.open import check_classes, open_source, source_kind
from contrastive_nas.training.data.prepare import TestFeed
from contrastive_nas.training.data.transforms import Preparation, test_transform
from contrastive_nas.training.export import Header, load_network
from contrastive_nas.training.scoring import Score, score

# Single images of a coloured data set may be grey.
_LOOKED_AT = 16


@dataclass(frozen=True)
class Evaluated:
    """A score beside what the file reports.

    Attributes:
        header: of the file of weights.
        score: on the given images.
        corrupt: images that could not be decoded.
    """

    header: Header
    score: Score
    corrupt: int


def evaluate_network(
    weights: Path, data: str, device: str = "auto", workers: int = 0, max_corrupt: int = 0
) -> Evaluated:
    """Score exported weights on images.

    Args:
        weights: safetensors file of :func:`contrastive_nas.training.export.save_network`.
        data: ``digits``, a folder with one folder per class, a Parquet file or a folder of them, or tar
            shards.
        device: ``auto``, ``cpu`` or ``cuda``.
        workers: processes that decode images.
        max_corrupt: this many images that cannot be decoded are let through.

    Raises:
        InputError: weights or images cannot be used, or do not fit each other.
    """
    built, header = load_network(weights)
    source = source_at(data)
    check_classes(source, built.classes, data)
    if source.classes and source.classes != header.classes:
        raise InputError(f"{data} has other classes than those {weights} was trained for")
    preprocessing = header.preprocessing
    if preprocessing.channels == 1 and _is_coloured(source):
        raise InputError(
            f"{data} has colour images, but {weights} was trained on grey ones ({header.dataset})"
        )
    where = pick_device(device)
    corrupt = CorruptLog(max_corrupt)
    images = TestFeed(
        source,
        test_transform(preprocessing.size, preprocessing.crop_fraction),
        preprocessing.channels,
        corrupt,
        workers,
        range(len(source)),
        keep=False,
    )
    preparation = Preparation(preprocessing.mean, preprocessing.std, where)
    with torch.inference_mode():
        result = score(built.network.to(where), images, preparation, where)
    return Evaluated(header, result, len(corrupt.messages))


def _is_coloured(source: ImageSource) -> bool:
    """Whether any of the first images has a pixel whose three channels differ."""
    for number in range(min(len(source), _LOOKED_AT)):
        try:
            red, green, blue = np.asarray(source.read(number, 3)).transpose(2, 0, 1)
        except CorruptImage:
            continue
        if (red != green).any() or (green != blue).any():
            return True
    return False


def source_at(data: str) -> ImageSource:
    """Test images by the form of a path: ``digits``, shards, Parquet, or a folder of class folders.

    Raises:
        InputError: nothing there, or nothing that is understood.
    """
    settings = DataSettings(kind=source_kind(data), name=data, train=data, test=data)
    return open_source(settings, "test")
