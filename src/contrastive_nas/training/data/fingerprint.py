"""Which images a training had, without reading them."""

from pathlib import Path
from typing import Any

from webdataset.shardlists import expand_urls

from contrastive_nas.identity import digest
from contrastive_nas.training.config import DataSettings

# What says where images lie and how fast they are read, not what they are.
_NOT_CONTENT = {"train", "test", "images", "workers"}


def data_identity(settings: DataSettings) -> dict[str, Any]:
    """The settings that shape images, and a checksum of names, sizes and times of change of all their files.

    The folder itself is left out, so that images may be moved; a file that is written anew is another one,
    be its content the same or not.
    """
    content = settings.model_dump(mode="json", exclude=_NOT_CONTENT)
    return content | {part: _files(getattr(settings, part)) for part in ("train", "test")}


def _files(pattern: str) -> str:
    if not pattern:
        return ""
    path = Path(pattern)
    if path.is_dir():
        found = [(file.relative_to(path).as_posix(), file) for file in path.rglob("*") if file.is_file()]
    else:
        found = [(file.name, file) for file in map(Path, expand_urls(pattern)) if file.is_file()]
    return digest([(name, file.stat().st_size, file.stat().st_mtime_ns) for name, file in sorted(found)])
