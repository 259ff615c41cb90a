"""Unfinished work on the disk, so that a killed computation continues where it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


class Checkpoints:
    """Named states in a folder, saved at a bounded interval.

    Args:
        folder: where they lie; without one nothing is kept and nothing is found.
        seconds: least time between two saves of :meth:`save_if_due`.
    """

    def __init__(self, folder: Path | None, seconds: float = 20.0) -> None:
        self._folder = folder
        self._seconds = seconds

    def load(self, name: str = "state") -> Any | None:
        """The state saved last under that name, or None."""
        return None

    def save(self, state: Any, name: str = "state") -> None:
        """Keeps a state, whole or not at all."""

    def save_if_due(self, make_state: Callable[[], Any], name: str = "state") -> None:
        """Saves ``make_state()`` when the last save is long enough ago."""

    def part(self, name: str) -> "Checkpoints":
        """Checkpoints of a part of the work, in a folder below this one."""
        return Checkpoints(None if self._folder is None else self._folder / name, self._seconds)
