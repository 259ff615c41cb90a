"""Small runs, generated images and a space of networks without batch norm."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from contrastive_nas.retraining.config import RunSettings

GROUP_NORM_SPACE = f"{Path(__file__).parent / 'group_norm_space.py'}:GroupNormSpace"
COMPACT = "s8|residual:k3d1e1w16|residual:k3d1e1w16|plain:k3d1w16"


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., RunSettings]:
    """Settings of a short run on digits; keywords replace them."""

    def make(**changes: Any) -> RunSettings:
        values = {
            "space": "compact_cnn",
            "architecture": COMPACT,
            "data": {"kind": "digits", "name": "digits", "workers": 0},
            "recipe": "digits",
            "overrides": {"epochs": 1, "schedule": {"warmup_epochs": 0}},
            "output": tmp_path / "run",
            "device": "cpu",
            "exports": (),
        }
        return RunSettings.model_validate(values | changes)

    return make


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """``train`` and ``test`` with three classes of JPEG files of different sizes."""
    return write_image_folder(tmp_path / "images", {"train": 7, "test": 4}, classes=3)


def write_image_folder(folder: Path, images: dict[str, int], classes: int, size: int = 40) -> Path:
    """A folder of folders of JPEG files whose colour tells the class."""
    rng = np.random.default_rng(0)
    for part, count in images.items():
        for label in range(classes):
            place = folder / part / f"class{label:04d}"
            place.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 90, (size + number, size + 2 * number, 3), dtype=np.uint8)
                pixels[..., label % 3] += 150
                Image.fromarray(pixels).save(place / f"{number}.jpg", quality=90)
    return folder
