"""WebDataset shards: tar files in which members of one name are one sample."""

import tarfile
from pathlib import Path

import numpy as np
from PIL import Image
from webdataset.shardlists import expand_urls
from webdataset.tariterators import base_plus_ext

from contrastive_nas.errors import InputError
from contrastive_nas.training.data.base import CorruptImage, ImageSource, decode

_IMAGES = ("jpg", "jpeg", "png", "webp", "ppm")
_LABEL = "cls"
# Runs of images that are read together: long enough for sequential reading, short enough to mix well.
_BLOCK = 256


class ShardSource(ImageSource):
    """Samples with an image (``.jpg``, ``.png``, ...) and its label as digits (``.cls``).

    The headers of all shards are read once at the start; then images are read where they lie, so that any
    number of processes can share the samples and continue anywhere.

    Args:
        pattern: a folder of ``*.tar``, or paths with braces such as ``train-{000..146}.tar``.

    Raises:
        InputError: no shard, a truncated one, or a sample without image or label.
    """

    def __init__(self, pattern: str) -> None:
        folder = Path(pattern)
        self._shards = (
            sorted(folder.glob("*.tar")) if folder.is_dir() else [Path(url) for url in expand_urls(pattern)]
        )
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


def _index(path: Path, shard: int) -> np.ndarray:
    """Shard, offset, size and label of every sample, int64 (samples, 4), in the order of the file."""
    samples: dict[str, dict[str, int]] = {}
    try:
        size = path.stat().st_size
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                key, extension = base_plus_ext(member.name)
                if not member.isfile() or key is None:
                    continue
                if member.offset_data + member.size > size:
                    raise InputError(f"shard {path} is truncated inside {member.name}")
                sample = samples.setdefault(key, {})
                if extension.lower() in _IMAGES:
                    sample |= {"offset": member.offset_data, "size": member.size}
                elif extension.lower() == _LABEL:
                    sample["label"] = _label(archive, member, path)
            # tarfile takes the end of the file for the end of the archive, which really is a block of zeros.
            if size - archive.offset < tarfile.BLOCKSIZE:
                raise InputError(f"shard {path} is truncated after {len(samples)} samples")
    except (OSError, tarfile.TarError) as error:
        raise InputError(f"shard {path} cannot be read: {error}") from None
    for key, sample in samples.items():
        if len(sample) < 3:
            raise InputError(
                f"shard {path}: sample {key!r} has no {'label' if 'offset' in sample else 'image'}"
            )
    rows = [(shard, sample["offset"], sample["size"], sample["label"]) for sample in samples.values()]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def _label(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> int:
    stream = archive.extractfile(member)
    assert stream is not None
    content = stream.read()
    try:
        return int(content)
    except ValueError:
        raise InputError(f"shard {path}: {member.name} holds {content[:20]!r} instead of a number") from None
