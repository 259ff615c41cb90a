"""The object in a file written by ``torch.save``, zip archive or legacy, as plain data without weights."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import head
from contrastive_nas.tables.parsing.data_pickle import DataPickle

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_HEAD = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_LEGACY_PROTOCOL = 1001
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)


def is_torch_file(path: Path) -> bool:
    """Return whether a file begins as ``torch.save`` writes it."""
    start = head(path, 64)
    return start[2:].startswith(_LEGACY_HEAD) or (start.startswith(b"PK\x03\x04") and b"data.pkl" in start)


@contextmanager
def open_torch_file(path: Path) -> Iterator[DataPickle]:
    """Open the pickle of the saved object, at its beginning.

    Raises:
        InputError: the file is damaged.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if name.endswith("data.pkl")]
                if len(names) != 1:
                    raise InputError(f"{path}: not an archive by torch.save: it holds {len(names)} objects")
                with archive.open(names[0]) as stream:
                    yield DataPickle(cast(BinaryIO, stream), str(path))
        else:
            with path.open("rb") as stream:
                pickle = DataPickle(stream, str(path))
                _pass_legacy_head(pickle, path)
                yield pickle
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{path}: the file is damaged: {error}") from error


def _pass_legacy_head(pickle: DataPickle, path: Path) -> None:
    system: Any
    magic, protocol, system = pickle.load(), pickle.load(), pickle.load()
    if magic != _LEGACY_MAGIC or protocol != _LEGACY_PROTOCOL or not isinstance(system, dict):
        raise InputError(f"{path}: not a file by torch.save")
