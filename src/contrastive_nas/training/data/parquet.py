"""Parquet files with encoded images, as Hugging Face data sets keep them."""

import json
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from contrastive_nas.errors import InputError
from contrastive_nas.training.data.base import CorruptImage, ImageSource, decode, visible_files

_KEPT_ROW_GROUPS = 32


class ParquetSource(ImageSource):
    """Rows with ``image`` (bytes, or a struct with ``bytes``) and ``label`` (whole number).

    Row groups are the blocks: a few of those read last stay in memory.

    Args:
        path: one file, or a folder whose ``*.parquet`` are read in alphabetical order.

    Raises:
        InputError: no such file, not Parquet, a missing column or one of another kind, or files that number
            the classes differently.
    """

    def __init__(self, path: Path) -> None:
        self._files = visible_files(path, "*.parquet") if path.is_dir() else [path]
        if not self._files:
            raise InputError(f"{path} holds no Parquet files")
        labels, starts, self._groups = [], [], []
        rows = 0
        for number, file in enumerate(self._files):
            parquet = _opened(file)
            labels.append(_labels(file, parquet))
            names = _class_names(parquet.schema_arrow)
            if self.classes and names and names != self.classes:
                raise InputError(f"{file} numbers the classes differently from {self._files[0]}")
            self.classes = self.classes or names
            for group in range(parquet.num_row_groups):
                starts.append(rows)
                self._groups.append((number, group))
                rows += parquet.metadata.row_group(group).num_rows
        self.labels = np.concatenate(labels)
        self.blocks = np.array(starts, dtype=np.int64)
        self._process = -1
        self._kept: OrderedDict[int, pa.ChunkedArray] = OrderedDict()

    def read(self, number: int, channels: int) -> Image.Image:
        block, row = self._locate(number)
        value = self._column(block)[row].as_py()
        content = value.get("bytes") if isinstance(value, dict) else value
        if content is None:
            held = "a path and no bytes" if isinstance(value, dict) and value.get("path") else "no bytes"
            raise CorruptImage(f"{self.describe(number)}: column 'image' holds {held}")
        return decode(content, channels, self.describe(number))

    def describe(self, number: int) -> str:
        block, row = self._locate(number)
        file, _ = self._groups[block]
        first = next(index for index, (other, _) in enumerate(self._groups) if other == file)
        assert self.blocks is not None
        return f"{self._files[file]}, row {self.blocks[block] - self.blocks[first] + row}"

    def _locate(self, number: int) -> tuple[int, int]:
        assert self.blocks is not None
        block = int(np.searchsorted(self.blocks, number, side="right")) - 1
        return block, number - int(self.blocks[block])

    def _column(self, block: int) -> pa.ChunkedArray:
        # A loader's worker process must not use the parent's open files.
        if self._process != os.getpid():
            self._kept = OrderedDict()
            self._process = os.getpid()
        if block not in self._kept:
            file, group = self._groups[block]
            table = _opened(self._files[file]).read_row_group(group, columns=["image"], use_threads=False)
            self._kept[block] = table.column("image")
            if len(self._kept) > _KEPT_ROW_GROUPS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(block)
        return self._kept[block]


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, memory_map=True)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}") from None


def _labels(path: Path, parquet: pq.ParquetFile) -> np.ndarray:
    for column in ("image", "label"):
        if column not in parquet.schema_arrow.names:
            raise InputError(f"{path} has no column {column!r}, only {', '.join(parquet.schema_arrow.names)}")
    kind = parquet.schema_arrow.field("image").type
    inner = _type_of(kind, "bytes") if pa.types.is_struct(kind) else kind
    if inner is None or not (pa.types.is_binary(inner) or pa.types.is_large_binary(inner)):
        raise InputError(
            f"{path}: column 'image' must hold the bytes of image files, or a struct with 'bytes', not {kind}"
        )
    labels = parquet.read(columns=["label"]).column("label")
    if not pa.types.is_integer(labels.type) or labels.null_count:
        raise InputError(
            f"{path}: column 'label' must hold whole numbers and no missing ones, not {labels.type}"
        )
    return labels.to_numpy().astype(np.int64)


def _class_names(schema: pa.Schema) -> tuple[str, ...]:
    """Names that the Hugging Face ``datasets`` library leaves in the file's metadata."""
    try:
        content: Any = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        return tuple(content.get("info", {}).get("features", {}).get("label", {}).get("names") or ())
    # What another program left there; labels are numbers then.
    except (ValueError, AttributeError, TypeError):
        return ()


def _type_of(struct: pa.StructType, name: str) -> pa.DataType | None:
    place = struct.get_field_index(name)
    return None if place < 0 else struct.field(place).type
