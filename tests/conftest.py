"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest

DATA_VARIABLE = "CONTRASTIVE_NAS_DATA"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real benchmark tables; tests that need it are skipped where it is absent."""
    name = os.environ.get(DATA_VARIABLE)
    if not name or not Path(name).is_dir():
        pytest.skip(f"{DATA_VARIABLE} names no folder of benchmark tables")
    return Path(name)
