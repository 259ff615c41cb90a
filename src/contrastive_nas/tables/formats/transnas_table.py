"""TransNAS-Bench-101's results as a Parquet of ``architecture`` and one column a task.

Four of the seven tasks have an accuracy in percent and keep their names: ``class_scene_valid_accuracy``,
``class_object_valid_accuracy`` and ``jigsaw_valid_accuracy`` (top 1), ``segmentsemantic_valid_accuracy``
(pixels). The structural similarity of ``normal`` and ``autoencoder``, 1 for equal images, is given in percent
under the names of accuracies, so that they can be labels. The negative loss of ``room_layout`` has no
percentage; it is kept as a further column, ``room_layout_valid_negative_loss``.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import Problems, TableFormat
from contrastive_nas.tables.formats import tidy_parquet

_SIMILARITIES = ["normal_valid_accuracy", "autoencoder_valid_accuracy"]
_LOSS = "room_layout_valid_accuracy"
_NEGATIVE_LOSS = "room_layout_valid_negative_loss"


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
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
    read=_read,
)
