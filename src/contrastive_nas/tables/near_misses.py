"""What a file is that no format fits: the near miss, in words that lead on."""

import zipfile
from pathlib import Path

from contrastive_nas.tables.base import head
from contrastive_nas.tables.parsing.delimited import layout
from contrastive_nas.tables.parsing.headers import ARCHITECTURE, question

_HEAD_BYTES = 1024
_LFS = b"version https://git-lfs.github.com/spec/"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_TORCH_RECORD = b"data.pkl"
_ZIP = b"PK\x03\x04"
# What files of these kinds begin with.
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "Zstandard"}
_PICKLE = b"\x80"
# Separators that are not read, as architectures hold them too.
_OTHER_SEPARATORS = "|: "
_COLUMNS_SHOWN = 300


def stand_in(path: Path) -> str | None:
    """What lies there under the name of a benchmark file and says nothing of it; None where it may be one."""
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


def near_miss(path: Path) -> str | None:
    """Why a file is in none of the known formats, as far as its content tells; None if it does not."""
    start = head(path, _HEAD_BYTES)
    if start.startswith(_OLD_EXCEL) or _is_excel(path):
        return "it is an Excel workbook: save its sheet as CSV"
    for mark, name in _PACKED.items():
        if start.startswith(mark):
            return f"it is packed by {name} and none of the known formats in this form: unpack it first"
    if start.startswith(_PICKLE):
        return "it is a Python pickle, and of no benchmark that is known here"
    text = start.lstrip()
    if text.startswith((b"{", b"[")):
        return (
            "it is JSON, and of no benchmark that is known here: own results are read as CSV, Parquet or "
            f"JSON, an object with {ARCHITECTURE!r} and accuracies a line"
        )
    return _columns(path)


def _is_excel(path: Path) -> bool:
    if head(path, len(_ZIP)) != _ZIP or not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _columns(path: Path) -> str | None:
    """What a text table lacks."""
    names = layout(path).names
    if len(names) > 1:
        shown = ", ".join(names)[:_COLUMNS_SHOWN]
        return f"there is no column {ARCHITECTURE!r} among {shown}{question(names)}"
    line = names[0].lower() if names else ""
    separator = next((sign for sign in _OTHER_SEPARATORS if sign in line), None)
    if ARCHITECTURE in line and separator:
        return (
            f"there is no column {ARCHITECTURE!r}; is it separated by {separator!r}? Commas, semicolons and "
            "tabs are read"
        )
    return None
