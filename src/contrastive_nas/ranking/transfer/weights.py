"""A model of spaces on the disk: safetensors whose header says what it learned from."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.graphs.statistics.network import STATISTICS
from contrastive_nas.ranking.transfer.model import TransferModel

# 3: ranges of statistics, and scores that expect as much of themselves as spaces are near.
SCHEMA_VERSION = 3
RELEASED = Path(__file__).parents[2] / "pretrained" / "transfer.safetensors"
_KEY = "contrastive_nas_transfer"
_TENSORS = ("correlations", "trends", "ranges")


def save_transfer(model: TransferModel, path: str | Path) -> None:
    """Write a model; equal models give equal bytes.

    Raises:
        OSError: the file cannot be written.
    """
    header = {
        "schema_version": SCHEMA_VERSION,
        "spaces": list(model.spaces),
        "statistics": list(STATISTICS),
        "temperatures": list(model.temperatures),
    }
    tensors = {name: getattr(model, name) for name in _TENSORS}
    with atomic_path(path) as partial:
        save_file(tensors, partial, metadata={_KEY: json.dumps(header, sort_keys=True)})


def load_transfer(path: str | Path = RELEASED) -> TransferModel:
    """Return a model that :func:`save_transfer` wrote; without a path, the one that comes with the package.

    Raises:
        InputError: the file is missing, is no such file, or was written for other statistics or another
            schema.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            if header["schema_version"] != SCHEMA_VERSION:
                raise InputError(
                    f"{path}: schema version {header['schema_version']}, "
                    f"this program reads {SCHEMA_VERSION}; "
                    "make the model anew with benchmarks/pretrained.py, or use the package's own"
                )
            if header["statistics"] != list(STATISTICS):
                raise InputError(f"{path}: written for other statistics of graphs than this program measures")
            far, near = map(float, header["temperatures"])
            return TransferModel(
                spaces=tuple(header["spaces"]),
                **{name: file.get_tensor(name) for name in _TENSORS},
                temperatures=(far, near),
            )
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a file of a transfer model ({error})") from error
