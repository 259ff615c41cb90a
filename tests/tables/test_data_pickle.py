"""The reader of pickles as data: equal to Python's own on plain data, and deaf to everything else."""

import io
import os
import pickle
import pickletools
import struct
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contrastive_nas.errors import InputError
from contrastive_nas.tables.parsing.data_pickle import DataPickle

KEYS = st.one_of(st.integers(), st.text(max_size=5), st.booleans(), st.none(), st.floats(allow_nan=False))
PLAIN = st.recursive(
    st.one_of(KEYS, st.binary(max_size=16)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.one_of(KEYS, st.tuples(KEYS, KEYS)), inner, max_size=5),
        st.tuples(inner, inner),
    ),
    max_leaves=30,
)


def load(content: bytes):
    return DataPickle(io.BytesIO(content), "x").load()


@settings(max_examples=150, deadline=None)
@given(value=PLAIN, protocol=st.sampled_from([3, 4, 5]))
def test_plain_data_is_what_pickle_makes_of_it(value, protocol) -> None:
    content = pickle.dumps(value, protocol=protocol)
    assert repr(load(content)) == repr(value)
    assert repr(load(pickletools.optimize(content))) == repr(value)


def test_shared_parts_long_lists_and_numbers() -> None:
    shared = ["a"]
    value = {
        "list": [shared, shared],
        "long": list(range(5000)),
        "many": {i: -i * 10**20 for i in range(3000)},
    }
    for protocol in (2, 3, 4, 5):
        assert load(pickle.dumps(value, protocol=protocol)) == value


def test_stand_ins_for_what_benchmarks_name() -> None:
    value = {
        "ordered": OrderedDict(a=1),
        "float": np.float64(0.5),
        "single": np.float32(0.25),
        "int": np.int64(-7),
        "set": {1, 2},
        "array": np.zeros(1000),
        "bytes": b"x" * 100_000,
    }
    for protocol in (2, 3, 4, 5):
        got = load(pickle.dumps(value, protocol=protocol))
        assert got["ordered"] == {"a": 1}
        assert (got["float"], got["single"], got["int"]) == (0.5, 0.25, -7)
        assert sorted(got["set"]) == [1, 2]
        assert not isinstance(got["array"], np.ndarray)
        assert not isinstance(got["bytes"], bytes)


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "attack",
    [
        lambda mark: Call(os.system, f"touch {mark}"),
        lambda mark: Call(eval, f"open({str(mark)!r}, 'w')"),
        lambda mark: Call(exec, f"open({str(mark)!r}, 'w')"),
        lambda mark: Call(open, str(mark), "w"),
        lambda mark: Call(Path.touch, mark),
        lambda mark: Call(getattr, os, "system"),
        lambda mark: [{"deep": (1, Call(os.mkdir, str(mark)))}],
        lambda mark: OrderedDict(a=Call(__import__, "os")),
    ],
)
def test_a_call_is_refused_and_not_made(tmp_path, attack, protocol) -> None:
    mark = tmp_path / "mark"
    try:
        content = pickle.dumps(attack(mark), protocol=protocol)
    except TypeError:
        pytest.skip("Python itself cannot write this one")
    with pytest.raises(InputError, match=r"refused|not used by this format|not allowed in this format"):
        load(content)
    assert not mark.exists()


MAGNITUDE = (1 << 40) - 1
CRAFTED = {
    "an instance by its class": b"\x80\x02(S'a'\nicollections\nOrderedDict\n.",
    "an extension": b"\x80\x02\x82\x01.",
    "a memo far away": b"\x80\x02]r" + struct.pack("<I", 1 << 31) + b".",
    "a memo that is not there": b"\x80\x02h\x05.",
    "a text longer than the file": b"\x80\x02X" + struct.pack("<I", 60_000) + b"abc.",
    "a text of 4 GB": b"\x80\x02X" + struct.pack("<I", (1 << 32) - 1) + b"abc.",
    "bytes longer than the file": b"\x80\x04\x8e" + struct.pack("<Q", MAGNITUDE) + b"abc.",
    "a byte array of 1 TB": b"\x80\x05\x96" + struct.pack("<Q", MAGNITUDE) + b".",
    "a number of 4 GB": b"\x80\x02\x8b" + struct.pack("<i", (1 << 31) - 1) + b".",
    "a deeply nested key": b"\x80\x02}K\x01" + b"\x85" * 200_000 + b"K\x01s.",
    "a list as key": b"\x80\x02}]K\x01s.",
    "deep marks": b"\x80\x02" + b"(" * 1_000_000 + b"t" * 1_000_000 + b".",
    "no stop": b"\x80\x02K\x01",
    "nothing": b"",
    "an empty stack": b"\x80\x02.",
    "an odd dictionary": b"\x80\x02}(K\x01u.",
    "items for a number": b"\x80\x02K\x01(K\x01K\x02u.",
    "append to a number": b"\x80\x02K\x01K\x02a.",
    "a call of a number": b"\x80\x02K\x01)R.",
    "a call of weights": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R)R.",
    "state for a number": b"\x80\x02K\x01}b.",
    "a scalar of no type": b"\x80\x02cnumpy.core.multiarray\nscalar\nK\x01C\x08" + b"\0" * 8 + b"\x86R.",
    "a type of objects": b"\x80\x02cnumpy\ndtype\nX\x02\0\0\0O8\x85R.",
    "wrong text": b"\x80\x02X\x02\0\0\0\xff\xfe.",
    "too much in one entry": b"\x80\x02(" + b"]" * (10 << 20) + b"t.",
}


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_input_is_one_error(name) -> None:
    with pytest.raises(InputError, match=r"^x: "):
        load(CRAFTED[name])


def test_entries_come_one_at_a_time_and_leave_nothing_behind() -> None:
    taken = []

    class Stream(io.BytesIO):
        def read(self, size=-1):
            taken.append(self.tell())
            return super().read(size)

    value = {
        "other": 1,
        "things": {i: {"a": list(map(float, range(20_000))), "b": "shared"} for i in range(40)},
    }
    content = pickle.dumps(value, protocol=4)
    seen = []
    for key, entry in DataPickle(Stream(content), "x").entries("things"):
        if key is not None:
            assert entry == value["things"][key]
            seen.append((key, taken[-1]))
    assert [key for key, _ in seen] == list(range(40))
    # The first entry came when little of the file had been read.
    assert seen[0][1] < len(content) / 4
    assert entry["other"] == 1
    assert not any(isinstance(left, dict) for left in entry["things"].values())
