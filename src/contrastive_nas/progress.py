"""Progress of long loops: a tqdm bar on a terminal, sparse log lines elsewhere."""

import logging
import multiprocessing
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
logger = logging.getLogger(__name__)
SECONDS_BETWEEN_LINES = 15.0


def progress(iterable: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Iterates over ``iterable`` and shows how far it is.

    Args:
        iterable: what is worked through.
        description: a few words, shown before the count.
        total: number of items, where ``iterable`` has no length.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    # Bars of several processes would overwrite each other; whoever hushes even warnings wants none.
    shown = logger.isEnabledFor(logging.WARNING) and multiprocessing.parent_process() is None
    if shown and sys.stderr.isatty():
        yield from tqdm(iterable, desc=description, total=total, dynamic_ncols=True)
        return
    last = time.monotonic()
    for done, item in enumerate(iterable, start=1):
        yield item
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            logger.info("%s: %d of %s", description, done, "?" if total is None else total)
            last = now
