"""The versions of an artifact on the disk.

::

    data/06_models/base/encoder                              a link to the version made or used last
    data/06_models/base/.versions/encoder/<key>/encoder      the artifact: a file or folder, never changed
    data/06_models/base/.versions/encoder/<key>/origin.json  what it was made from, and its checksum

A version lands as a whole: artifact and origin are written into a folder that gets its name at the end. The
key is the fingerprint of the node that made it. Runs with different parameters therefore never see each
other's versions, and going back to earlier parameters finds the earlier version.
"""

import functools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

from kedro.io import DatasetError

from contrastive_nas.errors import InputError
from contrastive_nas.execution.hashing import Checksums, checksums_for

KEY_LENGTH = 20
ORIGIN = "origin.json"
PARTIAL = ".partial-"
FOLDER = ".versions"


class StorageError(InputError, DatasetError):
    """An artifact cannot be written or read; what was there before still is."""


@dataclass(frozen=True)
class Version:
    """One version of an artifact."""

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        """The file or folder itself."""
        return self.folder / self.name

    @cached_property
    def origin(self) -> dict[str, Any]:
        """What it was made from; empty where that cannot be read."""
        try:
            return json.loads((self.folder / ORIGIN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    @property
    def checksum(self) -> str | None:
        """SHA-256 of its content when it was made."""
        return self.origin.get("checksum")

    @property
    def fingerprint(self) -> str | None:
        """Of the node that made it; None when a runner made it that takes no fingerprints."""
        return self.origin.get("fingerprint")

    @property
    def made_from(self) -> dict[str, Any]:
        """The fingerprint as data; empty when a runner made it that takes no fingerprints."""
        return self.origin.get("made_from") or {}

    def is_whole(self, checksums: Checksums) -> bool:
        """Return whether the content still has its checksum."""
        try:
            return self.checksum == checksums.of(self.path)
        except OSError:
            return False


class Versions:
    """All versions of the artifact that people find at ``link``."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.folder = link.parent / FOLDER / link.name

    @property
    def checksums(self) -> Checksums:
        return checksums_for(self.link.parent)

    def current(self) -> Version | None:
        """Return the version that the link shows; None where there is none."""
        try:
            target = Path(os.path.normpath(self.link.parent / os.readlink(self.link)))
        except OSError:
            return None
        if target.parent.parent != self.folder or not target.exists():
            return None
        return Version(target.parent, self.link.name)

    def all(self) -> list[Version]:
        """Return every version, unfinished ones left out."""
        if not self.folder.is_dir():
            return []
        folders = sorted(path for path in self.folder.iterdir() if not path.name.startswith("."))
        return [Version(folder, self.link.name) for folder in folders]

    def newest(self) -> list[Version]:
        """Return every version with an origin, the one that was made last first."""
        dated = [(_made_at(version.folder), version) for version in self.all()]
        return [version for moment, version in sorted(dated, key=itemgetter(0), reverse=True) if moment]

    def find(self, fingerprint: str) -> list[Version]:
        """Return the versions that a node with this fingerprint made, latest first."""
        key = fingerprint[:KEY_LENGTH]
        found = [version for version in self.all() if version.folder.name.partition(".")[0] == key]
        same = [version for version in found if version.fingerprint == fingerprint]
        return sorted(same, key=lambda version: _number(version.folder), reverse=True)

    def add(self, origin: dict[str, Any] | None, write: Callable[[Path], None]) -> Version:
        """Write a version and show it.

        Args:
            origin: has the key ``fingerprint``; whoever gives one holds the lock of that fingerprint. Without
                it the version is named after its content.
            write: is given the path to write to.

        Raises:
            StorageError: the disk is full or read-only.
        """
        key = origin["fingerprint"][:KEY_LENGTH] if origin else f"unknown-{os.getpid()}"
        partial = self.folder / f"{PARTIAL}{key}"
        try:
            checksum = self._fill(partial, origin, write)
            version = self._land(partial, key if origin else f"content-{checksum[:KEY_LENGTH]}")
            self.show(version)
            return version
        except OSError as error:
            raise StorageError(f"cannot write {self.link}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    @contextmanager
    def written(self, write: Callable[[Path], None]) -> Iterator[tuple[Path, str]]:
        """Write a version, give its path and checksum, and remove it when the block ends."""
        partial = self.folder / f"{PARTIAL}compared-{os.getpid()}"
        try:
            checksum = self._fill(partial, None, write)
            yield partial / self.link.name, checksum
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def disown(self, version: Version) -> Version:
        """Take its fingerprint from a version, which is then known by its content only."""
        copied = self.add(None, functools.partial(_copy, version.path))
        shutil.rmtree(version.folder, ignore_errors=True)
        return copied

    def show(self, version: Version) -> None:
        """Make the link lead to ``version``.

        Raises:
            StorageError: the folder cannot be written.
        """
        try:
            self._show(version)
        except OSError as error:
            raise StorageError(f"cannot write {self.link}: {error.strerror or error}") from error

    def _show(self, version: Version) -> None:
        target = os.path.relpath(version.path, self.link.parent)
        if self.link.is_symlink() and os.readlink(self.link) == target:
            return
        fresh = self.link.parent / f".{self.link.name}.{os.getpid()}.partial"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        if self.link.is_dir() and not self.link.is_symlink():
            shutil.rmtree(self.link)
        os.replace(fresh, self.link)

    def _fill(self, partial: Path, origin: dict[str, Any] | None, write: Callable[[Path], None]) -> str:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        path = partial / self.link.name
        write(path)
        if not path.exists():
            raise StorageError(f"cannot write {self.link}: its writer made no file {path.name}")
        _flush(path)
        checksum = Checksums(partial / "none").of(path)
        text = json.dumps({**(origin or {}), "checksum": checksum}, indent=1, sort_keys=True)
        (partial / ORIGIN).write_text(text + "\n", encoding="utf-8")
        _flush(partial / ORIGIN)
        return checksum

    def _land(self, partial: Path, key: str) -> Version:
        """Gives the finished folder its name, the first that is free; an equal version serves as well."""
        number = 0
        while True:
            folder = self.folder / (f"{key}.{number}" if number else key)
            version = Version(folder, self.link.name)
            if not folder.exists():
                try:
                    os.rename(partial, folder)
                    return version
                except OSError:
                    if not folder.exists():
                        raise
            if _has_same_origin(folder, partial) and version.is_whole(self.checksums):
                return version
            number += 1


def _has_same_origin(one: Path, other: Path) -> bool:
    """Whether two versions were made from the same and came out the same."""
    return (one / ORIGIN).is_file() and (one / ORIGIN).read_bytes() == (other / ORIGIN).read_bytes()


def _copy(source: Path, target: Path) -> None:
    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)


def _made_at(folder: Path) -> int:
    """Nanoseconds since 1970; 0 where it cannot be told."""
    try:
        return (folder / ORIGIN).stat().st_mtime_ns
    except OSError:
        return 0


def _number(folder: Path) -> int:
    return int(folder.name.partition(".")[2] or 0)


def _flush(path: Path) -> None:
    """Brings a file or a folder's files to the disk, so that a crash cannot leave a version half empty."""
    files = [path] if path.is_file() else [inner for inner in path.rglob("*") if inner.is_file()]
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
