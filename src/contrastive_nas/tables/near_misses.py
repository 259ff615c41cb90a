"""What a file is that no format fits: the near miss, in words that lead on."""

import os
import zipfile
from pathlib import Path

from contrastive_nas.tables.base import head
from contrastive_nas.tables.parsing.delimited import Layout, layout, unpacked_head
from contrastive_nas.tables.parsing.headers import ARCHITECTURE, question

_HEAD_BYTES = 1024
_LFS = b"version https://git-lfs.github.com/spec/"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_TORCH_RECORD = b"data.pkl"
_ZIP = b"PK\x03\x04"
# What files of these kinds begin with.
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "Zstandard"}
_PICKLE = b"\x80"
_OTHER_FILES = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"%PDF": "a PDF document",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "an array of NumPy",
    b"SQLite format 3": "an SQLite database",
    b"ARROW1": "an Arrow file",
    _ZIP: "a zip archive",
}
# Where the names in the header of a tar archive are followed by its kind.
_TAR = slice(257, 262)
# What stands in texts apart from letters; other control characters do not.
_BLANKS = b"\t\n\r\f\v"
# Separators that are not read, as architectures hold them too.
_OTHER_SEPARATORS = "|: "
_COLUMNS_SHOWN = 300
_NAMES_SHOWN = 5
# In bytes; every other one of them is 0 in words of English.
_SHORTEST_UTF16 = 8
_OWN_RESULTS = f"own results are CSV, Parquet or JSON with {ARCHITECTURE!r} and accuracies"


def stand_in(path: Path) -> str | None:
    """Return what lies there under the name of a benchmark file and says nothing of it; None where it may be
    one.
    """
    if not path.is_dir() and not path.is_file():
        return "it is neither a file nor a folder (a pipe?): write what it gives to a file first"
    if not os.access(path, os.R_OK):
        return "it cannot be read: permission denied"
    start = head(path, _HEAD_BYTES)
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_LFS):
        return "it is a Git LFS pointer, not the file itself: fetch that with `git lfs pull`"
    if text.startswith((b"<!doctype html", b"<html")):
        return "it is an HTML page, as servers give in place of files (a log-in, an error): download it again"
    if path.is_file() and not start:
        return "it is empty"
    if start.startswith(_ZIP) and not zipfile.is_zipfile(path):
        kind = "file by torch.save" if _TORCH_RECORD in start else "zip archive"
        return f"it is a {kind} that is cut off: download it again"
    return None


def near_miss(path: Path) -> str:
    """Return why a file or folder is in none of the known formats, as far as its content tells."""
    if path.is_dir():
        return _folder(path)
    start = head(path, _HEAD_BYTES)
    if start.startswith(_OLD_EXCEL) or _is_excel(path):
        return "it is an Excel workbook: save its sheet as CSV"
    for mark, name in _PACKED.items():
        if start.startswith(mark):
            return f"it is packed by {name} and none of the known formats in this form: unpack it first"
    if start.startswith(_PICKLE):
        return "it is a Python pickle, and of no known benchmark"
    text = start.lstrip()
    if text.startswith((b"{", b"[")):
        return (
            "it is JSON, and of no known benchmark: own results are read as CSV, Parquet or "
            f"JSON, an object with {ARCHITECTURE!r} and accuracies a line"
        )
    if path.suffix == ".onnx":
        return "it is one network and no table: `contrastive-nas rank` takes it, beside others"
    if path.suffix == ".py":
        return "it is a Python file without a function networks() that gives modules"
    return _binary(path, start) or _columns(layout(path))


def _folder(path: Path) -> str:
    names = sorted(file.name for file in path.iterdir() if not file.name.startswith("."))
    if not names:
        return "the folder is empty"
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return (
        "the folder holds neither ONNX files nor a known benchmark but "
        f"{', '.join(names[:_NAMES_SHOWN])}{more}: name one file"
    )


def _binary(path: Path, start: bytes) -> str | None:
    """What a file is that is no text in an encoding that is read; None for a text."""
    other = next((name for mark, name in _OTHER_FILES.items() if start.startswith(mark)), None)
    if start[_TAR] == b"ustar":
        other = "a tar archive"
    if other:
        advice = "unpack it and name one file" if other.endswith("archive") else _OWN_RESULTS
        return f"it is {other}, and of no known benchmark: {advice}"
    if any(start) and len(start) >= _SHORTEST_UTF16 and not (any(start[::2]) and any(start[1::2])):
        return "it looks like UTF-16 without the mark at its beginning: save it as UTF-8"
    if any(byte < 32 and byte not in _BLANKS for byte in start):
        return f"it is binary data, and of no known benchmark: {_OWN_RESULTS}"
    try:
        unpacked_head(path).decode("utf-8")
    except UnicodeDecodeError as error:
        # A character may be cut in two at the end of what was read.
        if error.end < len(unpacked_head(path)):
            return f"it is text, but not in UTF-8 (byte {error.start}): save it as CSV in UTF-8"
    return None


def _is_excel(path: Path) -> bool:
    if head(path, len(_ZIP)) != _ZIP or not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _columns(form: Layout) -> str:
    """What a text table lacks."""
    names = [name for name in form.names if name]
    if not names:
        return "it holds nothing but empty lines and comments"
    shown = ", ".join(names)[:_COLUMNS_SHOWN]
    if any(map(_is_number, names)):
        return (
            f"its first line, {shown}, holds values and names no columns: a table begins with a line of "
            f"names, one of them {ARCHITECTURE!r}"
        )
    if len(names) > 1:
        return f"there is no column {ARCHITECTURE!r} among {shown}{question(names)}"
    separator = next((sign for sign in _OTHER_SEPARATORS if sign in shown), None)
    if ARCHITECTURE in shown.lower() and separator:
        return (
            f"there is no column {ARCHITECTURE!r}; is it separated by {separator!r}? Commas, semicolons and "
            "tabs are read"
        )
    return (
        f"it is in none of the known formats: its first line, {shown}, is not a column {ARCHITECTURE!r}"
        f"{question(names)}; a table begins with a line of names, separated by commas, semicolons or tabs"
    )


def _is_number(text: str) -> bool:
    try:
        float(text.removesuffix("%"))
    except ValueError:
        return False
    return True
