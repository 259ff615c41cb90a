"""Records in a file that only ever grows, shared by processes: what was paid for once.

One JSON object a line: first a header with the identity, then a line for each record, on the disk before the
next begins. Several processes may read and append at once; a line that a kill left unfinished is skipped.
"""

import fcntl
import json
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from contrastive_nas.errors import InputError
from contrastive_nas.identity import digest

logger = logging.getLogger(__name__)
FORMAT = 1


class KeptRecords(ABC):
    """The records of one identity, which has a file of its own.

    Args:
        folder: of all such files.
        name: begins the file's name.
        identity: what the records depend on besides what they say themselves, as plain data.

    Raises:
        InputError: the file is none of these, or that of another identity.
    """

    def __init__(self, folder: Path, name: str, identity: Mapping[str, Any]) -> None:
        header = {"format": FORMAT, "identity": dict(identity)}
        self._header = json.loads(json.dumps(header))  # as it is read back
        self.path = folder / f"{name}-{digest(self._header)}.jsonl"
        self._read = self._lines = 0
        self._refresh()

    @abstractmethod
    def _take(self, record: Any) -> None:
        """Take a record that was read.

        Raises:
            ValueError, TypeError, KeyError: it is damaged.
        """

    def _append(self, record: Mapping[str, Any]) -> None:
        """Keeps a record.

        Raises:
            OSError: the disk is full or must not be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as stream:
            # Freed when the file is closed, however this process ends.
            fcntl.flock(stream, fcntl.LOCK_EX)
            text = _start(stream, self._header) + json.dumps(record).encode() + b"\n"
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())

    def _refresh(self) -> None:
        """Reads whole lines that were appended since."""
        if not self.path.exists() or self.path.stat().st_size <= self._read:
            return
        with self.path.open("rb") as stream:
            stream.seek(self._read)
            data = stream.read()
        complete = data[: data.rfind(b"\n") + 1]
        self._read += len(complete)
        for line in complete.splitlines():
            self._lines += 1
            if self._lines == 1:
                self._check_header(line)
            else:
                self._take_line(line)

    def _check_header(self, line: bytes) -> None:
        try:
            header = json.loads(line)
        except ValueError:
            header = None
        if header != self._header:
            raise InputError(f"{self.path} is not a store of these labels: move it elsewhere")

    def _take_line(self, line: bytes) -> None:
        try:
            self._take(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            logger.warning("%s line %d is damaged and not used: %s", self.path, self._lines, error)


def _start(stream: BinaryIO, header: Mapping[str, Any]) -> bytes:
    """What has to stand before a new line: the header of a new file, the end of an unfinished line."""
    stream.seek(0)
    if not stream.readline().endswith(b"\n"):
        stream.truncate(0)
        return json.dumps(header).encode() + b"\n"
    stream.seek(-1, os.SEEK_END)
    return b"" if stream.read(1) == b"\n" else b"\n"
