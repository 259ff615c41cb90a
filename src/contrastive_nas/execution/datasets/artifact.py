"""What all results of nodes share: versions, whole writes and checksums."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from contrastive_nas.errors import InputError
from contrastive_nas.execution.versions import Version, Versions


class UnusableArtifact(InputError, DatasetError):
    """An artifact is missing or is not what was written."""


class ArtifactDataset(AbstractDataset[Any, Any]):
    """A result of a node, kept in versions.

    A runner that takes fingerprints says which version is read (``reads``) and what a new one is made from
    (``origin``). Without one, the version that the link shows is read, and a new one is named after its
    content.

    Args:
        filepath: where people find the version made or used last.
        metadata: ``{metrics: true}`` puts a JSON artifact's numbers into the run record; ``measured`` names
            the keys or columns that hold durations and speeds, which differ between runs that are otherwise
            equal.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata or {}
        self.versions = Versions(self._filepath)
        self.reads: Version | None = None
        self.origin: dict[str, Any] | None = None
        self.differs = False
        self._compared: Version | None = None

    @property
    def measured(self) -> list[str]:
        """Keys or columns with durations and speeds."""
        return list(self.metadata.get("measured", []))

    @abstractmethod
    def read(self, path: Path) -> Any:
        """Return what a node is given."""

    @abstractmethod
    def write(self, path: Path, data: Any) -> None:
        """Put what a node returned into ``path``, which does not exist yet."""

    def load(self) -> Any:
        return self.read(self.version().path)

    def save(self, data: Any) -> None:
        if self._compared is None:
            self.reads = self.versions.add(self.origin, lambda path: self.write(path, data))
        else:
            with self.versions.written(lambda path: self.write(path, data)) as (path, checksum):
                same = checksum == self._compared.checksum
                self.differs |= not (same or self.same_but_for_measured(path, self._compared.path))

    def same_but_for_measured(self, one: Path, other: Path) -> bool:
        """Return whether two versions differ in nothing but what ``metadata`` calls measured."""
        return False

    def disown(self) -> None:
        """Keep what was saved last without saying what it was made from."""
        assert self.reads is not None
        self.reads = self.versions.disown(self.reads)

    @contextmanager
    def compared(self, version: Version) -> Iterator[None]:
        """Compare what is saved within the block with a version, and do not keep it; see ``differs``."""
        self._compared, self.differs = version, False
        try:
            yield
        finally:
            self._compared = None

    def version(self) -> Version:
        """Return the version that is read, its content checked.

        Raises:
            UnusableArtifact: there is none, or it is damaged.
        """
        version = self.reads or self.versions.current()
        if version is None:
            raise UnusableArtifact(f"{self._filepath} is missing: run the stage that makes it first")
        if not version.is_whole(self.versions.checksums):
            raise UnusableArtifact(
                f"{self._filepath} is damaged: its checksum has changed since it was "
                "made; run the stage that makes it again"
            )
        return version

    def _init_config(self) -> dict[str, Any]:
        """What `kedro catalog resolve-patterns` prints; Kedro's own loses the arguments of subclasses."""
        kind = type(self)
        config = {"type": f"{kind.__module__}.{kind.__qualname__}", "filepath": str(self._filepath)}
        return {**config, "metadata": self.metadata} if self.metadata else config

    def _exists(self) -> bool:
        return self.versions.current() is not None

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
