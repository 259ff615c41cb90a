"""Sub-networks of the Once-for-All MobileNetV3 supernet as a Parquet of comma-separated layer settings."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from contrastive_nas.sources import notation, tidy_parquet
from contrastive_nas.sources.base import Problems, RowError, Source, describe

FIELDS = ["resolution", "kernel_sizes", "expand_ratios", "depths"]


def _integers(name: str, text: object) -> list[int]:
    try:
        return [int(part) for part in str(text).split(",")]
    except ValueError:
        raise RowError(f"{name} is {str(text)[:60]!r}, not comma-separated whole numbers") from None


def _architecture(resolution: object, kernels: object, expansions: object, depths: object) -> str:
    side = _integers("resolution", resolution)
    if len(side) != 1:
        raise RowError(f"one resolution is needed, not {side[:5]}")
    return notation.mobilenet_v3(
        side[0],
        _integers("kernel_sizes", kernels),
        _integers("expand_ratios", expansions),
        _integers("depths", depths),
    )


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    for frame in tidy_parquet.read_frames(path):
        yield describe(frame, FIELDS, _architecture, problems)


ONCE_FOR_ALL_TABLE = Source(
    name="once_for_all_table",
    title="Once-for-All MobileNetV3 sub-networks, Parquet with `kernel_sizes`, `expand_ratios` and `depths`",
    space="mobilenet_v3",
    detect=lambda path: tidy_parquet.has_columns(path, set(FIELDS)),
    read=_read,
    # Layers beyond a stage's depth do not exist, so that rows which differ only there are one sub-network.
    repeats=True,
)
