"""Any networks as one Parquet file with a column ``onnx`` of whole models, as ONNX-Bench collects them.

Qin et al., *ONNX-Net: Towards Universal Representations and Instant Performance Prediction for Neural
Architectures*, 2025. An architecture is called by the column ``architecture`` or ``name``, else by its row.
"""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import GivenGraph, ImageSize, Problems, TableFormat
from contrastive_nas.tables.formats import tidy_parquet

if TYPE_CHECKING:
    from contrastive_nas.graphs import ComputationGraph

_MODEL = "onnx"
_MODELS_AT_ONCE = 16


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    if "architecture" in frame.columns:
        return frame
    if "name" in frame.columns:
        return frame.rename(columns={"name": "architecture"})
    return frame.assign(architecture=[f"row {row}" for row in frame.index])


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    others = [column for column in tidy_parquet.columns(path) if column != _MODEL]
    for frame in tidy_parquet.read_frames(path, others):
        yield _named(frame)


def _graphs(path: Path, problems: Problems, image_size: ImageSize | None) -> Iterator[GivenGraph]:
    if not tidy_parquet.has_columns(path, {_MODEL}):
        raise InputError(f"{path}: there is no column {_MODEL!r}")
    for frame in tidy_parquet.read_frames(path, rows=_MODELS_AT_ONCE):
        for row, name, model in _named(frame)[["architecture", _MODEL]].itertuples():
            yield row, {"architecture": name}, partial(_traced, model, image_size)


def _traced(model: object, image_size: ImageSize | None) -> "ComputationGraph":
    # Not above: graphs need torch, which takes seconds to import.
    from contrastive_nas.graphs.tracing.onnx_file import trace_onnx

    if not isinstance(model, bytes):
        raise InputError("the model is missing")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.onnx")
        file.write_bytes(model)
        return trace_onnx(file, image_size=image_size)


ONNX_TABLE = TableFormat(
    name="onnx_table",
    title="any networks, Parquet with whole ONNX models in a column `onnx` and accuracies",
    space=None,
    detect=lambda path: tidy_parquet.has_columns(path, {_MODEL}),
    read=_read,
    graphs=_graphs,
    leaves_size=True,
)
