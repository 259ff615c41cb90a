"""The results of a finished training, read from its folder."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

WEIGHTS = "network.safetensors"
EXPORTS = (WEIGHTS, "network.onnx", "timm")


@dataclass(frozen=True)
class Results:
    """What a training reports.

    Attributes:
        metrics: see :class:`contrastive_nas.training.run.Metrics`.
        history: one row per epoch.
        confusion: one row per true class, one column per predicted one.
    """

    metrics: dict[str, Any]
    history: pd.DataFrame
    confusion: pd.DataFrame


def read_results(folder: Path) -> Results:
    """Return the results that a training left in its output folder."""
    return Results(
        json.loads((folder / "metrics.json").read_text(encoding="utf-8")),
        pd.read_parquet(folder / "history.parquet"),
        pd.read_parquet(folder / "confusion.parquet"),
    )


def copy_exports(folder: Path) -> Callable[[Path], None]:
    """Return a writer of the exported network's files into a folder that does not exist yet."""
    return partial(_copy, folder)


def _copy(folder: Path, target: Path) -> None:
    target.mkdir()
    for name in EXPORTS:
        source = folder / name
        if source.is_dir():
            shutil.copytree(source, target / name)
        elif source.exists():
            shutil.copyfile(source, target / name)
