"""The MnasNet-like space of Accel-NASBench as a Parquet of ``block<i>_<e|k|l|se>`` columns."""

from typing import Any

import numpy as np

from contrastive_nas.tables.base import RowError
from contrastive_nas.tables.formats.described_parquet import described_parquet
from contrastive_nas.tables.parsing import notation

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


MNASNET_TABLE = described_parquet(
    "mnasnet_table",
    "Accel-NASBench, Parquet with `block<i>_<e|k|l|se>` columns",
    "mnasnet",
    FIELDS,
    architecture,
)
