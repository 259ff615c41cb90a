"""A folder with one folder of image files per class."""

from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.datasets import ImageFolder

from contrastive_nas.errors import InputError
from contrastive_nas.training.data.base import CorruptImage, ImageSource, decode


class FolderSource(ImageSource):
    """Images of ``folder/<class>/*.jpg``; classes are numbered in alphabetical order.

    Raises:
        InputError: no folder, no class folders, or a class folder without images.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"image folder {folder} does not exist")
        try:
            found = ImageFolder(str(folder))
        except FileNotFoundError as error:
            raise InputError(f"image folder {folder}: {error}") from None
        self.classes = tuple(found.classes)
        self._paths = [path for path, _ in found.samples]
        self.labels = np.array(found.targets, dtype=np.int64)

    def read(self, number: int, channels: int) -> Image.Image:
        path = self._paths[number]
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise CorruptImage(f"{path}: {error}") from None
        return decode(content, channels, path)

    def describe(self, number: int) -> str:
        return self._paths[number]
