"""Pickles as plain data: a reader that executes nothing and holds one entry at a time.

Python's own unpickler calls whatever a pickle names, builds all of it in memory, and can be made to crash by
crafted input. Here a pickle's instructions only ever make numbers, texts, lists, tuples and dictionaries. Of
named classes and functions the few that benchmark files need are stood in for; any other is refused. Arrays
and weights are left out.
"""

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from contrastive_nas.errors import InputError
from contrastive_nas.tables.parsing.pickle_instructions import (
    LONGEST_TEXT,
    STOP,
    Instructions,
    handler_names,
    is_plain_key,
)
from contrastive_nas.tables.parsing.pickle_names import LEFT_OUT, Dtype, Named

CHUNK_BYTES = 1 << 20
# What one entry (one architecture's results) may hold, without weights. Published ones have 0.3 MB.
ENTRY_BYTES = 8 << 20
# The longest instruction with its text; so many bytes are at hand before each one.
_WINDOW = LONGEST_TEXT + 16
_MOST_ENTRIES = 1_000_000
_MOST_KEPT = 256 << 20
_KEPT_OVERHEAD = 200
# The instructions that put something into a dictionary.
_COMPLETING = frozenset(b"su")


class DataPickle(Instructions):
    """Reads one pickle after another from a binary stream, in the protocols 2 to 5.

    Args:
        stream: where the bytes come from; only read forwards.
        name: what errors call it.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        super().__init__(name)
        self._stream = stream
        self._at = 0
        self._offset = 0
        self._reset(None)

    def load(self) -> Any:
        """Return the next pickle's object.

        Raises:
            InputError: it is damaged, names a class or function that is not needed, or is too large.
        """
        return dict(self.entries(None))[None]

    def entries(self, name: str | None) -> Iterator[tuple[Any, Any]]:
        """Yield integer keys and values of the dictionary ``top[name]`` as each is completed, then (None,
        top).

        What has been handed on is left out of ``top``, so that a file of any size takes little memory. An
        entry whose end the writer did not mark is in ``top`` still.

        Raises:
            InputError: as ``load``.
        """
        self._reset(name)
        try:
            yield from self._run()
        except InputError:
            raise
        except (IndexError, struct.error) as error:
            raise InputError(f"{self._name}: the pickle is cut off or damaged") from error
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise InputError(f"{self._name}: the pickle is damaged: {str(error)[:200]}") from error

    def _reset(self, name: str | None) -> None:
        self._streamed = name
        self.clear()
        self._released = 0
        self._entry_start = self._offset + self._at
        self._entries = 0
        self._kept: dict[Any, Any] = {}
        self._kept_size = 0

    def _run(self) -> Iterator[tuple[Any, Any]]:
        handlers = [getattr(self, name) for name in handler_names()]
        at = self._at
        self._fill(at)
        at = 0
        while True:
            if at > self._safe:
                at = self._fill(at)
            code = self._data[at]
            at = handlers[code](at + 1)
            if code in _COMPLETING and self._entry_complete():
                yield self._stack[-2], self._stack[-1]
                self._release(at)
            elif code == STOP:
                self._at = at
                yield None, self._stack[-1]
                return

    def _fill(self, at: int) -> int:
        """Brings the next bytes to hand; gives the new position of byte ``at``."""
        self._offset += at
        if self._offset - self._entry_start > ENTRY_BYTES:
            raise self._refuse(f"one entry of the pickle holds more than {ENTRY_BYTES >> 20} MB")
        parts = [self._data[at:]]
        missing = _WINDOW - len(parts[0])
        while missing > 0 and (part := self._stream.read(CHUNK_BYTES)):
            parts.append(part)
            missing -= len(part)
        self._data = b"".join(parts)
        # At the end of the stream instructions run on until the bytes do.
        self._safe = len(self._data) - (_WINDOW if missing <= 0 else 0)
        return 0

    def _skip(self, at: int, count: int) -> int:
        """Passes over ``count`` bytes without holding them."""
        self._entry_start += count
        while count > len(self._data) - at:
            count -= len(self._data) - at
            self._offset += len(self._data)
            self._data, at = self._stream.read(CHUNK_BYTES), 0
            if not self._data:
                raise IndexError
            self._safe = len(self._data) - _WINDOW
        return at + count

    def _entry_complete(self) -> bool:
        stack, outer = self._stack, self._outer
        return (
            len(outer) == 2
            and len(outer[1]) >= 2
            and outer[1][-2] == self._streamed
            and self._streamed is not None
            and len(stack) % 2 == 0
            and type(stack[-2]) is int
            and type(stack[-1]) is dict
        )

    def _release(self, at: int) -> None:
        """Forgets the entry that was handed on, but for texts and keys, which later entries may refer to."""
        memo, kept = self._memo, self._kept
        for place in range(self._released, len(memo)):
            value = memo[place]
            if type(value) is str or (type(value) is tuple and is_plain_key(value)):
                if value not in kept:
                    kept[value] = value
                    self._kept_size += _KEPT_OVERHEAD + len(value)
                memo[place] = kept[value]
            elif type(value) not in (Named, Dtype):
                memo[place] = LEFT_OUT
        self._stack[-1] = LEFT_OUT
        self._released = len(memo)
        self._entry_start = self._offset + at
        self._entries += 1
        if self._entries > _MOST_ENTRIES or self._kept_size > _MOST_KEPT:
            raise self._refuse("more entries or names than any benchmark has")
