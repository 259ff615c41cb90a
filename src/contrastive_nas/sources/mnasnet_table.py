"""The MnasNet-like space of Accel-NASBench as a Parquet of ``block<i>_<e|k|l|se>`` columns."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from contrastive_nas.sources import notation, tidy_parquet
from contrastive_nas.sources.base import Problems, RowError, Source, describe

BLOCKS = 7
FIELDS = [f"block{block}_{field}" for block in range(BLOCKS) for field in ("e", "k", "l", "se")]


def architecture(*fields: Any) -> str:
    """The architecture string of one row's values of FIELDS.

    Raises:
        RowError: a value is missing or no whole number.
    """
    values = [_integer(name, value) for name, value in zip(FIELDS, fields, strict=True)]
    blocks = np.reshape(values, (BLOCKS, -1)).tolist()
    return notation.mnasnet([(e, k, layers, bool(squeeze)) for e, k, layers, squeeze in blocks])


def _integer(name: str, value: Any) -> int:
    # The published files write truth values as text in places.
    number = {"True": 1, "False": 0}.get(value, value) if isinstance(value, str) else value
    number = number.item() if isinstance(number, np.generic) else number
    if isinstance(number, int) or (isinstance(number, float) and number.is_integer()):
        return int(number)
    raise RowError(f"{name} is {str(value)[:60]!r}, no whole number")


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    for frame in tidy_parquet.read_frames(path):
        yield describe(frame, FIELDS, architecture, problems)


MNASNET_TABLE = Source(
    name="mnasnet_table",
    title="Accel-NASBench, Parquet with `block<i>_<e|k|l|se>` columns",
    space="mnasnet",
    detect=lambda path: tidy_parquet.has_columns(path, set(FIELDS)),
    read=_read,
)
