"""One measurement at a time on this machine, and no training beside it.

A lock on a file that all processes of a user share: a measurement holds it alone, trainings hold it together.
The system frees it when a process ends, however it ends.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contrastive_nas.progress import working


@contextmanager
def measuring() -> Iterator[None]:
    """Wait until nothing else is measured or trained on this machine; while the block lasts, nothing is."""
    with _held(fcntl.LOCK_EX):
        yield


@contextmanager
def training() -> Iterator[None]:
    """Wait until no measurement is under way on this machine; while the block lasts, none begins."""
    with _held(fcntl.LOCK_SH):
        yield


def lock_file() -> Path:
    """Name the file that is locked, one for every user of this machine."""
    return Path(tempfile.gettempdir()) / f"contrastive-nas-{os.getuid()}.lock"


@contextmanager
def _held(kind: int) -> Iterator[None]:
    with lock_file().open("a") as stream:
        try:
            fcntl.flock(stream, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            with working("waiting for trainings and measurements on this machine"):
                fcntl.flock(stream, kind)
        yield
