"""A result that a node made before, from other inputs, for it to take parts from."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class EarlierResult(AbstractDataset[Any, Path | None]):
    """Gives a node the path of its newest earlier result that only its inputs tell from the one to be made.

    The caching runner finds it: same code, parameters, libraries and device. What the node makes must not
    depend on it; it may only be made faster.

    Args:
        of: name of the result in the catalog.
    """

    _EPHEMERAL = True

    def __init__(self, of: str) -> None:
        self.of = of
        self.path: Path | None = None

    def load(self) -> Path | None:
        """None where there is none, or no runner looked for it."""
        return self.path

    def save(self, data: Any) -> NoReturn:
        raise DatasetError("an earlier result is looked for, not returned")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"of": self.of}
