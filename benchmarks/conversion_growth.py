"""How time, memory and disk of a conversion into a graph store grow with the number of architectures.

Architectures are evenly spread over the list of a whole space, so that every size has small and large
networks in the same shares. Every size is converted in a process of its own. Memory is an upper bound: the
largest resident memory of that process and, for every worker, that of the largest worker, whenever they were
reached. Processor seconds are those of all these processes, the start of workers included.

    python benchmarks/conversion_growth.py --sizes 1000,10000,100000 --output growth.csv
    python benchmarks/conversion_growth.py --sizes 423624 --workers 2 --output whole.csv
"""

import argparse
import os
import platform
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from contrastive_nas.conversion.convert import convert
from contrastive_nas.spaces.registry import load_space


def measure(space_name: str, size: int, spectrum_size: int, workers: int) -> dict[str, float | str]:
    """Lists a space and converts ``size`` of its architectures."""
    space = load_space(space_name)
    started = time.process_time()
    architectures = list(space.enumerate())
    listed = time.process_time() - started
    architectures = [architectures[place * len(architectures) // size] for place in range(size)]
    clock, used = time.perf_counter(), processor_seconds()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "graphs.arrow"
        convert(store, [(space, architectures)], spectrum_size=spectrum_size, workers=workers)
        disk = store.stat().st_size
    seconds, used = time.perf_counter() - clock, processor_seconds() - used
    return {
        "space": space_name,
        "architectures": len(set(architectures)),
        "workers": workers,
        "list_seconds": round(listed, 2),
        "convert_seconds": round(seconds, 1),
        "processor_seconds": round(used, 1),
        "milliseconds_each": round(1000 * used / size, 3),
        "peak_memory_mb": round(peak_memory(workers)),
        "disk_mb": round(disk / 2**20, 1),
        "kilobytes_each": round(disk / 1024 / size, 3),
    }


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in parts)


def peak_memory(workers: int) -> float:
    """Megabytes, an upper bound of what this process and its workers held at one time."""
    own, largest_child = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own + (workers * largest_child if workers > 1 else 0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", default="nasbench101")
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--spectrum", type=int, default=0, help="eigenvalues per graph")
    parser.add_argument("--workers", type=int, default=1, help="processes that convert")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    rows = []
    for size in map(int, arguments.sizes.split(",")):
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
            given = (arguments.space, size, arguments.spectrum, arguments.workers)
            rows.append(pool.submit(measure, *given).result())
        print(pd.DataFrame(rows[-1:]).to_string(index=False), flush=True)
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    if arguments.output is not None:
        pd.DataFrame(rows).assign(**machine).to_csv(arguments.output, index=False)


if __name__ == "__main__":
    main()
