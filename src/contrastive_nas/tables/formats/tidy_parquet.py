"""A user's own results as Parquet with ``architecture`` and accuracy columns; base of the other tables."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.tables.base import ROWS_PER_FRAME, Problems, TableFormat, head

MAGIC = b"PAR1"
# Of the rows that are read at a time, in bytes.
LARGEST_BATCH = 1 << 29


def columns(path: Path) -> list[str]:
    """Return names of a Parquet file's columns; empty where it is none."""
    if head(path, len(MAGIC)) != MAGIC:
        return []
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, ValueError, MemoryError):
        return []


def has_columns(path: Path, wanted: set[str]) -> bool:
    """Return whether a path is a Parquet file with at least the ``wanted`` columns."""
    return wanted <= set(columns(path))


def read_frames(
    path: Path, columns: Sequence[str] | None = None, rows: int = ROWS_PER_FRAME
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a Parquet file, labelled from 1.

    Args:
        path: the file.
        columns: which columns; None takes all.
        rows: how many at a time.

    Raises:
        InputError: the file is damaged.
    """
    first = 1
    try:
        texts = _text_columns(path)
        # Texts stay as they are stored, once each: a repeated one costs a small file nothing.
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            if columns is None:
                _check_sizes(path, file.metadata, rows)
            for batch in file.iter_batches(batch_size=rows, columns=columns):
                batch.validate(full=True)
                if len(set(batch.schema.names)) < len(batch.schema.names):
                    raise InputError(f"{path}: a column is there twice")
                frame = _frame(batch, first)
                first += len(frame)
                yield frame
            declared = file.metadata.num_rows
    except InputError:
        raise
    # A damaged file may hold anything, so pandas may raise anything that a conversion raises.
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise InputError(f"{path}: the Parquet file cannot be read: {_one_line(error)}") from error
    if declared != first - 1:
        raise InputError(f"{path}: the file says {declared} rows and holds {first - 1}")


def _text_columns(path: Path) -> list[str]:
    schema = pq.read_schema(path)
    return [
        field.name
        for field in schema
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    ]


def _check_sizes(path: Path, metadata: pq.FileMetaData, rows: int) -> None:
    """Refuses what a small file says that it unpacks to.

    Only whole row groups are looked at: asked about a column of damaged metadata, Arrow ends the process.
    """
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if group.total_byte_size * min(1, rows / max(group.num_rows, 1)) > LARGEST_BATCH:
            raise InputError(
                f"{path}: rows of {group.total_byte_size // max(group.num_rows, 1):,} bytes are too long for "
                "results"
            )


def _frame(batch: pa.RecordBatch, first: int) -> pd.DataFrame:
    """Rows numbered from ``first``; equal texts are one object, however many rows they stand in."""
    columns = {}
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if pa.types.is_dictionary(field.type):
            words = np.array([*column.dictionary.to_pylist(), None], dtype=object)
            places = column.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
            # As a Series of objects: pandas would copy the texts of a plain array into a column of its own.
            columns[field.name] = pd.Series(words[places], dtype=object)
        else:
            columns[field.name] = column.to_pandas()
    frame = pd.DataFrame(columns, copy=False)
    # Only now: as an argument it would select rows of the columns by their own numbers.
    frame.index = pd.RangeIndex(first, first + batch.num_rows)
    return frame


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    yield from read_frames(path)


TIDY_PARQUET = TableFormat(
    name="tidy_parquet",
    title="own results, Parquet with `architecture` and `<dataset>_<split>_accuracy` in percent",
    space=None,
    # Any Parquet file that is none of the others, so that the error tells what it lacks.
    detect=lambda path: head(path, len(MAGIC)) == MAGIC,
    read=_read,
)


def write_table(frames: pd.DataFrame | Iterable[pd.DataFrame], path: str | Path) -> int:
    """Write a tidy table, or a stream of parts of one, as Parquet; equal input gives equal bytes.

    Args:
        frames: the table or its parts, all with the columns and types of the first.
        path: the file; it appears when all of it is on the disk.

    Returns:
        The number of rows.

    Raises:
        InputError: there is no part, or one differs from the first in columns or types.
    """
    parts = iter([frames] if isinstance(frames, pd.DataFrame) else frames)
    first = next(parts, None)
    if first is None:
        raise InputError(f"{path}: there is nothing to write")
    table = pa.Table.from_pandas(first, preserve_index=False)
    rows = table.num_rows
    with atomic_path(path) as partial, pq.ParquetWriter(partial, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        for part in parts:
            try:
                table_part = pa.Table.from_pandas(part, schema=table.schema, preserve_index=False)
            except (pa.ArrowException, KeyError) as error:
                raise InputError(f"{path}: a part does not fit the first one: {error}") from error
            writer.write_table(table_part)
            rows += table_part.num_rows
    return rows
