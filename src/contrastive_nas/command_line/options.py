"""Options of a search space, as commands take them."""

import json
from typing import Any

from contrastive_nas.errors import InputError


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
