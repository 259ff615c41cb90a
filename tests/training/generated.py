"""Generated images, and the networks that tests train."""

from pathlib import Path

import numpy as np
from PIL import Image

GROUP_NORM_SPACE = f"{Path(__file__).parent / 'group_norm_space.py'}:GroupNormSpace"
COMPACT = "s8|residual:k3d1e1w16|residual:k3d1e1w16|plain:k3d1w16"


def write_image_folder(folder: Path, images: dict[str, int], classes: int, size: int = 40) -> Path:
    """A folder of folders of JPEG files whose colour tells the class."""
    rng = np.random.default_rng(0)
    for part, count in images.items():
        for label in range(classes):
            place = folder / part / f"class{label:04d}"
            place.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 90, (size + number, size + 2 * number, 3), dtype=np.uint8)
                pixels[..., label % 3] += 150
                Image.fromarray(pixels).save(place / f"{number}.jpg", quality=90)
    return folder
