"""Options of a search space and of images, as commands take them."""

import json
import re
from typing import Any

from contrastive_nas.errors import InputError

# Images of satellites and tissue have some ten thousand pixels a side; more is a slip of the keyboard.
_LARGEST_SIDE = 65_536


def parse_image_size(text: str) -> tuple[int, int]:
    """Height and width, ``224x160``; one number stands for both.

    Raises:
        InputError: it is neither, or a side is of no pixels or of too many.
    """
    found = re.fullmatch(r"\s*(\d{1,6})(?:\s*[xX]\s*(\d{1,6}))?\s*", text)
    height, width = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not (0 < height <= _LARGEST_SIDE and 0 < width <= _LARGEST_SIDE):
        raise InputError(
            f"image size {text!r:.60} is no HEIGHTxWIDTH, nor one number from 1 to {_LARGEST_SIDE}"
        )
    return height, width


def parse_options(text: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        InputError: it is none.
    """
    try:
        options = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"options {text!r} are no JSON: {error}") from None
    if not isinstance(options, dict):
        raise InputError(f"options {text!r} are no JSON object")
    return options
