"""How time, memory and disk of a conversion into a graph store grow with the number of architectures.

Every size is converted in a process of its own, whose largest resident memory is read at its end. Times are
processor seconds, so that other work on the machine does not count.

    python benchmarks/conversion_growth.py --space nasbench101 --sizes 1000,10000,100000 --output growth.csv
"""

import argparse
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from contrastive_nas.spaces.convert import convert
from contrastive_nas.spaces.registry import load_space


def measure(space_name: str, size: int, spectrum_size: int) -> dict[str, float | str]:
    """Converts the first ``size`` architectures of a space; seconds, megabytes."""
    space = load_space(space_name)
    started = time.process_time()
    architectures = list(islice(space.enumerate(), size))
    enumerated = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "graphs.arrow"
        convert(store, [(space, architectures)], spectrum_size=spectrum_size)
        disk = store.stat().st_size
    seconds = time.process_time() - enumerated
    return {
        "space": space_name,
        "architectures": len(architectures),
        "enumerate_seconds": enumerated - started,
        "convert_seconds": seconds,
        "architectures_per_second": len(architectures) / seconds,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "disk_mb": disk / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", default="nasbench101")
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--spectrum", type=int, default=0, help="eigenvalues per graph")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    rows = []
    for size in map(int, arguments.sizes.split(",")):
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
            rows.append(pool.submit(measure, arguments.space, size, arguments.spectrum).result())
        print(pd.DataFrame(rows[-1:]).to_string(index=False))
    if arguments.output is not None:
        pd.DataFrame(rows).to_csv(arguments.output, index=False)


if __name__ == "__main__":
    main()
