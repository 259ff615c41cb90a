"""A user's own results as Parquet with ``architecture`` and accuracy columns; base of the other tables."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from contrastive_nas.errors import InputError
from contrastive_nas.sources.base import ROWS_PER_FRAME, Problems, Source, head

MAGIC = b"PAR1"
# Of the rows that are read at a time, in bytes.
LARGEST_BATCH = 1 << 29


def columns(path: Path) -> list[str]:
    """Names of a Parquet file's columns; empty where it is none."""
    if head(path, len(MAGIC)) != MAGIC:
        return []
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, ValueError, MemoryError):
        return []


def has_columns(path: Path, wanted: set[str]) -> bool:
    """Whether a path is a Parquet file with at least the ``wanted`` columns."""
    return wanted <= set(columns(path))


def read_frames(
    path: Path, columns: Sequence[str] | None = None, rows: int = ROWS_PER_FRAME
) -> Iterator[pd.DataFrame]:
    """The rows of a Parquet file, labelled from 1.

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
            _check_sizes(path, file.metadata, columns, rows)
            for batch in file.iter_batches(batch_size=rows, columns=columns):
                batch.validate(full=True)
                # What pandas noted of an index when it wrote the file would hide that column.
                frame = batch.to_pandas(ignore_metadata=True)
                frame = frame.astype({name: object for name in texts if name in frame.columns})
                frame.index = pd.RangeIndex(first, first + len(frame))
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


def _check_sizes(path: Path, metadata: pq.FileMetaData, columns: Sequence[str] | None, rows: int) -> None:
    """Refuses what a small file can claim to unpack to."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = [group.column(place) for place in range(group.num_columns)]
        size = sum(
            c.total_uncompressed_size for c in chunks if columns is None or c.path_in_schema in columns
        )
        if size * min(1, rows / max(group.num_rows, 1)) > LARGEST_BATCH:
            raise InputError(f"{path}: rows of {size // max(group.num_rows, 1):,} bytes are no results")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _read(path: Path, problems: Problems) -> Iterator[pd.DataFrame]:
    yield from read_frames(path)


TIDY_PARQUET = Source(
    name="tidy_parquet",
    title="own results, Parquet with `architecture` and `<dataset>_<split>_accuracy` in percent",
    space=None,
    # Any Parquet file that is none of the others, so that the error tells what it lacks.
    detect=lambda path: head(path, len(MAGIC)) == MAGIC,
    read=_read,
)
