"""The formats that can be read, and which one a path is."""

from pathlib import Path

from contrastive_nas.errors import InputError, instead
from contrastive_nas.tables.base import TableFormat
from contrastive_nas.tables.formats.accel_nasbench import ACCEL_NASBENCH
from contrastive_nas.tables.formats.ctnas import CTNAS
from contrastive_nas.tables.formats.dynast import DYNAST
from contrastive_nas.tables.formats.nasbench101 import NASBENCH101
from contrastive_nas.tables.formats.nasbench301 import NASBENCH301
from contrastive_nas.tables.formats.nats_bench import NASBENCH201_TORCH, NATS_FOLDER, NATS_PICKLE
from contrastive_nas.tables.formats.onnx_folder import ONNX_FOLDER
from contrastive_nas.tables.formats.onnx_table import ONNX_TABLE
from contrastive_nas.tables.formats.parquet_tables import (
    MNASNET_TABLE,
    NASBENCH101_TABLE,
    ONCE_FOR_ALL_TABLE,
    TRANSNAS_TABLE,
)
from contrastive_nas.tables.formats.python_file import PYTHON_FILE
from contrastive_nas.tables.formats.tidy_csv import TIDY_CSV
from contrastive_nas.tables.formats.tidy_json import TIDY_JSON
from contrastive_nas.tables.formats.tidy_parquet import TIDY_PARQUET
from contrastive_nas.tables.near_misses import near_miss, stand_in

# In the order in which they are tried: the more particular forms first.
FORMATS: dict[str, TableFormat] = {
    known.name: known
    for known in (
        NASBENCH101,
        NASBENCH201_TORCH,
        NATS_FOLDER,
        NATS_PICKLE,
        NASBENCH301,
        CTNAS,
        ACCEL_NASBENCH,
        DYNAST,
        NASBENCH101_TABLE,
        MNASNET_TABLE,
        ONCE_FOR_ALL_TABLE,
        TRANSNAS_TABLE,
        ONNX_FOLDER,
        ONNX_TABLE,
        PYTHON_FILE,
        TIDY_PARQUET,
        TIDY_JSON,
        TIDY_CSV,
    )
}
AUTO = "auto"


def list_sources() -> list[str]:
    """Return names of all formats that can be read."""
    return list(FORMATS)


def detect(path: str | Path) -> str | None:
    """Return the name of the format that a file or folder is in; None where it is none of ours.

    Raises:
        InputError: there is no such file or folder.
    """
    path = Path(path)
    _check_existence(path)
    return next((known.name for known in FORMATS.values() if known.detect(path)), None)


def _check_existence(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise InputError(f"{path}: it is a link to {path.readlink()}, which does not exist")
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder")


def find_format(path: str | Path, name: str = AUTO) -> TableFormat:
    """Return the format called ``name``, or the one that the path looks like.

    Raises:
        InputError: no such path or format, the path looks like none, or only reading by name is allowed.
    """
    path = Path(path)
    _check_existence(path)
    # First of all: what is no file must not be read from.
    if (other := stand_in(path)) is not None:
        raise InputError(f"{path}: {other}")
    found = detect(path)
    if name == AUTO:
        if found is None:
            raise InputError(f"{path}: {near_miss(path)}")
        if FORMATS[found].runs_code:
            raise InputError(f"{path}: reading it runs its code; to do so, give source: {found} (--source)")
        return FORMATS[found]
    if name not in FORMATS:
        raise InputError(f"source {name!r} is unknown{instead(name, [AUTO, *FORMATS])}")
    return FORMATS[name]
