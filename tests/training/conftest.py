"""Small runs and generated images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.training.generated import COMPACT, write_image_folder

from contrastive_nas.training.config import RunSettings


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
