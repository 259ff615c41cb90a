"""Text tables as spreadsheets write them: which encoding, which separator, where the header is."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import head

SEPARATORS = (",", ";", "\t")
GZIP = b"\x1f\x8b"
LONGEST_FIELD = 1_000_000
# Of the text before the first data row.
HEADER_BYTES = 65_536
# Of a compressed table, in characters: a small file may unpack to anything.
LARGEST_UNPACKED = 1 << 29
_COMMENT = "#"
_LINE_END = re.compile(r"\r\n|\r|\n")
# What UTF-8 and UTF-16 files may begin with.
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Layout:
    """How a text table is written.

    Attributes:
        names: the columns, blanks around them left out.
        separator: between fields.
        encoding: by the mark at the file's beginning; UTF-8 without one.
        skipped: lines of comments and empty ones before the header.
    """

    names: tuple[str, ...]
    separator: str
    encoding: str
    skipped: int


def layout(path: Path) -> Layout:
    """Return how a file is written if it is a text table; without ``names`` it is none.

    The separator is the one that gives the header the most columns, the comma among equals.
    """
    start = unpacked_head(path)
    encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8")
    try:
        # The last character may be cut off; nothing before the header's end is.
        text = start.decode(encoding, "ignore" if len(start) == HEADER_BYTES else "strict")
        lines = _LINE_END.split(text)
    except UnicodeDecodeError:
        lines = _first_line(start)
    skipped = next((number for number, line in enumerate(lines) if not _is_comment(line)), len(lines))
    header = lines[skipped] if skipped < len(lines) else ""
    options = [(separator, _fields(header, separator)) for separator in SEPARATORS]
    separator, names = max(options, key=lambda option: len(option[1]))
    return Layout(tuple(name.strip() for name in names), separator, encoding, skipped)


def rows(path: Path, form: Layout) -> Iterator[list[str]]:
    """Yield the fields of every line from the header on.

    Raises:
        InputError: the file is no text of its encoding, not separated as it begins, or ends inside quotes or
            inside its compressed data.
    """
    csv.field_size_limit(LONGEST_FIELD)
    done, left = 0, LARGEST_UNPACKED
    packed = head(path, len(GZIP)) == GZIP
    try:
        with opened(path, form.encoding) as stream:
            for _ in range(form.skipped):
                stream.readline()
            for fields in csv.reader(stream, delimiter=form.separator, strict=True):
                yield fields
                done += 1
                left -= sum(map(len, fields)) if packed else 0
                if left < 0:
                    raise InputError(f"{path}: unpacked it is larger than any table of results")
    except (UnicodeError, csv.Error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        reason = "it is cut off or damaged"
        if isinstance(error, UnicodeError | csv.Error):
            encoding = "UTF-16" if form.encoding == "utf-16" else "UTF-8"
            reason = f"not valid CSV in {encoding}" + (
                "" if isinstance(error, csv.Error) else ", save it as UTF-8"
            )
        raise InputError(f"{path}, after row {max(0, done - 1)}: {reason}: {error}") from error


def opened(path: Path, encoding: str) -> TextIO:
    """Return a text file, maybe compressed by gzip; line ends as they are."""
    if head(path, len(GZIP)) == GZIP:
        return io.TextIOWrapper(gzip.open(path), encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def unpacked_head(path: Path) -> bytes:
    """Return what a file begins with, unpacked where it is compressed by gzip; empty where that is
    damaged.
    """
    start = head(path, HEADER_BYTES)
    if not start.startswith(GZIP):
        return start
    try:
        return zlib.decompressobj(wbits=31).decompress(start, HEADER_BYTES)
    except zlib.error:
        return b""


def _first_line(start: bytes) -> list[str]:
    """Only the first line, where what follows is no text: that is an error of its row, not of the header."""
    try:
        return [start.splitlines()[0].decode()]
    except UnicodeDecodeError:
        return []


def _is_comment(line: str) -> bool:
    return not line.strip() or line.startswith(_COMMENT)


def _fields(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []
