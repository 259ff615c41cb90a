"""Tidy tables to Parquet, whole or not at all."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path


def write_table(frames: pd.DataFrame | Iterable[pd.DataFrame], path: str | Path) -> int:
    """Writes a tidy table, or a stream of parts of one, as Parquet; equal input gives equal bytes.

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
