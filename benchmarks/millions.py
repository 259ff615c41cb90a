"""How long, and with how much memory, lists of up to millions of networks are ranked partition by partition.

    python benchmarks/millions.py --space mobilenet_v3 --counts 10000,100000,1000000 --output millions.csv

Each list is random, by seed 0; a count of 0 takes all architectures of the space. Four stages are timed: the
list itself, the fit of the ranker, scoring, and the order of all. Memory is the largest sum over this process
and all that it started (proportional set size: what they share counts once), looked at every two seconds;
a Ray cluster's own processes count too.
"""

import argparse
import os
import platform
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path

import pandas as pd
import psutil
import torch

from contrastive_nas.ranking.many import (
    ListedNetworks,
    Workers,
    fit_to_sample,
    in_order,
    many_identity,
    packed_scorer,
    score_missing,
    started,
)
from contrastive_nas.ranking.partitions import Partitions
from contrastive_nas.spaces.registry import load_space

RANKER = "stacked"
# Adding up the memory of large processes takes some tens of milliseconds.
SECONDS_BETWEEN_LOOKS = 2.0


class Watch:
    """Watches memory and processor time of all processes while a block runs."""

    def __enter__(self) -> "Watch":
        self.peak = 0
        self._seconds: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def processor_seconds(self) -> float:
        """Of all processes that were seen, by when they were seen last."""
        return sum(self._seconds.values())

    def _run(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_LOOKS):
            here = psutil.Process()
            found = 0
            for process in [here, *here.children(recursive=True)]:
                try:
                    found += process.memory_full_info().pss
                    times = process.cpu_times()
                except psutil.Error:  # it has ended
                    continue
                self._seconds[process.pid] = times.user + times.system
            self.peak = max(self.peak, found)


def measure(space_name: str, count: int, workers: Workers) -> dict[str, float | str]:
    """Ranks ``count`` random networks, or all if 0."""
    space = load_space(space_name)
    networks = ListedNetworks.of([]).with_drawn(space, count, 0, every=count == 0)
    clock = [time.perf_counter()]
    with tempfile.TemporaryDirectory() as folder, Watch() as watch:
        identity = many_identity(space, networks, {}, RANKER, 0)
        with Partitions(Path(folder) / "partitions", identity) as partitions:
            partitions.list_networks(networks.names)
            clock.append(time.perf_counter())
            fitted, _ = fit_to_sample(space, partitions, {}, RANKER, 0)
            scorer = packed_scorer(fitted)
            clock.append(time.perf_counter())
            before = watch.processor_seconds
            with started(workers) as score:
                score_missing(partitions, scorer, score)
            used = watch.processor_seconds - before
            clock.append(time.perf_counter())
            table = in_order(partitions, {}, fitted.ranker, 0)
            clock.append(time.perf_counter())
        size = sum(file.stat().st_size for file in (Path(folder) / "partitions").iterdir())
    names = ("list", "fit", "score", "order")
    stages = {name: b - a for name, (a, b) in zip(names, pairwise(clock), strict=True)}
    total = clock[-1] - clock[0]
    return {
        "space": space_name,
        "networks": len(table),
        "where": workers.where,
        "workers": workers.count,
        "seconds": round(total, 1),
        **{f"seconds_{name}": round(seconds, 1) for name, seconds in stages.items()},
        "ms_per_network": round(1000 * total / len(table), 3),
        "ms_per_network_score": round(1000 * stages["score"] / len(table), 3),
        "processor_ms_per_network_score": round(1000 * used / len(table), 3),
        "peak_memory_mb": round(watch.peak / 2**20),
        "disk_mb": round(size / 2**20),
        "best_score": table["score"].iloc[0],
        "sum_of_scores": table["score"].sum(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", default="mobilenet_v3")
    parser.add_argument("--counts", default="10000,100000", help="numbers of networks; 0 means all")
    parser.add_argument("--where", choices=["local", "ray"], default="local")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for count in map(int, arguments.counts.split(",")):
        rows.append(measure(arguments.space, count, Workers(arguments.where, arguments.workers)))
        machine = {
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
            "machine": platform.machine(),
        }
        table = pd.DataFrame(rows).assign(**machine)
        print(table.tail(1).T.to_string(), flush=True)
        table.to_csv(arguments.output, index=False)


if __name__ == "__main__":
    main()
