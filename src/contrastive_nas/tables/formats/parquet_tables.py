"""Benchmarks as one Parquet file with columns of their own: an architecture in several of them, or metrics.

Of TransNAS-Bench-101's seven tasks four have an accuracy in percent and keep their names:
``class_scene_valid_accuracy``, ``class_object_valid_accuracy`` and ``jigsaw_valid_accuracy`` (top 1),
``segmentsemantic_valid_accuracy`` (pixels). The structural similarity of ``normal`` and ``autoencoder``, 1
for equal images, is given in percent under the names of accuracies, so that they can be labels. The negative
loss of ``room_layout`` has no percentage; it is kept as a further column,
``room_layout_valid_negative_loss``.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import Problems, Row, RowError, TableFormat
from contrastive_nas.tables.formats import tidy_parquet
from contrastive_nas.tables.parsing import notation


def described_parquet(
    name: str,
    title: str,
    space: str,
    fields: Sequence[str],
    architecture: Callable[..., str],
    *,
    column: Callable[[str], str] = str,
    repeats: bool = False,
) -> TableFormat:
    """Return a format whose files describe an architecture by several columns.

    Args:
        name: as in :class:`TableFormat`.
        title: likewise.
        space: likewise.
        fields: columns that ``architecture`` takes, in its order; a file that has them all is of this form.
        architecture: makes the string of one row; raises RowError where the row does not allow it.
        column: the name of another column in the tidy table.
        repeats: as in :class:`TableFormat`.
    """

    def read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
        for frame in tidy_parquet.read_frames(path):
            yield _described(frame, list(fields), architecture, problems).rename(columns=column)

    return TableFormat(
        name=name,
        title=title,
        space=space,
        detect=lambda path: tidy_parquet.has_columns(path, set(fields)),
        read=read,
        repeats=repeats,
    )


def _described(
    frame: pd.DataFrame, fields: list[str], architecture: Callable[..., str], problems: Problems
) -> pd.DataFrame:
    """The frame with an ``architecture`` column in place of ``fields``, without the rows that make none."""
    if not set(fields) <= set(frame.columns) or not frame.columns.is_unique:
        raise InputError(f"{problems.file}: the columns {', '.join(fields)} are needed, once each")

    def attempt(row: Row, *values: Any) -> str | None:
        try:
            return architecture(*values)
        except (RowError, OverflowError) as error:
            problems.add(row, str(error))
            return None

    described = [attempt(*row) for row in frame[fields].itertuples()]
    frame = frame.drop(columns=fields)
    frame.insert(0, "architecture", pd.Series(described, index=frame.index, dtype=object))
    return frame[frame.architecture.notna()]


_ACCURACY_BY_EPOCHS = re.compile(r"(train|valid|test)_accuracy_(\d+)_epochs")
_FULL_EPOCHS = 108


def metric_name(split: str, epochs: int) -> str:
    """Return the accuracy column of a split; the full training of 108 epochs carries no suffix."""
    suffix = "" if epochs == _FULL_EPOCHS else f"_{epochs}_epochs"
    return f"cifar10_{split}_accuracy{suffix}"


def _nasbench101_column(name: str) -> str:
    match = _ACCURACY_BY_EPOCHS.fullmatch(name)
    return metric_name(match[1], int(match[2])) if match else name


def _nasbench101(operations: object, matrix: object) -> str:
    return notation.nasbench101(str(operations).split(","), str(matrix))


NASBENCH101_TABLE = described_parquet(
    "nasbench101_table",
    "NAS-Bench-101, Parquet with `adjacency` and `operations`",
    "nasbench101",
    ["operations", "adjacency"],
    _nasbench101,
    column=_nasbench101_column,
)


_MNASNET_BLOCKS = 7
MNASNET_FIELDS = [
    f"block{block}_{field}" for block in range(_MNASNET_BLOCKS) for field in ("e", "k", "l", "se")
]


def mnasnet_architecture(*fields: Any) -> str:
    """Return the architecture string of one row's values of MNASNET_FIELDS.

    Raises:
        RowError: a value is missing or no whole number.
    """
    values = [_integer(name, value) for name, value in zip(MNASNET_FIELDS, fields, strict=True)]
    blocks = np.reshape(values, (_MNASNET_BLOCKS, -1)).tolist()
    return notation.mnasnet([(e, k, layers, bool(squeeze)) for e, k, layers, squeeze in blocks])


def _integer(name: str, value: Any) -> int:
    # The published files write truth values as text in places.
    number = {"True": 1, "False": 0}.get(value, value) if isinstance(value, str) else value
    number = number.item() if isinstance(number, np.generic) else number
    if isinstance(number, int) or (isinstance(number, float) and number.is_integer()):
        return int(number)
    raise RowError(f"{name} is {str(value)[:60]!r}, not a whole number")


MNASNET_TABLE = described_parquet(
    "mnasnet_table",
    "Accel-NASBench, Parquet with `block<i>_<e|k|l|se>` columns",
    "mnasnet",
    MNASNET_FIELDS,
    mnasnet_architecture,
)


def _integers(name: str, text: object) -> list[int]:
    try:
        return [int(part) for part in str(text).split(",")]
    except ValueError:
        raise RowError(f"{name} is {str(text)[:60]!r}, not comma-separated whole numbers") from None


def _once_for_all(resolution: object, kernels: object, expansions: object, depths: object) -> str:
    side = _integers("resolution", resolution)
    if len(side) != 1:
        raise RowError(f"one resolution is needed, not {side[:5]}")
    return notation.mobilenet_v3(
        side[0],
        _integers("kernel_sizes", kernels),
        _integers("expand_ratios", expansions),
        _integers("depths", depths),
    )


ONCE_FOR_ALL_TABLE = described_parquet(
    "once_for_all_table",
    "Once-for-All MobileNetV3 sub-networks, Parquet with `kernel_sizes`, `expand_ratios` and `depths`",
    "mobilenet_v3",
    ["resolution", "kernel_sizes", "expand_ratios", "depths"],
    _once_for_all,
    # Layers beyond a stage's depth do not exist, so that rows which differ only there are one sub-network.
    repeats=True,
)


_SIMILARITIES = ["normal_valid_accuracy", "autoencoder_valid_accuracy"]
_LOSS = "room_layout_valid_accuracy"
_NEGATIVE_LOSS = "room_layout_valid_negative_loss"


def _read_transnas(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    for frame in tidy_parquet.read_frames(path):
        for name in _SIMILARITIES:
            if not pd.api.types.is_float_dtype(frame[name]):
                raise InputError(
                    f"{path}: the column {name} holds {frame[name].dtype}, no similarities from 0 to 1"
                )
        percent = {name: 100 * frame[name] for name in _SIMILARITIES}
        yield frame.assign(**percent).rename(columns={_LOSS: _NEGATIVE_LOSS})


TRANSNAS_TABLE = TableFormat(
    name="transnas_table",
    title="TransNAS-Bench-101, macro space, Parquet with one column a task",
    space="transnas_macro",
    detect=lambda path: tidy_parquet.has_columns(path, {"architecture", _LOSS, *_SIMILARITIES}),
    read=_read_transnas,
)
