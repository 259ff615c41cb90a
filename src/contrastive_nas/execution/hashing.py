"""Checksums of files and folders, computed once as long as the file system vouches for no change."""

import hashlib
import json
import logging
import os
import time
from functools import cache
from pathlib import Path
from typing import Any

from contrastive_nas.execution.state import state_folder
from contrastive_nas.files import atomic_path

logger = logging.getLogger(__name__)
CHUNK = 1 << 20
# Times of files advance in ticks of some milliseconds; a change within one tick would not show.
SETTLED_NS = 100_000_000


class Checksums:
    """Checksums by content, remembered in a file.

    A remembered checksum counts while device, size, inode and both the time of modification and the time of
    change are what they were. A program can set the former back, but not the latter.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._known: dict[str, list[Any]] = _read_json(memory)
        self._changed: dict[str, list[Any]] = {}

    def of(self, path: Path) -> str:
        """Return SHA-256 of a file, or of the names and checksums of all files of a folder.

        Raises:
            OSError: it cannot be read.
        """
        if not path.is_dir():
            return self._of_file(path)
        digest = hashlib.sha256()
        for file in sorted(inner for inner in path.rglob("*") if not inner.is_dir()):
            digest.update(f"{file.relative_to(path).as_posix()}\0{self._of_file(file)}\n".encode())
        return digest.hexdigest()

    def flush(self) -> None:
        """Remember what was computed since the last flush; if that cannot be written, it costs time only."""
        if not self._changed:
            return
        # Another run may have added to the file meanwhile; what both computed is equal.
        merged = {**_read_json(self._memory), **self._changed}
        kept = {path: entry for path, entry in merged.items() if os.path.exists(path)}
        try:
            with atomic_path(self._memory) as partial:
                partial.write_text(json.dumps(kept), encoding="utf-8")
        except OSError as error:
            logger.warning("checksums of files cannot be stored: %s", error)
        self._changed = {}

    def _of_file(self, path: Path) -> str:
        name = os.path.abspath(path)
        stat = _stat(name)
        entry = self._known.get(name)
        if entry is not None and entry[1] == stat and entry[2] - stat[-1] > SETTLED_NS:
            return entry[0]
        started = time.time_ns()
        entry = [_content(name), stat, started]
        if _stat(name) == stat:
            self._known[name] = self._changed[name] = entry
        return entry[0]


@cache
def checksums_for(folder: Path) -> Checksums:
    """Return the checksums of the project that ``folder`` belongs to."""
    return Checksums(state_folder(folder) / "checksums.json")


def text_digest(text: str | bytes) -> str:
    """Return a short checksum of a text."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:20]


def _stat(name: str) -> list[int]:
    stat = os.stat(name)
    return [stat.st_dev, stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns]


def _content(name: str) -> str:
    digest = hashlib.sha256()
    with open(name, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
