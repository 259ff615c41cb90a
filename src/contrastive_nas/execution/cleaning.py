"""Finds what no run needs any more, and frees it."""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contrastive_nas.errors import InputError
from contrastive_nas.execution.state import locked, state_folder
from contrastive_nas.execution.versions import FOLDER, PARTIAL, Versions


@dataclass(frozen=True)
class Garbage:
    """A folder that can go.

    Attributes:
        size: bytes.
        reason: why it is not needed.
    """

    path: Path
    size: int
    reason: str


def find_garbage(project: Path, kept_runs: Iterable[Mapping[str, Any]], oldest: float) -> list[Garbage]:
    """Return what may be freed: versions that no kept run made or used, and what killed runs left.

    Versions that the links show stay in any case, so that no stage has to run again for a clean-up.

    Args:
        kept_runs: records of the runs to keep.
        oldest: unfinished work that was last written before (seconds since 1970) may go.
    """
    needed = {
        os.path.normpath(project / output["version"])
        for run in kept_runs
        for node in run.get("nodes", [])
        for output in node.get("outputs", {}).values()
    }
    return [*_old_versions(project, needed), *_old_work(project, oldest)]


def free(
    project: Path, garbage: Iterable[Garbage], kept_runs: Iterable[Mapping[str, Any]], oldest: float
) -> None:
    """Remove of it what no run has come back to since it was found.

    Args:
        kept_runs, oldest: as they were given to :func:`find_garbage`.

    Raises:
        InputError: a run is at work.
    """
    try:
        with locked(state_folder(project) / "locks" / "runs", "", wait=False):
            still = {item.path for item in find_garbage(project, kept_runs, oldest)}
            for item in garbage:
                if item.path in still:
                    shutil.rmtree(item.path, ignore_errors=True)
    except BlockingIOError:
        raise InputError("a run is in progress in this project: nothing was removed") from None


def _old_versions(project: Path, needed: set[str]) -> Iterator[Garbage]:
    for folder in sorted((project / "data").glob(f"*/**/{FOLDER}/*")):
        versions = Versions(folder.parent.parent / folder.name)
        shown = versions.current()
        for version in versions.all():
            if version != shown and os.path.normpath(version.path) not in needed:
                yield Garbage(version.folder, _size(version.folder), "no kept run made or used it")
        for partial in sorted(folder.glob(f"{PARTIAL}*")):
            yield Garbage(partial, _size(partial), "a killed run left it unfinished")


def _old_work(project: Path, oldest: float) -> Iterator[Garbage]:
    for folder in sorted((state_folder(project) / "checkpoints").glob("*")):
        if max((file.stat().st_mtime for file in folder.rglob("*")), default=0) < oldest:
            yield Garbage(folder, _size(folder), "unfinished work that no run continued")


def _size(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
