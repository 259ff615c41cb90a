"""Progress of long work: a tqdm bar on a terminal, sparse log lines elsewhere, and no long silence."""

import logging
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

from contrastive_nas.quantities import duration

Item = TypeVar("Item")
logger = logging.getLogger(__name__)
# After a quarter of a minute without a word people wonder whether a program hangs.
SECONDS_BETWEEN_LINES = 13.0
# Of items that are worked on at the same time the first takes as long as all.
_UPDATES_FOR_AN_ESTIMATE = 3
# Often enough for the clock of a bar to run on.
_SECONDS_BETWEEN_LOOKS = 0.5


class Progress:
    """Shows how far a piece of work is while it lasts, also when it waits for a long time.

    A context manager. Of pieces within each other, lines are about the outermost that counts items.

    Args:
        what: a few words, shown first.
        total: number of items; None where it is not known.
        unit: what is counted, such as ``networks trained``.
        done: items that were done before.
        counts: False for work without items, which is never shown as a bar.
        at_work: says what is being worked on, whenever it is shown.
    """

    def __init__(
        self,
        what: str,
        total: int | None = None,
        *,
        unit: str = "",
        done: int = 0,
        counts: bool = True,
        at_work: Callable[[], str] | None = None,
    ) -> None:
        self.counts = counts
        self._what, self._total, self._unit, self._done = what, total, unit, done
        self._note, self._at_work = "", at_work
        self._updates, self._updated = 0, 0.0
        self._bar: tqdm | None = None
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        # Bars of several processes would overwrite each other; whoever hushes even warnings wants none.
        shown = logger.isEnabledFor(logging.WARNING) and multiprocessing.parent_process() is None
        if self.counts and shown and sys.stderr.isatty():
            self._bar = tqdm(
                desc=self._what, total=self._total, initial=self._done, leave=None, dynamic_ncols=True
            )
        _watch.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _watch.remove(self)
        if self._bar is not None:
            self._bar.close()

    def update(self, done: int, note: str = "") -> None:
        """Show after an item how many are done.

        Args:
            done: in all; those that no update was for cost no time, such as items of an earlier run.
            note: what is known by now, such as the best result so far.
        """
        self._updates += 1
        self._updated = time.monotonic() - self._started
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(done - self._done)
        self._done, self._note = done, note

    @property
    def has_bar(self) -> bool:
        """Whether a bar shows it, so that it needs no lines."""
        return self._bar is not None

    def refresh(self) -> None:
        """Move the clock of the bar on."""
        if self._bar is not None:
            if self._at_work is not None:
                self._bar.set_postfix_str(
                    "; ".join(filter(None, (self._note, self._at_work()))), refresh=False
                )
            self._bar.refresh()

    def line(self) -> str:
        """Return how far the work is, in one line: what is done of how much, the note, and the time that is
        left.
        """
        elapsed = time.monotonic() - self._started
        if not self.counts:
            return f"{self._what}: running for {duration(elapsed)}"
        of = "so far" if self._total is None else f"of {self._total:,}"
        parts = [" ".join(filter(None, (f"{self._done:,}", of, self._unit))), self._note]
        if self._updates >= _UPDATES_FOR_AN_ESTIMATE and self._total is not None:
            left = self._updated / self._updates * (self._total - self._done)
            parts.append(f"about {duration(left)} left")
        else:
            parts.append(f"running for {duration(elapsed)}")
        if self._at_work is not None and (working := self._at_work()):
            parts.append(f"at work: {working}")
        return f"{self._what}: {', '.join(filter(None, parts))}"


def progress(iterable: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Iterate over ``iterable`` and show how far it is.

    Args:
        iterable: what is worked through.
        description: a few words, shown before the count.
        total: number of items, where ``iterable`` has no length.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    with Progress(description, total) as shown:
        for done, item in enumerate(iterable, start=1):
            yield item
            shown.update(done)


def working(what: str) -> Progress:
    """Show that work without items goes on, such as a step of a pipeline."""
    return Progress(what, counts=False)


class _Watch:
    """Looks at all work from a thread of its own, as long as there is any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown: list[Progress] = []
        self._thread: threading.Thread | None = None
        self._last_line = 0.0

    def add(self, work: Progress) -> None:
        with self._lock:
            if not self._shown:
                self._last_line = time.monotonic()
            self._shown.append(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
                self._thread.start()

    def remove(self, work: Progress) -> None:
        with self._lock:
            self._shown.remove(work)

    def forget(self) -> None:
        """Begins anew in a forked process, which has the works of its parent but not the thread."""
        self._lock, self._shown, self._thread = threading.Lock(), [], None

    def _run(self) -> None:
        while True:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            with self._lock:
                if not self._shown:
                    self._thread = None
                    return
                self._look()

    def _look(self) -> None:
        now = time.monotonic()
        for work in self._shown:
            work.refresh()
        if any(work.has_bar for work in self._shown) or now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        counting = (work for work in self._shown if work.counts)
        logger.info("%s", next(counting, self._shown[-1]).line())
        self._last_line = now


_watch = _Watch()
os.register_at_fork(after_in_child=_watch.forget)
