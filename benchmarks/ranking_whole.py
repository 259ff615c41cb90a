"""How long, and with how much memory, a ranker orders all networks of a large store.

    python benchmarks/ranking_whole.py --table nasbench101.parquet --column cifar10_valid_accuracy \\
        --store whole.arrow --output whole.csv

All 423,624 cells of NAS-Bench-101 are converted as full networks where the store is not there yet, which is
not timed. Then, in a process of its own for each ranker: opening the store, a fit to labelled cells, scores
of everything, which reads statistics and graphs from the file, encodes the graphs and compares. Memory is the
largest resident memory of that process.
"""

import argparse
import os
import platform
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from contrastive_nas.conversion.convert import convert
from contrastive_nas.graphs.storage.store import open_store
from contrastive_nas.ranking.registry import create_ranker_with, list_rankers
from contrastive_nas.ranking.transfer.weights import load_transfer
from contrastive_nas.spaces.registry import load_space
from shared import names_among, read_rows

SPACE = "nasbench101"
LABELS = 156


def measure(name: str, store_path: Path, table: Path, column: str, threads: int) -> dict[str, float | str]:
    """Ranks the store's networks after ``LABELS`` labels of random rows of the table."""
    torch.set_num_threads(threads)
    _, rows = read_rows(SPACE, table, [column])
    # Tables also spell a cell in other ways than the enumeration does.
    stored = open_store(store_path).find(rows["architecture"].tolist()) >= 0
    chosen = rows[stored].sample(LABELS, random_state=0)
    offered = {"model": lambda: load_transfer().without(SPACE)}
    clock, used = time.perf_counter(), time.process_time()
    store = open_store(store_path)
    ranker = create_ranker_with(name, offered)
    ranker.fit(store, store.rows(chosen["architecture"].tolist()), chosen[column].to_numpy(), seed=0)
    scores = ranker.scores(np.arange(len(store)))
    seconds, used = time.perf_counter() - clock, time.process_time() - used
    assert np.isfinite(scores).all()
    return {
        "ranker": name,
        "networks": len(scores),
        "labels": LABELS,
        "seconds": round(seconds, 1),
        "processor_seconds": round(used, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, required=True, help="labelled cells")
    parser.add_argument("--column", required=True, help="accuracy of the table")
    parser.add_argument("--store", type=Path, required=True, help="file of graphs; made where it is missing")
    parser.add_argument("--rankers", type=names_among(list_rankers()), default=["transfer", "stacked"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    if not arguments.store.exists():
        space = load_space(SPACE)
        convert(
            arguments.store, [(space, list(space.enumerate()))], spectrum_size=0, workers=arguments.threads
        )
    rows = []
    for name in arguments.rankers:
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
            given = (name, arguments.store, arguments.table, arguments.column, arguments.threads)
            rows.append(pool.submit(measure, *given).result())
        print(pd.DataFrame(rows[-1:]).to_string(index=False), flush=True)
    machine = {"threads": arguments.threads, "cores": os.cpu_count(), "machine": platform.machine()}
    pd.DataFrame(rows).assign(**machine).to_csv(arguments.output, index=False)


if __name__ == "__main__":
    main()
