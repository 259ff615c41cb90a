"""CTNAS's ``nas_bench.json``: NAS-Bench-101 cells with accuracies as fractions, one list of objects.

Chen et al., *Contrastive Neural Architecture Search with Neural Architecture Comparators*, CVPR 2021.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.progress import progress
from contrastive_nas.tables.base import Problems, RowError, TableFormat, frames, head, usable_records
from contrastive_nas.tables.parsing import json_array, notation
from contrastive_nas.tables.parsing.json_members import number

_ACCURACIES = {"train_accuracy": "train", "validation_accuracy": "valid", "test_accuracy": "test"}
CELLS = 423_624
_PEEKED = 4096


def _row(fields: dict[str, Any]) -> dict[str, Any]:
    matrix, operations = fields.get("matrix"), fields.get("ops")
    if not isinstance(matrix, list) or not all(isinstance(line, list) for line in matrix):
        raise RowError("matrix is not a list of lists")
    if not isinstance(operations, list) or not all(isinstance(name, str) for name in operations):
        raise RowError("ops is not a list of names")
    bits = "".join(str(int(bit)) if bit in (0, 1) else "?" for line in matrix for bit in line[:8])
    row: dict[str, Any] = {"architecture": notation.nasbench101(operations, bits)}
    for name, split in _ACCURACIES.items():
        accuracy = number(fields, name)
        if accuracy is not None and not 0 <= accuracy <= 1:
            raise RowError(f"{name} is {accuracy}, not a fraction")
        row[f"cifar10_{split}_accuracy"] = None if accuracy is None else 100 * accuracy
    row["training_seconds"] = number(fields, "training_time")
    row["trainable_parameters"] = number(fields, "n_params")
    return row


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    listed = enumerate(progress(json_array.objects(path), f"reading {path.name}", CELLS), start=1)
    yield from frames(usable_records(listed, _row, problems))


def _detect(path: Path) -> bool:
    start = head(path, _PEEKED)
    if not start.lstrip().startswith(b"["):
        return False
    try:
        first = next(json_array.objects(path), {})
    except InputError:
        return b'"matrix"' in start and b'"ops"' in start
    return {"matrix", "ops"} <= set(first)


CTNAS = TableFormat(
    name="ctnas",
    title="CTNAS's nas_bench.json (NAS-Bench-101 cells)",
    space="nasbench101",
    detect=_detect,
    read=_read,
)
