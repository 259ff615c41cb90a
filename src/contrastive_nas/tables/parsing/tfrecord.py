"""TensorFlow's record files, read without TensorFlow.

A record is its length (8 bytes, little endian), a masked CRC-32C of the length, the payload, and a masked
CRC-32C of the payload.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from contrastive_nas.errors import InputError
from contrastive_nas.progress import progress
from contrastive_nas.tables.base import Problems, head

LONGEST_RECORD = 1 << 24
BUFFER_BYTES = 1 << 20
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8


def masked_crc(data: bytes) -> int:
    """Return TensorFlow's checksum: the CRC-32C rotated right by 15 bits, plus a constant."""
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def is_record_file(path: Path) -> bool:
    """Return whether a file begins with the header of a record, its checksum included."""
    start = head(path, _HEADER.size)
    return len(start) == _HEADER.size and masked_crc(start[:8]) == _HEADER.unpack(start)[1]


def records(path: Path, problems: Problems) -> Iterator[tuple[int, bytes]]:
    """Yield numbers, from 1, and payloads of the records of a file; one with a wrong checksum is a problem.

    Raises:
        InputError: the framing is damaged, so that no further record can be found.
    """
    with path.open("rb", buffering=BUFFER_BYTES) as stream:
        for number, payload, intact in progress(_framed(stream, path), f"reading {path.name}", _count(path)):
            if intact:
                yield number, payload
            else:
                problems.add(number, "the record's checksum does not match its content")


def _count(path: Path) -> int:
    """About how many records there are: they are of nearly the same length as the first."""
    start = head(path, _HEADER.size)
    length = _HEADER.unpack(start)[0] if len(start) == _HEADER.size else 0
    return path.stat().st_size // (length + _HEADER.size + _FOOTER.size) or 1


def _framed(stream: BinaryIO, path: Path) -> Iterator[tuple[int, bytes, bool]]:
    number = 0
    while header := stream.read(_HEADER.size):
        number += 1
        if len(header) < _HEADER.size:
            raise InputError(f"{path}, row {number}: the file ends within a record's header")
        length, length_crc = _HEADER.unpack(header)
        if masked_crc(header[:8]) != length_crc:
            raise InputError(f"{path}, row {number}: the checksum of the record's length does not match")
        if length > LONGEST_RECORD:
            raise InputError(f"{path}, row {number}: a record of {length} bytes is not of this format")
        payload = stream.read(length)
        footer = stream.read(_FOOTER.size)
        if len(payload) < length or len(footer) < _FOOTER.size:
            raise InputError(f"{path}, row {number}: the file ends within the record")
        yield number, payload, masked_crc(payload) == _FOOTER.unpack(footer)[0]
