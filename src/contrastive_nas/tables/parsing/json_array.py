"""A JSON file that is one long list, an item at a time."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from contrastive_nas.errors import InputError

CHUNK_CHARACTERS = 1 << 20
LONGEST_ITEM = 1 << 20
_SPACE = re.compile(r"[ \t\n\r]*")


def objects(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the items of a list of objects.

    Raises:
        InputError: the file is no UTF-8, no JSON list of objects, ends too early, or an item is longer than 1
            MB.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            yield from listed(stream, str(path))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8: {error}") from error


def listed(stream: TextIO, name: str) -> Iterator[dict[str, Any]]:
    """Return the same of a stream, called ``name`` in errors."""
    return _List(stream, name).objects()


class _List:
    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._place = name
        self._text = ""
        self._at = 0
        self._decode = json.JSONDecoder().raw_decode

    def objects(self) -> Iterator[dict[str, Any]]:
        if self._mark() != "[":
            raise InputError(f"{self._place}: not a JSON list")
        file, mark = self._place, ","
        if self._peek() == "]":
            mark = self._mark()
        for number in itertools.count(1):
            if mark != ",":
                break
            self._place = f"{file}, row {number}"
            yield self._object()
            mark = self._mark()
        if mark != "]":
            raise InputError(f"{self._place}: the list neither goes on after it nor ends")
        if self._peek():
            raise InputError(f"{file}: something follows the list")

    def _peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def _mark(self) -> str:
        mark = self._peek()
        self._at += 1
        return mark

    def _more(self) -> bool:
        part = self._stream.read(CHUNK_CHARACTERS)
        self._text, self._at = self._text[self._at :] + part, 0
        return bool(part)

    def _object(self) -> dict[str, Any]:
        if self._peek() != "{":
            raise InputError(f"{self._place}: not a JSON object")
        item = self._attempt()
        while item is None:
            item = self._attempt()
        return item

    def _attempt(self) -> dict[str, Any] | None:
        """The object at hand; None where it goes on beyond what was read so far, and more is at hand now."""
        try:
            item, self._at = self._decode(self._text, self._at)
            return item
        except RecursionError:
            raise InputError(f"{self._place}: nested too deeply") from None
        except ValueError as error:
            if len(self._text) - self._at > LONGEST_ITEM or not self._more():
                raise InputError(f"{self._place}: not valid JSON: {str(error)[:200]}") from None
            return None
