"""What all results of nodes share: versions, whole writes and checksums."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
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
        metadata: not used here; ``{metrics: true}`` puts a JSON artifact's numbers into the run record.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata or {}
        self.versions = Versions(self._filepath)
        self.reads: Version | None = None
        self.origin: dict[str, Any] | None = None
        self._compared: tuple[str | None, Callable[[], None]] | None = None

    @abstractmethod
    def read(self, path: Path) -> Any:
        """What a node is given."""

    @abstractmethod
    def write(self, path: Path, data: Any) -> None:
        """Puts what a node returned into ``path``, which does not exist yet."""

    def load(self) -> Any:
        return self.read(self.version().path)

    def save(self, data: Any) -> None:
        if self._compared is None:
            self.reads = self.versions.add(self.origin, lambda path: self.write(path, data))
        elif self.versions.checksum_of(lambda path: self.write(path, data)) != self._compared[0]:
            self._compared[1]()

    def disown(self) -> None:
        """Keeps what was saved last without saying what it was made from."""
        assert self.reads is not None
        self.reads = self.versions.disown(self.reads)

    @contextmanager
    def compared(self, checksum: str | None, on_difference: Callable[[], None]) -> Iterator[None]:
        """Within it, what is saved is compared with a checksum and not kept."""
        self._compared = (checksum, on_difference)
        try:
            yield
        finally:
            self._compared = None

    def version(self) -> Version:
        """The version that is read, its content checked.

        Raises:
            UnusableArtifact: there is none, or it is damaged.
        """
        version = self.reads or self.versions.current()
        if version is None:
            raise UnusableArtifact(f"{self._filepath} is missing: run the stage that makes it first")
        if not version.is_whole(self.versions.checksums):
            raise UnusableArtifact(
                f"{self._filepath} is damaged: its content has not the checksum that it had when it was "
                "made; run the stage that makes it again"
            )
        return version

    def _exists(self) -> bool:
        return self.versions.current() is not None

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
