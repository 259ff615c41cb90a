"""Whether milliseconds measured on this machine are the same later on.

    python benchmarks/latency_repeat.py --space mobilenet_v3 --networks 50 --output latency_repeat.csv

Every call measures the same random networks once more, adds its rows to the file, and prints how well each
measurement agrees with the first one: Kendall's tau, and the median and the largest deviation in percent.
``--architecture`` measures a given network as well, for instance one that a search chose under a limit.
Measurements of another processor, engine or number of threads belong into another file.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.latency.measuring import open_device
from contrastive_nas.latency.parameters import LatencyParameters
from contrastive_nas.progress import progress
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.spaces.registry import load_space

SETTING = ["space", "processor", "engine", "threads"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", default="mobilenet_v3", help="name, or file.py:Class")
    parser.add_argument("--networks", type=int, default=50)
    parser.add_argument("--architecture", action="append", default=[], help="a network to measure as well")
    parser.add_argument("--engine", choices=["torch", "onnx"], default="torch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    before = pd.read_csv(arguments.output) if arguments.output.exists() else pd.DataFrame()
    found = measure(arguments)
    check_setting(arguments.output, before, found)
    rows = pd.concat([before, found], ignore_index=True)
    with atomic_path(arguments.output) as partial:
        rows.to_csv(partial, index=False)
    print(agreement(rows).to_string(index=False))
    for name in arguments.architecture:
        print(f"{name}: {', '.join(str(value) for value in rows[rows.architecture == name].milliseconds)} ms")


def measure(arguments: argparse.Namespace) -> pd.DataFrame:
    """One row per network, in a random order: what is measured late must not always be the same."""
    space = load_space(arguments.space)
    device = open_device(LatencyParameters(engine=arguments.engine, threads=arguments.threads))
    sampled = space.sample(np.random.default_rng(arguments.seed), arguments.networks)
    names = [*dict.fromkeys([*sampled, *arguments.architecture])]
    started = datetime.now(UTC).isoformat(timespec="seconds")
    rows = []
    for name in progress(np.random.default_rng().permutation(names), "networks measured"):
        measured = device.measure(space, name)
        rows.append(
            {
                "space": space.name,
                "processor": device.identity["processor"],
                "engine": arguments.engine,
                "threads": arguments.threads,
                "started": started,
                "architecture": name,
                "milliseconds": round(measured.milliseconds, 4),
                "spread": round(measured.spread, 4),
            }
        )
    return pd.DataFrame(rows)


def check_setting(file: Path, before: pd.DataFrame, found: pd.DataFrame) -> None:
    """Refuses to mix measurements that say different things."""
    for name in SETTING if len(before) else []:
        if before[name].iloc[0] != found[name].iloc[0]:
            raise InputError(
                f"{file} holds measurements with {name} {before[name].iloc[0]}, not {found[name].iloc[0]}: "
                "name another file"
            )


def agreement(rows: pd.DataFrame) -> pd.DataFrame:
    """How each measurement agrees with the first one."""
    table = rows.pivot_table(index="architecture", columns="started", values="milliseconds")
    first = table.iloc[:, 0]
    found = []
    for started in table.columns[1:]:
        both = pd.concat([first, table[started]], axis=1).dropna().to_numpy()
        deviation = np.abs(both[:, 1] / both[:, 0] - 1) * 100
        found.append(
            {
                "started": started,
                "networks": len(both),
                "kendall_tau": round(kendall_tau(both[:, 0], both[:, 1]), 3),
                "median_deviation_percent": round(float(np.median(deviation)), 2),
                "largest_deviation_percent": round(float(deviation.max()), 2),
            }
        )
    return pd.DataFrame(found) if found else table.describe().reset_index()


if __name__ == "__main__":
    main()
