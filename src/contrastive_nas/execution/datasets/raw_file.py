"""Files that come from outside the project."""

import os
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from contrastive_nas.errors import InputError

DATA_VARIABLE = "CONTRASTIVE_NAS_DATA"
RAW_LAYER = "01_raw"


class MissingRawFile(InputError, DatasetError):
    """A raw file is in none of the places where it may be."""


class RawFile(AbstractDataset[Any, Path]):
    """The path of a raw file or folder, never written.

    It is looked for where the catalog says, and then at the same place below the folder that the environment
    variable ``CONTRASTIVE_NAS_DATA`` names.

    Args:
        filepath: ``data/01_raw/<name>``.
        preferred: files that are taken instead where they are there, the first of them.
    """

    def __init__(
        self, filepath: str, preferred: list[str] | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath = Path(filepath)
        self._preferred = [Path(path) for path in preferred or []]
        self.metadata = metadata or {}

    def load(self) -> Path:
        there = (place for path in self._preferred for place in _places(path) if place.exists())
        return next(there, None) or find_raw_file(self._filepath)

    def save(self, data: Any) -> NoReturn:
        raise DatasetError(f"{self._filepath} is a raw file: no pipeline may write it")

    def _exists(self) -> bool:
        paths = [*self._preferred, self._filepath]
        return any(place.exists() for path in paths for place in _places(path))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def find_raw_file(filepath: Path) -> Path:
    """Return where a raw file really is.

    Raises:
        MissingRawFile: it is nowhere.
    """
    places = _places(filepath)
    for place in places:
        if place.exists():
            return place
    searched = " and ".join(str(place) for place in places)
    hint = "" if len(places) > 1 else f" ({DATA_VARIABLE} names no other folder to look in)"
    raise MissingRawFile(f"raw file {filepath.name} is missing: looked for {searched}{hint}")


def raw_folders(project: Path) -> list[Path]:
    """Return where raw files may lie: the project's own folder, and the one that the environment names."""
    named = os.environ.get(DATA_VARIABLE)
    return [project / "data" / RAW_LAYER, *([Path(named)] if named else [])]


def _places(filepath: Path) -> list[Path]:
    named = os.environ.get(DATA_VARIABLE)
    if not named:
        return [filepath]
    parts = filepath.parts
    inside = parts[parts.index(RAW_LAYER) + 1 :] if RAW_LAYER in parts else parts[-1:]
    return [filepath, Path(named).joinpath(*inside)]
