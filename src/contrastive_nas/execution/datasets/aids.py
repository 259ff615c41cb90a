"""What a node is given beside its inputs: changes how long it takes, not what it makes.

The catalog has one for all nodes; the caching runner gives each node a copy of its own.
"""

from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from kedro.io import AbstractDataset, DatasetError

from contrastive_nas.checkpoints import Checkpoints

Given = TypeVar("Given")


class Aid(AbstractDataset[Any, Given], Generic[Given]):
    """Part of no fingerprint: with another one, or none, a node makes the same."""

    _EPHEMERAL = True

    def _exists(self) -> bool:
        return True


class CheckpointFolder(Aid[Checkpoints]):
    """Gives a node its checkpoints; the caching runner puts a folder of the node's own behind them.

    Args:
        seconds: least time between two checkpoints.
    """

    def __init__(self, seconds: float = 20.0) -> None:
        self._seconds = seconds
        self._folder: Path | None = None

    def in_folder(self, folder: Path) -> "CheckpointFolder":
        """Return the same with a folder behind it."""
        placed = CheckpointFolder(self._seconds)
        placed._folder = folder
        return placed

    def load(self) -> Checkpoints:
        """Return checkpoints, which keep nothing where no runner gave a folder."""
        return Checkpoints(self._folder, self._seconds)

    def save(self, data: Any) -> NoReturn:
        raise DatasetError("checkpoints are written by the node that takes them, not returned")

    def _describe(self) -> dict[str, Any]:
        return {"seconds": self._seconds}


class EarlierResult(Aid[Path | None]):
    """Gives a node the path of its newest earlier result that only its inputs tell from the one to be made.

    The caching runner finds it: same code, parameters, libraries and device. What the node makes must not
    depend on it; it may only be made faster.

    Args:
        of: name of the result in the catalog.
    """

    def __init__(self, of: str) -> None:
        self.of = of
        self._path: Path | None = None

    def at(self, path: Path) -> "EarlierResult":
        """Return the same with the path that was found."""
        found = EarlierResult(self.of)
        found._path = path
        return found

    def load(self) -> Path | None:
        """Return the earlier result; None where there is none, or no runner looked for it."""
        return self._path

    def save(self, data: Any) -> NoReturn:
        raise DatasetError("a node may read an earlier result, but not return one")

    def _describe(self) -> dict[str, Any]:
        return {"of": self.of}


class KeptFolder(Aid[Path | None]):
    """Gives a node the path of a folder that outlasts every version of its results.

    What lies in it changes how long a node takes, not what it makes.

    Args:
        filepath: the folder; made by whoever writes into it.
    """

    def __init__(self, filepath: str) -> None:
        self._filepath = filepath
        self._is_hidden = False

    def hidden(self) -> "KeptFolder":
        """Return the same, but without the folder, so that a node has to make everything itself."""
        copied = KeptFolder(self._filepath)
        copied._is_hidden = True
        return copied

    def load(self) -> Path | None:
        """Return the folder, there or not."""
        return None if self._is_hidden else Path(self._filepath)

    def save(self, data: Any) -> NoReturn:
        raise DatasetError("files of a kept folder are written by the node that takes it, not returned")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
