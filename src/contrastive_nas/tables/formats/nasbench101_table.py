"""NAS-Bench-101 as a Parquet of ``adjacency`` and ``operations``, with validation accuracy by epochs."""

import re

from contrastive_nas.tables.formats.described_parquet import described_parquet
from contrastive_nas.tables.parsing import notation

_ACCURACY_BY_EPOCHS = re.compile(r"(train|valid|test)_accuracy_(\d+)_epochs")
FULL_EPOCHS = 108


def metric_name(split: str, epochs: int) -> str:
    """The accuracy column of a split; the full training of 108 epochs carries no suffix."""
    suffix = "" if epochs == FULL_EPOCHS else f"_{epochs}_epochs"
    return f"cifar10_{split}_accuracy{suffix}"


def _column(name: str) -> str:
    match = _ACCURACY_BY_EPOCHS.fullmatch(name)
    return metric_name(match[1], int(match[2])) if match else name


def _architecture(operations: object, matrix: object) -> str:
    return notation.nasbench101(str(operations).split(","), str(matrix))


NASBENCH101_TABLE = described_parquet(
    "nasbench101_table",
    "NAS-Bench-101, Parquet with `adjacency` and `operations`",
    "nasbench101",
    ["operations", "adjacency"],
    _architecture,
    column=_column,
)
