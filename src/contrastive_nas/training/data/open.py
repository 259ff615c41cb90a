"""Sources by their settings, and which images these are."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.identity import digest
from contrastive_nas.training.config import DataSettings, SourceKind
from contrastive_nas.training.data.arrays import digits_source, torchvision_source
from contrastive_nas.training.data.base import ImageSource
from contrastive_nas.training.data.folder import FolderSource
from contrastive_nas.training.data.parquet import ParquetSource
from contrastive_nas.training.data.shards import ShardSource, expand_paths

logger = logging.getLogger(__name__)
# What says where images lie and how fast they are read, not what they are.
_NOT_CONTENT = {"train", "test", "images", "workers"}
_ENDINGS: dict[SourceKind, str] = {"webdataset": ".tar", "parquet": ".parquet"}


def open_sources(settings: DataSettings, classes: int) -> tuple[ImageSource, ImageSource]:
    """Return training and test images.

    Args:
        settings: kind and paths.
        classes: outputs of the network.

    Raises:
        InputError: files are missing or broken, the classes of training and test differ, there are not as
            many as the network has outputs, or all training images are of one.
    """
    train = open_source(settings, "train")
    test = open_source(settings, "test", train.classes)
    if train.classes != test.classes and train.classes and test.classes:
        missing = sorted(set(train.classes) ^ set(test.classes))
        reason = (
            f"differ in the classes {', '.join(missing[:5])}" if missing else "number the classes differently"
        )
        raise InputError(f"{settings.name}: training and test images {reason}")
    for source in (train, test):
        check_classes(source, classes, settings.name)
    _check_variety(settings, train, test)
    return train, test


def _check_variety(settings: DataSettings, train: ImageSource, test: ImageSource) -> None:
    """Whether there is anything to learn, and whether a test accuracy says anything of it."""
    known = np.unique(train.labels)
    if len(known) < 2:
        raise InputError(
            f"{settings.name}: all training images are of one class, label {known[0]}: nothing can be learned"
        )
    unseen = np.setdiff1d(test.labels, known)
    if len(unseen):
        logger.warning(
            "%s: there are test images of label %s, and no training images of it",
            settings.name,
            ", ".join(map(str, unseen[:5].tolist())),
        )
    if settings.test and Path(settings.train).absolute() == Path(settings.test).absolute():
        logger.warning(
            "%s: %s are both the training and the test images: test accuracy says nothing about other images",
            settings.name,
            settings.train,
        )


def check_classes(source: ImageSource, classes: int, name: str) -> None:
    """Raise InputError where a source does not suit a network of that many outputs."""
    if not len(source):
        raise InputError(f"{name} has no images")
    if source.classes and len(source.classes) != classes:
        raise InputError(f"{name} has {len(source.classes)} classes, but the network has {classes} outputs")
    source.check_labels(classes)


def open_source(settings: DataSettings, part: str, classes: tuple[str, ...] = ()) -> ImageSource:
    """Return the images of one part, ``train`` or ``test``.

    Args:
        settings: kind and paths.
        part: which one.
        classes: names of the training images' classes, for test images.

    Raises:
        InputError: files are missing or broken.
    """
    path = settings.train if part == "train" else settings.test
    match settings.kind:
        case "digits":
            return digits_source(train=part == "train")
        case "folder":
            return FolderSource(Path(path), is_test=part == "test", classes=classes)
        case "parquet":
            return ParquetSource(Path(path))
        case "webdataset":
            return ShardSource(path)
        case "torchvision":
            return torchvision_source(settings.name, Path(settings.train), train=part == "train")


def source_kind(path: str) -> SourceKind:
    """Return the kind of images by the form of their path: ``digits``, shards, Parquet, or a folder of
    classes.
    """
    if path == "digits":
        return "digits"
    for kind, ending in _ENDINGS.items():
        if path.endswith(ending) or any(Path(path).glob(f"*{ending}")):
            return kind
    return "folder"


def data_identity(settings: DataSettings) -> dict[str, Any]:
    """Return the settings that shape images, and a checksum of names, sizes and times of change of all their
    files.

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
        found = [(file.name, file) for file in expand_paths(pattern) if file.is_file()]
    return digest([(name, file.stat().st_size, file.stat().st_mtime_ns) for name, file in sorted(found)])
