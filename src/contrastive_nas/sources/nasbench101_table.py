"""NAS-Bench-101 as a Parquet of ``adjacency`` and ``operations``, with validation accuracy by epochs."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from contrastive_nas.sources import notation, tidy_parquet
from contrastive_nas.sources.base import Problems, Source, describe

_ACCURACY_BY_EPOCHS = re.compile(r"(train|valid|test)_accuracy_(\d+)_epochs")
FIELDS = ["operations", "adjacency"]
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


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    for frame in tidy_parquet.read_frames(path):
        yield describe(frame, FIELDS, _architecture, problems).rename(columns=_column)


NASBENCH101_TABLE = Source(
    name="nasbench101_table",
    title="NAS-Bench-101, Parquet with `adjacency` and `operations`",
    space="nasbench101",
    detect=lambda path: tidy_parquet.has_columns(path, set(FIELDS)),
    read=_read,
)
