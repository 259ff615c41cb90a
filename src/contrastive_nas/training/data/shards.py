"""WebDataset shards: tar files in which members of one name are one sample.

The name ends at its last dot, so that it may hold dots itself (``img.0001.jpg``). WebDataset ends it at the
first one; its ``1.mask.png`` beside ``1.jpg`` is left out here, as is every other member that is neither an
image nor a label.
"""

import re
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
from braceexpand import braceexpand
from PIL import Image

from contrastive_nas.errors import InputError
from contrastive_nas.training.data.base import CorruptImage, ImageSource, decode, visible_files

_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".ppm")
_LABEL = ".cls"
# Few enough digits for 64 bits.
_NUMBER = re.compile(rb"\s*[+-]?\d{1,18}\s*")
# Runs of images that are read together: long enough for sequential reading, short enough to mix well.
_BLOCK = 256


class ShardSource(ImageSource):
    """Samples with an image (``.jpg``, ``.png``, ...) and its label as digits (``.cls``).

    The headers of all shards are read once at the start; then images are read where they lie, so that any
    number of processes can share the samples and continue anywhere.

    Args:
        pattern: a folder of ``*.tar``, or paths with braces such as ``train-{000..146}.tar``.

    Raises:
        InputError: no shard, a truncated one, or a sample without image or label, or with two.
    """

    def __init__(self, pattern: str) -> None:
        folder = Path(pattern)
        self._shards = visible_files(folder, "*.tar") if folder.is_dir() else expand_paths(pattern)
        if not self._shards:
            raise InputError(f"{pattern} holds no tar shards")
        tables, blocks, total = [], [], 0
        for number, shard in enumerate(self._shards):
            table = _index(shard, number)
            blocks.append(np.arange(total, total + len(table), _BLOCK))
            tables.append(table)
            total += len(table)
        self._table = np.concatenate(tables)
        self.labels = self._table[:, 3].copy()
        self.blocks = np.concatenate(blocks)

    def read(self, number: int, channels: int) -> Image.Image:
        shard, offset, size, _ = self._table[number].tolist()
        try:
            with self._shards[shard].open("rb") as stream:
                stream.seek(offset)
                content = stream.read(size)
        except OSError as error:
            raise CorruptImage(f"{self.describe(number)}: {error}") from None
        return decode(content, channels, self.describe(number))

    def describe(self, number: int) -> str:
        shard, offset, _, _ = self._table[number].tolist()
        return f"{self._shards[shard]}, image at byte {offset}"


def expand_paths(pattern: str) -> list[Path]:
    """Return the paths that a pattern with braces, such as ``train-{000..146}.tar``, stands for.

    Raises:
        InputError: a brace is not closed or not opened.
    """
    try:
        return [Path(path) for path in braceexpand(pattern)]
    except ValueError:
        raise InputError(f"{pattern}: a brace is not closed or not opened") from None


def _index(path: Path, shard: int) -> np.ndarray:
    """Shard, offset, size and label of every sample, int64 (samples, 4), in the order of the file."""
    images: dict[str, tarfile.TarInfo] = {}
    labels: dict[str, int] = {}
    try:
        size = path.stat().st_size
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                if not member.isfile() or any(part.startswith(".") for part in name.parts):
                    continue
                key, extension = str(name.with_suffix("")), name.suffix.lower()
                if member.offset_data + member.size > size:
                    raise InputError(f"shard {path} is truncated inside {member.name}")
                if extension in _IMAGES:
                    _check_single(path, key, member.name, images[key].name if key in images else None)
                    images[key] = member
                elif extension == _LABEL:
                    _check_single(path, key, member.name, f"{key}{_LABEL}" if key in labels else None)
                    labels[key] = _label(archive, member, path)
            # tarfile takes the end of the file for the end of the archive, which really is a block of zeros.
            if size - archive.offset < tarfile.BLOCKSIZE:
                raise InputError(f"shard {path} is truncated after {len(images)} images")
    except (OSError, tarfile.TarError) as error:
        raise InputError(f"shard {path} cannot be read: {error}") from None
    images = {key: image for key, image in images.items() if key in labels or not _is_extra(key, labels)}
    for key in [*images, *labels]:
        if key not in images or key not in labels:
            missing = "label" if key in images else "image"
            raise InputError(f"shard {path}: sample {key!r} has no {missing}")
    rows = [(shard, image.offset_data, image.size, labels[key]) for key, image in images.items()]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def _check_single(path: Path, key: str, name: str, earlier: str | None) -> None:
    if earlier:
        raise InputError(f"shard {path}: sample {key!r} is there twice, as {earlier} and as {name}")


def _is_extra(key: str, labels: dict[str, int]) -> bool:
    """Whether an image without a label belongs to a sample with another one: ``1.mask.png`` to ``1.cls``."""
    folder, _, name = key.rpartition("/")
    return "." in name and str(PurePosixPath(folder) / name.partition(".")[0]) in labels


def _label(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> int:
    stream = archive.extractfile(member)
    assert stream is not None
    content = stream.read()
    if not _NUMBER.fullmatch(content):
        raise InputError(f"shard {path}: {member.name} holds {content[:20]!r} instead of a number")
    return int(content)
