"""Speed and memory of reading NAS-Bench-101's whole record file, made up at its published size.

    python benchmarks/ingestion.py [--cells 423624] [--output benchmarks/results/ingestion.csv]

Writes the space's cells with three trainings each, 108 epochs, as TensorFlow's record framing has them; reads
the bytes once, as the disk gives them; reads the file with `read_table` in a process of its own, each
architecture checked by the space; and prints seconds, MB/s, processor seconds and peak memory of both.
"""

import argparse
import base64
import csv
import json
import os
import platform
import resource
import struct
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import google_crc32c
import numpy as np

CELLS = 423_624
REPEATS = 3
CHUNK_BYTES = 1 << 20


def framed(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return length + _masked(length) + payload + _masked(payload)


def _masked(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF)


def _evaluation(values: np.ndarray) -> bytes:
    body = b"".join(bytes([n << 3 | 1]) + struct.pack("<d", v) for n, v in enumerate(values, start=1))
    return bytes([1 << 3 | 2, len(body)]) + body


def write(path: Path, cells: int) -> None:
    from contrastive_nas.spaces import load_space

    rng = np.random.default_rng(0)
    with path.open("wb", buffering=CHUNK_BYTES) as stream:
        for number, architecture in enumerate(islice(load_space("nasbench101").enumerate(), cells)):
            operations, matrix = architecture.split("/")
            for repeat in range(REPEATS):
                values = rng.random((3, 5))
                message = b"".join(map(_evaluation, values)) + b"\x10\x80\x89\x7a"
                encoded = base64.b64encode(message + b"\x19" + struct.pack("<d", 2000.0 + repeat)).decode()
                row = [f"{number:032x}", 108, matrix, operations, encoded]
                stream.write(framed(json.dumps(row).encode()))


def raw_seconds(path: Path) -> float:
    begin = time.perf_counter()
    with path.open("rb", buffering=0) as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while stream.read(CHUNK_BYTES):
            pass
    return time.perf_counter() - begin


def measure(path: Path) -> None:
    """In the child: reads the table and prints what it took."""
    from contrastive_nas.sources import read_table

    begin, processor = time.perf_counter(), time.process_time()
    table = read_table(path)
    seconds, processor = time.perf_counter() - begin, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"rows": len(table.frame), "seconds": seconds, "processor": processor, "peak": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "nasbench_only108.tfrecord")
        write(path, arguments.cells)
        raw = raw_seconds(path)
        child = [sys.executable, __file__, "--measure", str(path)]
        result = json.loads(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
        megabytes = path.stat().st_size / 1e6
    row = {
        "architectures": result["rows"],
        "records": arguments.cells * REPEATS,
        "megabytes": round(megabytes),
        "seconds": round(result["seconds"], 1),
        "processor_seconds": round(result["processor"], 1),
        "megabytes_per_second": round(megabytes / result["seconds"], 1),
        "megabytes_per_processor_second": round(megabytes / result["processor"], 1),
        "raw_read_megabytes_per_second": round(megabytes / raw),
        "peak_memory_megabytes": round(result["peak"] / 1e6),
        "load_before": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "pandas": version("pandas"),
        "protobuf": version("protobuf"),
    }
    for name, value in row.items():
        print(f"{name:32}{value}")
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        with arguments.output.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, row)
            writer.writeheader()
            writer.writerow(row)


if __name__ == "__main__":
    main()
