"""DyNAS-T's search histories of Once-for-All MobileNetV3 sub-networks, as CSV.

Cummings et al., *A Hardware-Aware Framework for Accelerating Neural Architecture Search Across Modalities*,
2022. A row's ``Sub-network`` is a Python dictionary: kernel sizes ``ks``, expand ratios ``e``, depths ``d``,
resolution ``r``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import foreign
from contrastive_nas.tables.base import Problems, RowError, TableFormat, frames, usable_records
from contrastive_nas.tables.formats import tidy_csv

_NETWORK = "Sub-network"
_ACCURACY = "Top-1 Acc (%)"
_COLUMNS = {
    "Model Parameters": "params",
    "MACs": "macs",
    "Latency (ms)": "latency_ms",
    _ACCURACY: "imagenet_top1_accuracy",
}


def _architecture(text: str) -> str:
    fields = foreign.literal(text)
    if not isinstance(fields, dict):
        raise RowError(f"{_NETWORK} is {text[:60]!r}, not a dictionary of a sub-network")
    try:
        return foreign.once_for_all(fields)
    except InputError as error:
        raise RowError(f"{_NETWORK}: {error}") from None


def _row(texts: dict[str, str]) -> dict[str, Any]:
    columns = {column: texts.get(name) or None for name, column in _COLUMNS.items()}
    return {"architecture": _architecture(texts[_NETWORK])} | columns


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    if _NETWORK not in tidy_csv.header(path):
        raise InputError(f"{path}: there is no column {_NETWORK!r}")
    yield from frames(usable_records(tidy_csv.records(path, problems), _row, problems))


DYNAST = TableFormat(
    name="dynast",
    title="DyNAS-T's CSV of Once-for-All MobileNetV3 sub-networks",
    space="mobilenet_v3",
    detect=lambda path: {_NETWORK, _ACCURACY} <= set(tidy_csv.header(path)),
    read=_read,
    repeats=True,
)
