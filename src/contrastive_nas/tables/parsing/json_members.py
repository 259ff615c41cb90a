"""The JSON files of a results folder, unpacked or still in its .zip or .tar.gz, one at a time."""

import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import RowError, head

# Published result files have some kilobytes.
LONGEST_MEMBER = 1 << 20
# Of a .tar.gz, unpacked; the published one has a few dozen megabytes.
LARGEST_ARCHIVE = 1 << 29
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
_SUFFIX = ".json"
_PEEKED = 20


def members(path: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Name relative to the folder, and contents, of the files ``<prefix>*.json``; sorted in a folder.

    A file that is too long comes with only its first bytes, which are no JSON.

    Raises:
        InputError: the archive is damaged or larger than any of results.
    """
    try:
        if path.is_dir():
            for member in sorted(path.rglob(f"{prefix}*{_SUFFIX}")):
                with member.open("rb") as stream:
                    yield member.relative_to(path).as_posix(), stream.read(LONGEST_MEMBER + 1)
        elif zipfile.is_zipfile(path):
            yield from _in_zip(path, prefix)
        else:
            yield from _in_tar(path, prefix)
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{path}: the archive is damaged: {error}") from error


def _wanted(name: str, prefix: str) -> bool:
    file = name.rpartition("/")[2]
    return file.startswith(prefix) and file.endswith(_SUFFIX)


def _in_zip(path: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if _wanted(name, prefix):
                with archive.open(name) as stream:
                    yield name, stream.read(LONGEST_MEMBER + 1)


def _in_tar(path: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    # "r|" reads forwards only, so that nothing of the archive is kept.
    with gzip.open(path) as unpacked:
        limited = _Limited(unpacked, path)
        with tarfile.open(fileobj=cast(IO[bytes], limited), mode="r|") as archive:
            while member := archive.next():
                # The list of members that tarfile keeps would grow with the archive.
                cast(Any, archive).members = []
                wanted = member.isfile() and _wanted(member.name, prefix)
                stream = archive.extractfile(member) if wanted else None
                if stream:
                    yield member.name, stream.read(LONGEST_MEMBER + 1)
        # gzip's checksum, which tells whether anything is missing, comes after the last member.
        while limited.read(LONGEST_MEMBER):
            pass


class _Limited(io.RawIOBase):
    """A stream that ends in an error where a small file unpacks to an enormous one."""

    def __init__(self, stream: gzip.GzipFile, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._left = LARGEST_ARCHIVE

    def read(self, size: int = -1) -> bytes:
        part = self._stream.read(min(size, LONGEST_MEMBER))
        self._left -= len(part)
        if self._left < 0:
            raise InputError(f"{self._path}: unpacked it is larger than any archive of results")
        return part


def parsed(content: bytes) -> dict[str, Any]:
    """Return the object in a member.

    Raises:
        RowError: it is no JSON object, or too long.
    """
    if len(content) > LONGEST_MEMBER:
        raise RowError(f"longer than {LONGEST_MEMBER >> 20} MB, so no file of one result")
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RowError(f"not valid JSON: {str(error)[:200]}") from None
    if not isinstance(fields, dict):
        raise RowError("not a JSON object")
    return fields


def number(fields: dict[str, Any], name: str) -> float | None:
    """Return the number called ``name``, None where there is none.

    Raises:
        RowError: it is something else.
    """
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
        return float(value)
    raise RowError(f"{name} is {str(value)[:60]!r}, not a number")


def first_has(path: Path, prefix: str, key: str) -> bool:
    """Return whether one of the first members can be read and has ``key``."""
    if not path.is_dir() and head(path, 2) not in (b"PK", b"\x1f\x8b"):
        return False
    try:
        for _, (_, content) in zip(range(_PEEKED), members(path, prefix), strict=False):
            if _has(content, key):
                return True
    except InputError:
        return False
    return False


def _has(content: bytes, key: str) -> bool:
    try:
        return key in parsed(content)
    except RowError:
        return False
