"""Accel-NASBench's published results: one JSON file an architecture, in a folder or its .tar.gz.

Ahmad et al., *Accel-NASBench*, DAC 2024: MnasNet-like networks on ImageNet, with throughput and latency on
devices.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.progress import progress
from contrastive_nas.tables.base import Problems, RowError, TableFormat, frames, usable_records
from contrastive_nas.tables.formats.parquet_tables import MNASNET_FIELDS, mnasnet_architecture
from contrastive_nas.tables.parsing import json_members

_PREFIX = "result"
_ARCHITECTURE = "architecture"
_ACCURACIES = {"val_top1": "imagenet_top1_accuracy", "val_top5": "imagenet_top5_accuracy"}


def _row(fields: dict[str, Any]) -> dict[str, Any]:
    blocks, metrics = fields.get(_ARCHITECTURE), fields.get("metrics")
    if not isinstance(blocks, dict) or not isinstance(metrics, dict):
        raise RowError("no architecture or no metrics in it")
    row: dict[str, Any] = {
        "architecture": mnasnet_architecture(*(blocks.get(field) for field in MNASNET_FIELDS))
    }
    row |= {column: json_members.number(metrics, name) for name, column in _ACCURACIES.items()}
    row["train_time"] = json_members.number(metrics, "train_time")
    devices = fields.get("platform_perf") or {}
    if not isinstance(devices, dict):
        raise RowError("platform_perf is not an object")
    for name, measured in devices.items():
        kind = name.split("_")[0]
        if isinstance(measured, dict) and kind in ("throughput", "latency"):
            row[name[:60]] = json_members.number(measured, f"{kind}_mean")
    return row


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    files = progress(json_members.members(path, _PREFIX), f"reading {path.name}")
    yield from frames(usable_records(files, lambda content: _row(json_members.parsed(content)), problems))


ACCEL_NASBENCH = TableFormat(
    name="accel_nasbench",
    title="Accel-NASBench's results, folder or .tar.gz of one JSON an architecture",
    space="mnasnet",
    detect=lambda path: json_members.first_has(path, _PREFIX, _ARCHITECTURE),
    read=_read,
)
