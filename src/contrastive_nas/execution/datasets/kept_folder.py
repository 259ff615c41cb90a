"""A folder that a node both reads and adds to, beside its results."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class KeptFolder(AbstractDataset[Any, Path | None]):
    """Gives a node the path of a folder that outlasts every version of its results.

    What lies in it changes how long a node takes, not what it makes.

    Args:
        filepath: the folder; made by whoever writes into it.
    """

    _EPHEMERAL = True

    def __init__(self, filepath: str) -> None:
        self._folder: Path | None = Path(filepath)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Gives None meanwhile, so that a node has to make everything itself."""
        folder, self._folder = self._folder, None
        try:
            yield
        finally:
            self._folder = folder

    def load(self) -> Path | None:
        """The folder, there or not."""
        return self._folder

    def save(self, data: Any) -> NoReturn:
        raise DatasetError("what lies in a kept folder is written by the node that takes it, not returned")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}
