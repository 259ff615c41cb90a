"""Damages what a file says, not its form: values of wrong types, deep nesting, calls in pickles."""

import csv
import io
import json
import pickletools
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

# A file that appears where anything that a pickle asks for is called.
MARKER = "called"
_NESTED: Any = 0
for _ in range(400):
    _NESTED = [_NESTED]
_TEXTS = ("", "x", "-1", "nan", "1e999", "\0", "é" * 300, "9" * 400, "a,b|c~0/0101", "../../etc/passwd")
_VALUES = (None, True, -1, 0, 1.5, 1e308, 10**30, [], {}, [[1]], {"a": 1}, _NESTED, *_TEXTS)
_COMMAND = f"open({MARKER!r}, 'w')".encode()
_TEXT = b"\x8c" + bytes([len(_COMMAND)]) + _COMMAND
_CALLS = (
    # A global and REDUCE, with and without a stack; INST; OBJ; NEWOBJ; what copyreg and getattr reach.
    b"cbuiltins\nexec\n" + _TEXT + b"\x85R",
    b"\x8c\x08builtins\x8c\x04exec\x93" + _TEXT + b"\x85R",
    b"(" + _TEXT + b"ibuiltins\nexec\n",
    b"(cbuiltins\nexec\n" + _TEXT + b"o",
    b"cbuiltins\nexec\n" + _TEXT + b"\x85\x81",
    b"cos\nsystem\n" + b"\x8c" + bytes([6 + len(MARKER)]) + f"touch {MARKER}".encode() + b"\x85R",
    b"cbuiltins\ngetattr\ncbuiltins\n__import__\n\x8c\x08__call__\x86R",
    b"ctorch._utils\n_rebuild_tensor_v2\n" + _TEXT + b"\x85R",
    b"ccollections\nOrderedDict\n)R" + _TEXT + b"b",
    b"\x82\x01",
    b"Pbuiltins.exec\n",
    _TEXT + b"Q",
)
_ODD = (
    b"]" * 5000,
    b"(" * 5000,
    b"}" * 50 + b"\x94" * 50,
    b"0" * 9,
    b"N" * 9,
    b"\x8b\xff\xff\xff\x7f",
    b"h\xff",
)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from _places(item)


def wrong_json(content: bytes, random_: random.Random) -> bytes:
    """Some value of a JSON text replaced by one of another kind, or left out."""
    whole = json.loads(content)
    for _ in range(random_.randint(1, 3)):
        holder, key = random_.choice([*_places(whole)] or [([whole], 0)])
        if random_.random() < 0.2:
            del holder[key]
        else:
            holder[key] = random_.choice(_VALUES)
    return json.dumps(whole).encode()


def wrong_pickle(content: bytes, random_: random.Random) -> bytes:
    """Instructions to call something, or odd ones, between two that are there."""
    places = [place for _, _, place in pickletools.genops(content) if place is not None]
    place = random_.choice(places[1:])
    return content[:place] + random_.choice((*_CALLS, *_ODD)) + content[place:]


def wrong_csv(content: bytes, random_: random.Random) -> bytes:
    """Some field of a CSV text replaced, left out or added."""
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    for _ in range(random_.randint(1, 3)):
        row = random_.choice(rows)
        place = random_.randrange(len(row) + 1)
        row[place : place + random_.randint(0, 1)] = [random_.choice((*_TEXTS, "x" * 100_000))]
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode(errors="replace")


def wrong_parquet(content: bytes, random_: random.Random) -> bytes:
    """Some column of a table replaced by one of another type, left out or doubled."""
    table = pq.read_table(io.BytesIO(content))
    place = random_.randrange(table.num_columns)
    name = table.column_names[place]
    if random_.random() < 0.15:
        table = table.remove_column(place)
    elif random_.random() < 0.1:
        table = table.append_column(name, table.column(place))
    else:
        column = random_.choice(_COLUMNS)(table.num_rows, random_)
        table = table.set_column(place, name, column)
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), out)
    return out.getvalue()


def _texts(rows: int, random_: random.Random) -> pa.Array:
    return pa.array([random_.choice((None, *_TEXTS)) for _ in range(rows)], pa.string())


_COLUMNS: tuple[Callable[[int, random.Random], pa.Array], ...] = (
    _texts,
    lambda rows, random_: _texts(rows, random_).dictionary_encode(),
    lambda rows, random_: pa.nulls(rows),
    lambda rows, random_: pa.array([random_.random() < 0.5] * rows),
    lambda rows, random_: pa.array([random_.choice((-1, 0, 2**62))] * rows),
    lambda rows, random_: pa.array([random_.choice((float("nan"), float("inf"), -0.0, 1e308))] * rows),
    lambda rows, random_: pa.array([random_.randbytes(9)] * rows),
    lambda rows, random_: pa.array([[1.0, 2.0]] * rows),
    lambda rows, random_: pa.array([{"a": 1, "b": "x"}] * rows),
    lambda rows, random_: pa.array([random_.randrange(2**40)] * rows).cast(pa.timestamp("us")),
    lambda rows, random_: pa.array(np.zeros(rows, np.float16)),
    lambda rows, random_: pa.array([50] * rows).cast(pa.decimal128(30, 5)),
)
