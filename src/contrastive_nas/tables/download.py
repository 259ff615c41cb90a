"""Fetches public benchmarks, with resume, progress and checks; where it fails, says what to do by hand."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

import pooch
import requests
import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from contrastive_nas.errors import InputError, instead
from contrastive_nas.tables.resuming import ResumingDownload


class RemoteFile(BaseModel):
    """One file of a benchmark; ``sha256`` where its publishers give it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    url: str
    sha256: str | None = None


class Download(BaseModel):
    """A public benchmark of networks of a ``space``. Without ``files`` it can only be got ``by_hand``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    page: str
    licence: str
    citation: str
    space: str | None = None
    files: tuple[RemoteFile, ...] = ()
    by_hand: str | None = None


def read_downloads(text: str) -> dict[str, Download]:
    """Return public benchmarks by name, from YAML as in ``downloads.yml``.

    Raises:
        InputError: an entry is not of that form.
    """
    try:
        return TypeAdapter(dict[str, Download]).validate_python(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise InputError(f"the list of downloads: {error}") from error


@cache
def list_downloads() -> dict[str, Download]:
    """Return the public benchmarks that this package knows, by name."""
    return read_downloads(resources.files(__package__).joinpath("downloads.yml").read_text("utf-8"))


def download(name: str, folder: str | Path, *, downloads: Mapping[str, Download] | None = None) -> list[Path]:
    """Fetch a benchmark's files into ``folder``; files that are there and have the right checksum stay.

    A transfer that breaks off goes on where it was, also in the next call.

    Args:
        name: of the benchmark.
        folder: where the files go.
        downloads: benchmarks by name; None takes those of this package.

    Returns:
        The files.

    Raises:
        InputError: no such benchmark, it can only be got by hand, the server cannot be reached or refuses, or
            what came has the wrong size or checksum. The message says what to do by hand.
    """
    known = list_downloads() if downloads is None else downloads
    if name not in known:
        raise InputError(f"download {name!r} is unknown{instead(name, list(known))}")
    benchmark = known[name]
    if not benchmark.files:
        raise InputError(f"{name} cannot be fetched by a program. {benchmark.by_hand} Page: {benchmark.page}")
    return [_fetch(file, Path(folder), benchmark) for file in benchmark.files]


def _fetch(file: RemoteFile, folder: Path, benchmark: Download) -> Path:
    target = folder / file.name
    if target.exists() and file.sha256 is None:
        # pooch would take the file as it is too, but with a warning to pin the checksum that nobody
        # published.
        return target
    known_hash = f"sha256:{file.sha256}" if file.sha256 else None
    try:
        pooch.retrieve(
            file.url, known_hash, fname=file.name, path=folder, downloader=ResumingDownload(target)
        )
    except (requests.RequestException, OSError, ValueError) as error:
        raise InputError(
            f"{file.url} could not be fetched: {' '.join(str(error).split())[:500]}. "
            f"By hand: download it from there or from {benchmark.page}, and save it as {target}"
        ) from error
    return target
