"""What things are, in plain data: descriptions that tell one set of answers from another on the disk."""

import hashlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import contrastive_nas

# Not by ``__file__``: who names it reads files beside it, and every part of the project would depend on them.
_PACKAGE = Path(contrastive_nas.__path__[0])
# Longer lists, such as the members of a pool, are told apart by their checksum.
_WRITTEN_OUT = 32


def digest(value: Any) -> str:
    """Return sixteen hexadecimal digits that differ where two pieces of plain data do."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def described(value: Any) -> Any:
    """Return ``value`` as plain data that JSON takes, the same in every process.

    What has an ``identity`` is described by it, parameters by their values, long lists by a checksum, and an
    object of which nothing is known by the name of its class.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): described(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [described(item) for item in value]
        return items if len(items) <= _WRITTEN_OUT else {"items": len(items), "digest": digest(items)}
    if hasattr(value, "identity"):
        return value.identity
    return class_name(type(value))


def is_plain(value: Any) -> bool:
    """Return whether :func:`described` holds all of the value, and not the name of its class alone."""
    if isinstance(value, Mapping):
        return all(map(is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    if value is None or isinstance(value, bool | int | float | str | Path | BaseModel):
        return True
    return hasattr(value, "identity")


def class_name(kind: type) -> str:
    """Return module and name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def own_source(kind: type) -> str:
    """Return checksum of the files outside this package that the methods of a class stand in; empty for none.

    What those files import is not read.
    """
    methods = [item for base in kind.__mro__ for item in vars(base).values() if inspect.isfunction(item)]
    files = {Path(inspect.unwrap(method).__code__.co_filename) for method in methods}
    # A class typed into an interpreter has no file.
    texts = [
        file.read_text() for file in sorted(files) if not file.is_relative_to(_PACKAGE) and file.is_file()
    ]
    return digest(texts) if texts else ""
