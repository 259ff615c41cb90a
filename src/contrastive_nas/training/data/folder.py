"""A folder with one folder of image files per class."""

import logging
import os
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.datasets.folder import is_image_file, make_dataset

from contrastive_nas.errors import InputError
from contrastive_nas.training.data.base import CorruptImage, ImageSource, decode

logger = logging.getLogger(__name__)
# Names of the parts of a data set: a folder of them is one level too high.
_PARTS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation"})


class FolderSource(ImageSource):
    """Images of ``folder/<class>/*.jpg``; classes are numbered in alphabetical order.

    Hidden files and folders, such as those that macOS and notebooks leave, are no images and no classes.

    Args:
        folder: of the class folders.
        is_test: whether these are test images, of which a class may have none; it is logged.
        classes: of the training images, which number those of the test images; none takes the folders' own.

    Raises:
        InputError: no folder, no class folders, folders of parts in place of classes, a class folder of
            training images without any, or one of test images that is no class of the training images.
    """

    def __init__(self, folder: Path, *, is_test: bool = False, classes: tuple[str, ...] = ()) -> None:
        if not folder.is_dir():
            raise InputError(f"image folder {folder} does not exist")
        found = sorted(
            entry.name for entry in os.scandir(folder) if entry.is_dir() and _is_visible(entry.name)
        )
        if not found:
            raise InputError(f"image folder {folder} has no folder of a class in it")
        if len(found) > 1 and {name.lower() for name in found} <= _PARTS:
            raise InputError(
                f"image folder {folder} holds {', '.join(found)}, which are not classes: name each of them"
            )
        foreign = sorted(set(found) - set(classes))
        if classes and foreign:
            raise InputError(
                f"image folder {folder}: the training images have no class {', '.join(foreign[:5])}"
            )
        self.classes = classes or tuple(found)
        numbers = {name: number for number, name in enumerate(self.classes) if name in found}
        samples = make_dataset(
            str(folder), numbers, is_valid_file=lambda path: _is_image(Path(path), folder), allow_empty=True
        )
        self._paths = [path for path, _ in samples]
        self.labels = np.array([label for _, label in samples], dtype=np.int64)
        self._report_empty(folder, is_test)

    def _report_empty(self, folder: Path, is_test: bool) -> None:
        counts = np.bincount(self.labels, minlength=len(self.classes))
        empty = [name for name, count in zip(self.classes, counts, strict=True) if not count]
        if not empty:
            return
        message = f"image folder {folder}: no images of the class {', '.join(empty[:5])}"
        if not is_test:
            raise InputError(message)
        logger.warning("%s (%d of %d classes)", message, len(empty), len(self.classes))

    def read(self, number: int, channels: int) -> Image.Image:
        path = self._paths[number]
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise CorruptImage(f"{path}: {error}") from None
        return decode(content, channels, path)

    def describe(self, number: int) -> str:
        return self._paths[number]


def _is_visible(name: str) -> bool:
    return not name.startswith(".")


def _is_image(path: Path, folder: Path) -> bool:
    return is_image_file(path.name) and all(map(_is_visible, path.relative_to(folder).parts))
