"""What caching costs: fingerprints in a full run, a run in which nothing changed, and a large raw file.

Every experiment runs in a copy of the project, from an empty data folder, by Kedro's command in processes of
their own. Processor seconds of fingerprinting are those of making the plan and of deciding about every node
again before it runs, taken inside the run; those of the whole run include all processes that it starts.

    python benchmarks/caching.py --env test --output caching.csv
    python benchmarks/caching.py --env nasbench201 --output caching.csv
    python benchmarks/caching.py --gigabytes 1 --output caching.csv
"""

import argparse
import ctypes
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd

from shared import copy_project

UNCHANGED_RUNS = 3
PR_SET_CHILD_SUBREAPER = 36
# Runs Kedro's command with a clock around all that is done for fingerprints.
PROGRAM = """
import atexit, sys, time
from contrastive_nas.execution import plan, versions

spent, inside = 0.0, False

def timed(owner, name):
    real = getattr(owner, name)
    def wrapped(*arguments, **options):
        global spent, inside
        if inside:
            return real(*arguments, **options)
        inside, started = True, time.process_time()
        try:
            return real(*arguments, **options)
        finally:
            inside, spent = False, spent + time.process_time() - started
    setattr(owner, name, wrapped)

for owner, name in (
    (plan.Planner, "decide"), (plan.Planner, "origin"), (plan.Planner, "doubt"), (versions.Checksums, "of")
):
    timed(owner, name)
atexit.register(lambda: print(f"fingerprint seconds: {spent:.4f}", file=sys.stderr))
from kedro.framework.cli import main
sys.argv = ["kedro", *sys.argv[1:]]
main()
"""


def run(folder: Path, env: str) -> dict[str, float]:
    """Wall and processor seconds of ``kedro run --pipeline search``, and those of them for fingerprints."""
    before, started = _children(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "run", "--env", env, "--pipeline", "search"],
        cwd=folder,
        # The copy's modules, also before Kedro says where they are.
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    wall = time.perf_counter() - started
    found = re.search(r"fingerprint seconds: ([\d.]+)", done.stderr)
    assert found is not None
    return {
        "wall_seconds": round(wall, 2),
        "processor_seconds": round(_children() - before, 2),
        "fingerprint_seconds": float(found[1]),
    }


def measure_runs(env: str) -> list[dict[str, object]]:
    """A full run, and some in which nothing changed."""
    with tempfile.TemporaryDirectory() as name:
        copy_project(Path(name))
        whole = run(Path(name), env)
        unchanged = [run(Path(name), env) for _ in range(UNCHANGED_RUNS)]
    share = 100 * whole["fingerprint_seconds"] / whole["processor_seconds"]
    return [
        {"what": f"{env}: everything runs", **whole, "fingerprint_percent": round(share, 2)},
        *({"what": f"{env}: nothing changed", **one} for one in unchanged),
    ]


def measure_file(gigabytes: float) -> list[dict[str, object]]:
    """Checksum of a file, the first time, and again in new memories of what was read before."""
    from contrastive_nas.execution.hashing import SETTLED_NS, Checksums

    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        file, block = Path(name) / "raw.bin", os.urandom(1 << 20)
        with file.open("wb") as stream:
            for _ in range(round(gigabytes * 1024)):
                stream.write(block)
        time.sleep(2 * SETTLED_NS / 1e9)
        for number in range(3):
            clock, used = time.perf_counter(), time.process_time()
            checksums = Checksums(Path(name) / "memory.json")
            checksums.of(file)
            checksums.flush()
            rows.append(
                {
                    "what": f"{gigabytes:g} GB raw file, run {number + 1}",
                    "wall_seconds": round(time.perf_counter() - clock, 4),
                    "processor_seconds": round(time.process_time() - used, 4),
                }
            )
    return rows


def _children() -> float:
    """Processor seconds of all processes that were started below this one; waits for those that still end."""
    with suppress(ChildProcessError):
        while True:
            os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measures what is asked for and adds it to a CSV file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--env", help="experiment to run")
    parser.add_argument("--gigabytes", type=float, help="size of a raw file to hash")
    parser.add_argument("--output", type=Path, required=True, help="CSV file; rows are added")
    arguments = parser.parse_args()
    # Servers of worker processes outlive the run by a moment; orphans come to this process, to be counted.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    rows = measure_runs(arguments.env) if arguments.env else []
    rows += measure_file(arguments.gigabytes) if arguments.gigabytes else []
    frame = pd.DataFrame(rows).assign(machine=f"{os.cpu_count()} x {platform.machine()}")
    if arguments.output.exists():
        frame = pd.concat([pd.read_csv(arguments.output), frame])
    frame.to_csv(arguments.output, index=False)
    sys.stdout.write(frame.to_string(index=False) + "\n")


if __name__ == "__main__":
    main()
