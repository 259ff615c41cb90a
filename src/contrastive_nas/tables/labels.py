"""Numbers that networks are learned from: a column of a table, by the names of networks."""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import pandas as pd

from contrastive_nas.errors import InputError, instead
from contrastive_nas.tables.base import Problems
from contrastive_nas.tables.formats.tidy_csv import TIDY_CSV
from contrastive_nas.tables.formats.tidy_parquet import TIDY_PARQUET
from contrastive_nas.tables.parsing.headers import ARCHITECTURE, alike
from contrastive_nas.tables.reading import SourceTable, check_table

logger = logging.getLogger(__name__)
# What the column of names may be called in a table of networks.
NAME_COLUMNS = (ARCHITECTURE, "network", "model", "name", "file")
# Of tables as people have them; the name of a column does not end so.
_ENDINGS = frozenset({".csv", ".tsv", ".txt", ".gz", ".parquet"})
_MOST_SHOWN = 3


def column_labels(table: SourceTable, column: str) -> dict[str, float]:
    """Return the numbers of a column that are there, by architecture.

    Raises:
        InputError: no such column, an empty one, or a value that is no finite number.
    """
    columns = [name for name in table.frame.columns if name != ARCHITECTURE]
    asked, column = column, alike(column, columns)
    if column not in columns:
        raise InputError(f"{table.file}: there is no column {asked} of labels{instead(asked, columns)}")
    given = table.frame.loc[table.frame[column].notna(), [ARCHITECTURE, column]]
    if given.empty:
        raise InputError(f"{table.file}: column {column} is empty")
    return {name: _number(value, f"{table.file}: {column} of {name}") for name, value in given.to_numpy()}


def file_labels(given: str, names: Sequence[str]) -> dict[str, float]:
    """Return the labels of networks that a table gives, by their names in ``names``.

    A table may call a network by its whole name, ``timm:resnet18``, or by its end, ``resnet18``. What it
    has of other networks is left out, and logged.

    Args:
        given: the table's file, CSV or Parquet; ``file:column`` where it has several accuracies, or none but
            several other columns. Its column of names is one of ``NAME_COLUMNS``.
        names: of the networks.

    Raises:
        InputError: the file cannot be read, it is not clear which column is meant, a name is that of two
            networks, or none of the networks is in it.
    """
    file, column = _split(given)
    table = check_table(named_rows(file), str(file))
    if not column:
        there = [str(name) for name in table.frame.columns if name != ARCHITECTURE]
        if len(table.metrics or there) != 1:
            has = ", ".join(there) or "none"
            raise InputError(f"{file}: say which column has the labels, {file}:COLUMN; it has {has}")
        (column,) = table.metrics or there
    labels, known = column_labels(table, column), _by_any_name(names)
    found: dict[str, float] = {}
    foreign = [name for name in labels if name not in known]
    for called, label in labels.items():
        meant = known.get(called, [])
        if len(meant) > 1:
            raise InputError(f"{file}: {called} may be {' or '.join(meant)}: give the whole name")
        for name in meant:
            if name in found:
                raise InputError(f"{file}: {name} is named twice")
            found[name] = label
    if not found:
        raise InputError(f"{file}: it names none of the networks; it begins with {foreign[0]}")
    if foreign:
        shown = ", ".join(foreign[:_MOST_SHOWN])
        logger.warning("%s: %d labels are of networks that are not listed: %s", file, len(foreign), shown)
    return found


def names_a_table(given: str) -> bool:
    """Return whether ``file`` or ``file:column`` is meant, and not the name of a column."""
    file, _ = _split(given)
    return file.is_file() or file.suffix in _ENDINGS


def _split(given: str) -> tuple[Path, str]:
    file, colon, column = given.rpartition(":")
    if colon and not Path(given).exists():
        return Path(file), column
    return Path(given), ""


def named_rows(file: Path) -> pd.DataFrame:
    """Return a table of networks as it is, its column of names (one of ``NAME_COLUMNS``) called architecture.

    Raises:
        InputError: it cannot be read, or no column has names.
    """
    if not file.is_file():
        raise InputError(f"{file}: there is no such file")
    known = TIDY_PARQUET if TIDY_PARQUET.detect(file) else TIDY_CSV
    if file.suffix == ".parquet" and known is not TIDY_PARQUET:
        raise InputError(f"{file}: it is not a Parquet file")
    frame = pd.concat([pd.DataFrame(), *known.read(file, Problems(str(file)))])
    if frame.empty:
        raise InputError(f"{file}: it has no rows")
    called = [name for name in frame.columns if str(name).strip().lower() in NAME_COLUMNS]
    if not called:
        shown = ", ".join(map(str, frame.columns))[:300]
        raise InputError(f"{file}: no column has names: call one {' or '.join(NAME_COLUMNS)}; it has {shown}")
    return frame.rename(columns={called[0]: ARCHITECTURE})


def _by_any_name(names: Sequence[str]) -> Mapping[str, list[str]]:
    """Whole names by themselves, by what stands behind their first colon, and by the name of their file."""
    known: dict[str, list[str]] = {}
    for name in names:
        for called in dict.fromkeys((name, name.partition(":")[2] or name, PurePath(name).name)):
            known.setdefault(called, []).append(name)
    return known


def _number(value: object, where: str) -> float:
    try:
        number = math.nan if isinstance(value, str) and "_" in value else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            f"{where} is not a number but {value!r:.60}; leave it empty where a network was not trained"
        )
    return number
