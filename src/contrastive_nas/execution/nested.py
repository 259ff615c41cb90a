"""Nests of dictionaries as pairs of a dotted name and a value."""

from collections.abc import Iterator, Mapping
from typing import Any


def flat(value: Any, within: str = "", *, lists: bool = False) -> Iterator[tuple[str, Any]]:
    """Give the values of a nest of dictionaries, with dotted names.

    Args:
        value: the nest; an empty dictionary within it is a value.
        within: name of the whole.
        lists: entries of lists are values too, named by their numbers.
    """
    if isinstance(value, Mapping) and (value or not within):
        items = [(str(key), item) for key, item in value.items()]
    elif lists and isinstance(value, list):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        yield within, value
        return
    for key, item in items:
        yield from flat(item, f"{within}.{key}" if within else key, lists=lists)
