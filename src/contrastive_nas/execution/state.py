"""Where a project keeps what is neither an input nor a result: checksums, locks, unfinished work."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from kedro.utils import find_kedro_project

logger = logging.getLogger(__name__)


@cache
def state_folder(inside: Path) -> Path:
    """Return the state folder of the project that ``inside`` belongs to; inside it where there is no
    project.
    """
    project = find_kedro_project(inside)
    return (Path(project) / "data" if project else inside) / ".state"


@contextmanager
def locked(file: Path, waiting_for: str, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold a lock between processes; the system frees it however the holder ends.

    Args:
        file: names the lock; made where it is missing and left there, as removing it would split the lock.
        waiting_for: what is logged when somebody else holds it.
        shared: with other sharers, against one that does not share.
        wait: False raises at once.

    Raises:
        BlockingIOError: somebody else holds it and ``wait`` is False.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise
            logger.info("waiting for another run: %s", waiting_for)
            fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)
