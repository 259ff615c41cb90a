"""Where a long node keeps its unfinished work."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from contrastive_nas.checkpoints import Checkpoints


class CheckpointFolder(AbstractDataset[Any, Checkpoints]):
    """Gives a node its checkpoints; the caching runner puts a folder of the node's own behind them.

    Args:
        seconds: least time between two checkpoints.
    """

    _EPHEMERAL = True

    def __init__(self, seconds: float = 20.0) -> None:
        self._seconds = seconds
        self.folder: Path | None = None

    def load(self) -> Checkpoints:
        """Checkpoints that keep nothing where no runner gave a folder."""
        return Checkpoints(self.folder, self._seconds)

    def save(self, data: Any) -> NoReturn:
        raise DatasetError("checkpoints are written by the node that takes them, not returned")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"seconds": self._seconds}
