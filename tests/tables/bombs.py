"""Reads small files that unpack to enormous ones: ``python bombs.py``. A child process of the tests.

Prints one JSON object: for each file its size, the error that it gave, and the peak of memory after it.
"""

import bz2
import gzip
import io
import json
import pickle
import struct
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from peak_memory import peak_bytes

from contrastive_nas.errors import InputError
from contrastive_nas.tables import read_table

MB = 1 << 20
HEAD = pickle.PROTO + b"\x04(" + b"X\x0a\0\0\0arch2infos}("


def compressed(*parts: bytes) -> bytes:
    """One bzip2 stream for each part; a reader takes them as one, and equal ones are packed once."""
    packed = {part: bz2.compress(part) for part in set(parts)}
    return b"".join(packed[part] for part in parts)


def lists() -> bytes:
    return compressed(HEAD, *[b"]" * MB] * 4000)


def texts() -> bytes:
    text = b"X" + struct.pack("<I", 60_000) + b"a" * 60_000 + b"\x94"
    return compressed(HEAD, *[text * 16] * 4000)


def weights() -> bytes:
    """Weights are left out whatever their size, so this is read to its end, which is damaged."""
    blob = b"B" + struct.pack("<I", 900 * MB)
    return compressed(HEAD + blob, *[b"\0" * MB] * 900, b"\xff")


def archive_header() -> bytes:
    """A tar archive whose extended header says that it has 7 GB, and goes on for long."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 7 << 30
    packed = gzip.compress(b"\0" * MB)
    return gzip.compress(info.tobuf(tarfile.USTAR_FORMAT)) + packed * 8000


def long_members() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(8):
            archive.writestr(f"a/b/results_{number}.json", b" " * (50 * MB))
    return out.getvalue()


def repeated_text() -> bytes:
    """The same megabyte in every one of 4,000 rows, which Parquet stores once."""
    architecture = pa.DictionaryArray.from_arrays(np.zeros(4000, np.int32), ["a" * MB])
    table = pa.table({"architecture": architecture, "x_test_accuracy": np.full(4000, 50.0)})
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def nested_json() -> bytes:
    return b'[{"matrix": ' + b"[" * (50 * MB)


BOMBS = {
    "lists": ("nats_bench_pickle", lists),
    "texts": ("nats_bench_pickle", texts),
    "weights": ("nats_bench_pickle", weights),
    "archive header": ("accel_nasbench", archive_header),
    "long members": ("nasbench301", long_members),
    "repeated text": ("tidy_parquet", repeated_text),
    "nested json": ("ctnas", nested_json),
}


def results() -> Iterator[tuple[str, dict[str, object]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bomb")
        for name, (source, make) in BOMBS.items():
            path.write_bytes(make())
            size = path.stat().st_size
            error = None
            try:
                read_table(path, source=source, on_error="skip", validate=str)
            except InputError as refused:
                error = str(refused)
            yield name, {"size": size, "error": error, "peak_bytes": peak_bytes()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(dict(results())))
