"""Trainings an hour of rounds and of asynchronous search, with real trainings whose times differ by a factor.

    python benchmarks/parallel_trainings.py --table data/01_raw/compact_cnn_digits.parquet --factor 5 \\
        --workers 2 --pool 10 --seeds 0,1 --output results.csv

The pool has two kinds of networks of digits, as many of each: quick ones, and others whose recorded
trainings took ``--factor`` times as long. All of them are queried, in random order, so that both searches
train the same networks; they are those of ``run_search`` with the strategy ``random``, which chooses at once.
Processes of this machine really train every network, in times that include whatever else the machine does.
``hours`` is the time from the first choice to the last answer, ``slow_to_quick`` the factor between the mean
training of either kind as it was.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from contrastive_nas.evaluators.parameters import TrainingParameters
from contrastive_nas.evaluators.training import TrainingEvaluator
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.spaces.wrapped.pool import Pool
from shared import keep, means, numbers, read_rows

SPACE = "compact_cnn"
# Trainings of one kind of network take within this part of each other, by the table.
_WITHIN = 0.1
# Of quick networks: as quick as one in twenty.
_QUICK = 0.05
_HOUR = 3600.0


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    space, table = read_rows(SPACE, arguments.table, ["seconds"])
    kinds = two_kinds(table, arguments.factor, arguments.pool)
    pool = Pool(space, [name for kind in kinds for name in kind])
    modes: dict[str, dict[str, Any]] = {
        "rounds_of_5": {"batch": 5},
        "asynchronous": {"parallel": arguments.workers},
    }
    rows: list[dict[str, Any]] = []
    for seed in arguments.seeds:
        # The order changes from seed to seed, as other work on the machine does.
        for mode in sorted(modes, reverse=bool(seed % 2)):
            parameters = SearchParameters(strategy="random", queries=pool.size, seed=seed, **modes[mode])
            training = TrainingParameters(
                seeds=(0,), workers=arguments.workers, overrides={"epochs": arguments.epochs}
            )
            with TrainingEvaluator(SPACE, training) as evaluator:
                # Processes have started and read the images before the clock runs.
                others = table["architecture"][~table["architecture"].isin(pool.enumerate())]
                evaluator.evaluate(others[: arguments.workers].tolist())
                started = time.monotonic()
                history = run_search(pool, evaluator, parameters).history
                hours = (time.monotonic() - started) / _HOUR
            seconds = history.set_index("architecture")["seconds"]
            quick, slow = (seconds[kind].mean() for kind in kinds)
            row = {"mode": mode, "seed": seed, "trainings": len(history), "hours": round(hours, 5)}
            row |= {"per_hour": round(len(history) / hours, 1), "processor_seconds": round(seconds.sum(), 1)}
            rows.append(row | {"slow_to_quick": round(slow / quick, 2)})
            keep(pd.DataFrame(rows), arguments.output)
    print(means(pd.DataFrame(rows), ["mode"], ["per_hour", "slow_to_quick", "processor_seconds"]))
    print(f"kept in {arguments.output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", required=True, type=Path, help="digits table with the column seconds")
    parser.add_argument("--factor", type=float, default=5.0)
    parser.add_argument("--pool", type=int, default=10, help="networks of either kind")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=numbers, default=[0, 1])
    parser.add_argument("--output", required=True, type=Path, help="CSV file")
    return parser.parse_args()


def two_kinds(table: pd.DataFrame, factor: float, count: int) -> list[list[str]]:
    """Quick networks, and as many that take so many times as long."""
    seconds = table["seconds"].to_numpy(dtype=float)
    quick = np.quantile(seconds, _QUICK)
    near = [np.flatnonzero(np.abs(seconds - one) < _WITHIN * one) for one in (quick, factor * quick)]
    return [table["architecture"].iloc[rows[:count]].tolist() for rows in near]


if __name__ == "__main__":
    main()
