"""What all results of nodes share: whole writes, and one place where they lie."""

from abc import abstractmethod
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from contrastive_nas.files import atomic_path


class ArtifactDataset(AbstractDataset[Any, Any]):
    """A result of a node, kept in a file or folder.

    Args:
        filepath: where people find it.
        metadata: not used here; ``{metrics: true}`` puts a JSON artifact's numbers into the run record.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata or {}

    @abstractmethod
    def read(self, path: Path) -> Any:
        """What a node is given."""

    @abstractmethod
    def write(self, path: Path, data: Any) -> None:
        """Puts what a node returned into ``path``."""

    def load(self) -> Any:
        return self.read(self._filepath)

    def save(self, data: Any) -> None:
        with atomic_path(self._filepath) as path:
            self.write(path, data)

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
