"""Where a long node keeps its unfinished work."""

from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from contrastive_nas.checkpoints import Checkpoints


class CheckpointFolder(AbstractDataset[Any, Checkpoints]):
    """Gives a node its checkpoints; the run puts a folder of the node's own behind them."""

    _EPHEMERAL = True

    def load(self) -> Checkpoints:
        """Checkpoints that keep nothing, for use outside a run."""
        return Checkpoints(None)

    def save(self, data: Any) -> NoReturn:
        raise DatasetError("checkpoints are written by the node that takes them, not returned")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {}
