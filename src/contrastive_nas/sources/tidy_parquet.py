"""A user's own results as Parquet with ``architecture`` and accuracy columns; base of the other tables."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from contrastive_nas.errors import InputError
from contrastive_nas.sources.base import ROWS_PER_FRAME, Problems, Source, head

MAGIC = b"PAR1"


def columns(path: Path) -> list[str]:
    """Names of a Parquet file's columns; empty where it is none."""
    if head(path, len(MAGIC)) != MAGIC:
        return []
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError):
        return []


def has_columns(path: Path, wanted: set[str]) -> bool:
    """Whether a path is a Parquet file with at least the ``wanted`` columns."""
    return wanted <= set(columns(path))


def read_frames(path: Path) -> Iterator[pd.DataFrame]:
    """The rows of a Parquet file, some at a time, labelled from 1.

    Raises:
        InputError: the file is damaged.
    """
    first = 1
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS_PER_FRAME):
                batch.validate(full=True)
                frame = batch.to_pandas()
                frame.index = pd.RangeIndex(first, first + len(frame))
                first += len(frame)
                yield frame
            declared = file.metadata.num_rows
    # A damaged file may hold anything, so pandas may raise anything that a conversion raises.
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise InputError(f"{path}: the Parquet file cannot be read: {_one_line(error)}") from error
    if declared != first - 1:
        raise InputError(f"{path}: the file says {declared} rows and holds {first - 1}")


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
