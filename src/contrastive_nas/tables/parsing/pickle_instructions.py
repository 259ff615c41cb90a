"""The instructions of a pickle that make plain data, on a stack as the pickle protocol describes it."""

import struct
from typing import Any

from contrastive_nas.errors import InputError
from contrastive_nas.tables.parsing.pickle_names import LEFT_OUT, named, reduced, state_set

LONGEST_TEXT = 1 << 16
# numpy scalars carry this many bytes at most; longer ones belong to arrays or weights.
_KEPT_BYTES = 16
_DEEPEST = 64
_MOST_MEMORISED = 120_000_000
_KEY_TYPES = {str, int, float, bool, bytes, type(None)}


class Instructions:
    """One method for each instruction: takes the position after its code, gives that after its operand.

    The whole instruction must be at hand in ``_data``; only bytes that are left out may go on in the stream.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._data = b""
        self.clear()

    def clear(self) -> None:
        """Begin another pickle."""
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []
        self._memo: list[Any] = []

    def _skip(self, at: int, count: int) -> int:
        raise NotImplementedError

    def _refuse(self, reason: str) -> InputError:
        return InputError(f"{self._name}: {reason}")

    def _refused(self, at: int) -> int:
        raise self._refuse(f"pickle instruction {self._data[at - 1]:#04x} is not used by this format")

    def _stop(self, at: int) -> int:
        return at

    def _mark(self, at: int) -> int:
        self._outer.append(self._stack)
        self._stack = []
        if len(self._outer) > _DEEPEST:
            raise self._refuse(f"the pickle nests deeper than {_DEEPEST}")
        return at

    def _since_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._outer.pop()
        return items

    def _pop(self, at: int) -> int:
        self._stack.pop()
        return at

    def _pop_mark(self, at: int) -> int:
        self._since_mark()
        return at

    def _protocol(self, at: int) -> int:
        return at + 1

    def _frame(self, at: int) -> int:
        return at + 8

    def _none(self, at: int) -> int:
        self._stack.append(None)
        return at

    def _true(self, at: int) -> int:
        self._stack.append(True)
        return at

    def _false(self, at: int) -> int:
        self._stack.append(False)
        return at

    def _float(self, at: int) -> int:
        self._stack.append(_FLOAT.unpack_from(self._data, at)[0])
        return at + 8

    def _int1(self, at: int) -> int:
        self._stack.append(self._data[at])
        return at + 1

    def _int2(self, at: int) -> int:
        self._stack.append(_UINT2.unpack_from(self._data, at)[0])
        return at + 2

    def _int4(self, at: int) -> int:
        self._stack.append(_INT4.unpack_from(self._data, at)[0])
        return at + 4

    def _long1(self, at: int) -> int:
        number, at = self._take(at + 1, self._data[at])
        self._stack.append(int.from_bytes(number, "little", signed=True))
        return at

    def _take(self, at: int, length: int) -> tuple[bytes, int]:
        end = at + length
        if end > len(self._data):
            raise IndexError
        return self._data[at:end], end

    def _text1(self, at: int) -> int:
        text, at = self._take(at + 1, self._data[at])
        self._stack.append(text.decode("utf-8", "surrogatepass"))
        return at

    def _text4(self, at: int) -> int:
        length = _UINT4.unpack_from(self._data, at)[0]
        if length > LONGEST_TEXT:
            # The content of an array, in the protocol that has no bytes.
            self._stack.append(LEFT_OUT)
            return self._skip(at + 4, length)
        text, at = self._take(at + 4, length)
        self._stack.append(text.decode("utf-8", "surrogatepass"))
        return at

    def _bytes1(self, at: int) -> int:
        return self._bytes(at + 1, self._data[at])

    def _bytes4(self, at: int) -> int:
        return self._bytes(at + 4, _UINT4.unpack_from(self._data, at)[0])

    def _bytes8(self, at: int) -> int:
        return self._bytes(at + 8, _UINT8.unpack_from(self._data, at)[0])

    def _bytes(self, at: int, length: int) -> int:
        if length > _KEPT_BYTES:
            self._stack.append(LEFT_OUT)
            return self._skip(at, length)
        content, at = self._take(at, length)
        self._stack.append(content)
        return at

    def _empty_tuple(self, at: int) -> int:
        self._stack.append(())
        return at

    def _tuple1(self, at: int) -> int:
        self._stack[-1:] = [(self._stack[-1],)]
        return at

    def _tuple2(self, at: int) -> int:
        self._stack[-2:] = [(self._stack[-2], self._stack[-1])]
        return at

    def _tuple3(self, at: int) -> int:
        self._stack[-3:] = [(self._stack[-3], self._stack[-2], self._stack[-1])]
        return at

    def _tuple(self, at: int) -> int:
        items = self._since_mark()
        self._stack.append(tuple(items))
        return at

    def _empty_list(self, at: int) -> int:
        self._stack.append([])
        return at

    def _append(self, at: int) -> int:
        item = self._stack.pop()
        self._stack[-1].append(item)
        return at

    def _appends(self, at: int) -> int:
        items = self._since_mark()
        self._stack[-1].extend(items)
        return at

    def _frozen_set(self, at: int) -> int:
        # Sets become lists: what is in them need not be a valid key.
        items = self._since_mark()
        self._stack.append(items)
        return at

    def _empty_dict(self, at: int) -> int:
        self._stack.append({})
        return at

    def _set_item(self, at: int) -> int:
        value = self._stack.pop()
        key = self._stack.pop()
        self._set_items_of(self._stack[-1], [key, value])
        return at

    def _set_items(self, at: int) -> int:
        items = self._since_mark()
        self._set_items_of(self._stack[-1], items)
        return at

    def _set_items_of(self, target: dict[Any, Any], items: list[Any]) -> None:
        keys = items[::2]
        kinds = set(map(type, keys))
        if not kinds <= _KEY_TYPES and not all(map(is_plain_key, keys)):
            # A deeply nested key would exhaust the interpreter's stack when hashed.
            raise self._refuse("a dictionary's key is neither a number nor a text nor a tuple of these")
        target.update(zip(keys, items[1::2], strict=True))

    def _get1(self, at: int) -> int:
        self._stack.append(self._memo[self._data[at]])
        return at + 1

    def _get4(self, at: int) -> int:
        self._stack.append(self._memo[_UINT4.unpack_from(self._data, at)[0]])
        return at + 4

    def _put1(self, at: int) -> int:
        self._memorise(self._data[at])
        return at + 1

    def _put4(self, at: int) -> int:
        self._memorise(_UINT4.unpack_from(self._data, at)[0])
        return at + 4

    def _memoize(self, at: int) -> int:
        self._memorise(len(self._memo))
        return at

    def _memorise(self, place: int) -> None:
        # Every writer counts up; a place out of order would let a small file ask for a huge table.
        if place != len(self._memo) or place > _MOST_MEMORISED:
            raise self._refuse(f"the pickle memorises {place} out of order")
        self._memo.append(self._stack[-1])

    def _global(self, at: int) -> int:
        end = self._data.index(b"\n", at, at + 256)
        last = self._data.index(b"\n", end + 1, end + 256)
        module, name = self._data[at:end].decode(), self._data[end + 1 : last].decode()
        self._stack.append(named(module, name, self._name))
        return last + 1

    def _stack_global(self, at: int) -> int:
        name = self._stack.pop()
        module = self._stack.pop()
        self._stack.append(named(module, name, self._name))
        return at

    def _reduce(self, at: int) -> int:
        arguments = self._stack.pop()
        self._stack[-1] = reduced(self._stack[-1], arguments)
        return at

    def _build(self, at: int) -> int:
        state = self._stack.pop()
        state_set(self._stack[-1], state)
        return at

    def _persistent(self, at: int) -> int:
        # torch's way to refer to the storage of a tensor.
        self._stack[-1] = LEFT_OUT
        return at


def handler_names() -> list[str]:
    """Return the method of every instruction code from 0 to 255."""
    return [_HANDLERS.get(code, "_refused") for code in range(256)]


def is_plain_key(key: Any) -> bool:
    """Return whether a dictionary's key is a number, a text, or a flat tuple of such."""
    return type(key) in _KEY_TYPES or (type(key) is tuple and set(map(type, key)) <= _KEY_TYPES)


_FLOAT = struct.Struct(">d")
_INT4 = struct.Struct("<i")
_UINT2 = struct.Struct("<H")
_UINT4 = struct.Struct("<I")
_UINT8 = struct.Struct("<Q")
STOP = ord(".")
_HANDLERS = {
    0x80: "_protocol",
    0x95: "_frame",
    STOP: "_stop",
    ord("("): "_mark",
    ord("0"): "_pop",
    ord("1"): "_pop_mark",
    ord("N"): "_none",
    0x88: "_true",
    0x89: "_false",
    ord("G"): "_float",
    ord("K"): "_int1",
    ord("M"): "_int2",
    ord("J"): "_int4",
    0x8A: "_long1",
    0x8C: "_text1",
    ord("X"): "_text4",
    ord("C"): "_bytes1",
    ord("B"): "_bytes4",
    0x8E: "_bytes8",
    0x96: "_bytes8",
    ord(")"): "_empty_tuple",
    0x85: "_tuple1",
    0x86: "_tuple2",
    0x87: "_tuple3",
    ord("t"): "_tuple",
    ord("]"): "_empty_list",
    ord("a"): "_append",
    ord("e"): "_appends",
    0x8F: "_empty_list",
    0x90: "_appends",
    0x91: "_frozen_set",
    ord("}"): "_empty_dict",
    ord("s"): "_set_item",
    ord("u"): "_set_items",
    ord("h"): "_get1",
    ord("j"): "_get4",
    ord("q"): "_put1",
    ord("r"): "_put4",
    0x94: "_memoize",
    ord("c"): "_global",
    0x93: "_stack_global",
    ord("R"): "_reduce",
    ord("b"): "_build",
    ord("Q"): "_persistent",
}
