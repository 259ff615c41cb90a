"""Speed and memory of reading NAS-Bench-101's whole record file, made up at its published size.

    python benchmarks/ingestion.py [--cells 423624] [--output benchmarks/results/ingestion.csv]

Writes the space's cells with three trainings each, 108 epochs, as TensorFlow's record framing has them; reads
the bytes once, as the disk gives them; then reads the file in two ways, each in a process of its own and with
each architecture checked by the space: `read_table`, and `kedro run --pipeline ingest` in a copy of the
project that has the file as its raw table. Prints seconds and processor seconds from the start of the command
to its end, MB/s, and the peak of the resident memory of all its processes together.
"""

import argparse
import base64
import csv
import json
import os
import platform
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import google_crc32c
import numpy as np
import psutil

PROJECT = Path(__file__).parents[1]
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


class Cost(NamedTuple):
    seconds: float
    processor: float
    peak: int


def cost(command: list[str], folder: Path) -> Cost:
    """What a command takes, its child processes included; memory is looked at ten times a second."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin, peak = time.perf_counter(), 0
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as running,
    ):
        root = psutil.Process(running.pid)
        while running.poll() is None:
            peak = max(peak, sum(map(resident, [root, *root.children(recursive=True)])))
            time.sleep(0.1)
    seconds = time.perf_counter() - begin
    if running.returncode:
        sys.exit((folder / "log").read_text())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak)


def resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def reading(path: Path, folder: Path) -> tuple[Cost, int]:
    """Cost and rows of `read_table`."""
    code = "import sys, contrastive_nas.tables as s; print(len(s.read_table(sys.argv[1]).frame))"
    found = cost([sys.executable, "-c", code, str(path)], folder)
    return found, int((folder / "log").read_text())


def ingesting(path: Path, folder: Path) -> tuple[Cost, int]:
    """Cost and rows of the pipeline, in a copy of the project with an experiment of its own."""
    for name in ("conf", "pyproject.toml", ".telemetry"):
        (shutil.copytree if (PROJECT / name).is_dir() else shutil.copy)(PROJECT / name, folder / name)
    (folder / "src").mkdir()  # the package is installed
    raw, experiment = folder / "data/01_raw" / path.name, folder / "conf/records"
    raw.parent.mkdir(parents=True)
    raw.symlink_to(path)
    experiment.mkdir()
    kind = "contrastive_nas.execution.datasets.RawFile"
    settings = {
        "globals": {"experiment": "records"},
        "catalog_ingest": {"raw_table": {"type": kind, "filepath": f"data/01_raw/{path.name}"}},
        "parameters": {
            "space": {"name": "nasbench101"},
            "target": {"label": "cifar10_valid_accuracy", "test": "cifar10_test_accuracy"},
            "evaluator": {"kind": "table"},
        },
    }
    for name, content in settings.items():
        (experiment / f"{name}.yml").write_text(json.dumps(content))
    kedro = str(Path(sys.executable).with_name("kedro"))
    found = cost([kedro, "run", "--env", "records", "--pipeline", "ingest"], folder)
    report = json.loads((folder / "data/08_reporting/records/ingest_report.json").read_text())
    return found, report["architectures"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "nasbench_only108.tfrecord")
        write(path, arguments.cells)
        megabytes = path.stat().st_size / 1e6
        raw = raw_seconds(path)
        for name, run in {"read_table": reading, "kedro run --pipeline ingest": ingesting}.items():
            folder = Path(temporary, run.__name__)
            folder.mkdir()
            load = os.getloadavg()[0]
            found, architectures = run(path, folder)
            rows.append(
                {
                    "command": name,
                    "architectures": architectures,
                    "records": arguments.cells * REPEATS,
                    "megabytes": round(megabytes),
                    "seconds": round(found.seconds, 1),
                    "processor_seconds": round(found.processor, 1),
                    "megabytes_per_second": round(megabytes / found.seconds, 1),
                    "megabytes_per_processor_second": round(megabytes / found.processor, 1),
                    "raw_read_megabytes_per_second": round(megabytes / raw),
                    "peak_memory_megabytes": round(found.peak / 1e6),
                    "load_before": round(load, 1),
                    "cores": os.cpu_count(),
                    "machine": platform.machine(),
                    "python": platform.python_version(),
                    "pandas": version("pandas"),
                    "protobuf": version("protobuf"),
                }
            )
            for title, value in rows[-1].items():
                print(f"{title:32}{value}")
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        with arguments.output.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
