"""Accuracies that were really trained, kept for whoever asks again.

A label is data: it is paid for once, whatever is changed afterwards in rankers, strategies or plots. The
store lies outside every cache of results, and nothing is ever removed from it but by hand.
"""

import fcntl
import json
import logging
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from contrastive_nas.errors import InputError
from contrastive_nas.identity import digest
from contrastive_nas.spaces.base import Architecture
from contrastive_nas.training.short import ShortScore

logger = logging.getLogger(__name__)
FORMAT = 1


class LabelStore:
    """The trainings of one space under one way of training, in a file that only ever grows.

    One JSON object a line: first a header with the identity, then a line for each training (architecture,
    seed, accuracies in percent, processor seconds), on the disk before the next begins. Several processes may
    read and append at once; a line that a kill left unfinished is skipped. Of two trainings of one
    architecture and seed the first one counts, but for one without a test accuracy, which the next replaces.

    Args:
        folder: of all stores.
        name: begins the file's name.
        identity: what decides an accuracy besides architecture and seed, as plain data; each has a file of
            its own.

    Raises:
        InputError: the file is no label store, or that of another identity.
    """

    def __init__(self, folder: Path, name: str, identity: Mapping[str, Any]) -> None:
        header = {"format": FORMAT, "identity": dict(identity)}
        self._header = json.loads(json.dumps(header))  # as it is read back
        self.path = folder / f"{name}-{digest(self._header)}.jsonl"
        self._scores: dict[tuple[Architecture, int], ShortScore] = {}
        self._read = self._lines = 0
        self._refresh()

    def __len__(self) -> int:
        self._refresh()
        return len(self._scores)

    def find(self, architecture: Architecture, seed: int, *, tested: bool = True) -> ShortScore | None:
        """Return a training that this process or another has finished; with ``tested``, one with a test
        accuracy.
        """
        for _ in range(2):
            found = self._scores.get((architecture, seed))
            if found is not None and (found.test_accuracy is not None or not tested):
                return found
            self._refresh()
        return None

    def add(self, architecture: Architecture, seed: int, score: ShortScore) -> None:
        """Keep a training.

        Raises:
            OSError: the disk is full or must not be written.
        """
        record = {"architecture": architecture, "seed": seed, **asdict(score)}
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
                self._take(line)

    def _check_header(self, line: bytes) -> None:
        try:
            header = json.loads(line)
        except ValueError:
            header = None
        if header != self._header:
            raise InputError(f"{self.path} is not a store of these labels: move it elsewhere")

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            test = record["test_accuracy"]
            test = None if test is None else float(test)
            score = ShortScore(float(record["valid_accuracy"]), test, float(record["seconds"]))
            if not (math.isfinite(score.valid_accuracy) and math.isfinite(test or 0)):
                raise ValueError("an accuracy is not a finite number")
            key = str(record["architecture"]), int(record["seed"])
            known = self._scores.get(key)
            if known is None or known.test_accuracy is None:
                self._scores[key] = score
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
