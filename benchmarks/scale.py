"""What several workers gain: rounds against asynchronous search, by replaying a table with a virtual clock.

    python benchmarks/scale.py --space nasbench201 --table nasbench201.parquet \\
        --label cifar10_valid_accuracy --target cifar10_test_accuracy --times macs --hours 1 --spread 0.2 \\
        --drop 0.1 --workers 2 --modes rounds_of_5,asynchronous --queries 30 --output results.csv

The searches are those of ``run_search``; only the evaluator is simulated
(:class:`contrastive_nas.evaluators.simulated.SimulatedTrainings`). ``--times`` names what training times are
proportional to, a column or ``macs``; with ``--hours`` they have that mean, and with ``--spread`` each is
multiplied by a log-normal factor of that standard deviation of the logarithm, the same for every search of a
seed. A table that holds a part of the space is a closed pool; with ``--drop`` every seed leaves that part of
the rows out, at random, never the one of the best label. Modes:

- ``one_by_one``: rounds of 1, which no second worker helps;
- ``rounds_of_5``: the default;
- ``rounds_of_workers``: rounds as large as the number of workers;
- ``asynchronous``: ``search.parallel`` is the number of workers.

``per_hour`` is queries per simulated hour, ``busy`` the share of the workers' time in which they trained,
``regret`` the highest label of the table less the highest so far, ``target_regret`` the same of the targets
of the networks with those labels, at ``--counts`` queries (``regret_at_20``) and at shares of the time that
one worker needs on average for all queries, divided by the number of workers (``regret_at_time_0.5``).

Prints means with spreads, and Wilcoxon's one-sided signed-rank test of asynchronous search against every
other mode at equal queries; keeps one row per mode, number of workers, share of lost trainings and seed.
"""

import argparse
import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from contrastive_nas.evaluators.simulated import SimulatedTrainings
from contrastive_nas.progress import progress
from contrastive_nas.ranking.space_ranker import SpaceRanker, create_space_ranker
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.spaces.costs import Costs
from contrastive_nas.spaces.wrapped.pool import Pool
from shared import keep, means, names_among, numbers, paired, pool_without_some, read_rows

MODES = ("one_by_one", "rounds_of_5", "rounds_of_workers", "asynchronous")
ASYNCHRONOUS = "asynchronous"
SHARES = (0.25, 0.5, 0.75, 1.0)
_HOUR = 3600.0
# Random numbers of training times are others than those of searches.
_TIMES = 0x71E5


def main() -> None:
    arguments = parse_arguments()
    # Several threads only get into each other's way on problems of this size.
    torch.set_num_threads(1)
    space, table = read_rows(arguments.space, arguments.table, [arguments.label, arguments.target])
    print(f"{len(table)} networks of {space.name}")
    if arguments.times not in table and arguments.times == "macs":
        table = table.assign(macs=Costs(space, ["macs"]).measure(table["architecture"].tolist())[:, 0])
    rows: list[dict[str, Any]] = []
    for seed in progress(arguments.seeds, "seeds"):
        searched, guide, timed = drawn(space, table, arguments, seed)
        for setting in itertools.product(arguments.workers, arguments.lost, arguments.modes):
            started = time.process_time()
            found = simulated(searched, guide, timed, setting, seed, arguments)
            found["cpu_seconds"] = round(time.process_time() - started, 1)
            rows.append(dict(zip(("workers", "lost", "mode"), setting, strict=True)) | {"seed": seed} | found)
            keep(pd.DataFrame(rows), arguments.output)
    results = pd.DataFrame(rows)
    print(summary(results).to_string())
    print(comparisons(results).to_string())
    print(f"kept in {arguments.output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", required=True, help="name, or file.py:Class")
    parser.add_argument("--table", required=True, type=Path, help="any file that ingestion reads")
    parser.add_argument("--label", required=True, help="column that a search sees")
    parser.add_argument("--target", required=True, help="column that is reported")
    parser.add_argument("--times", required=True, help="column that training times are proportional to")
    parser.add_argument("--hours", type=float, help="mean training time; by default they are in seconds")
    parser.add_argument("--spread", type=float, default=0.0, help="of the logarithm of times, at random")
    parser.add_argument("--drop", type=float, default=0.0, help="part of the rows that every seed leaves out")
    parser.add_argument("--choosing", type=float, default=0.0, help="seconds that every choice takes")
    parser.add_argument("--workers", type=numbers, default=[2])
    parser.add_argument("--lost", type=shares, default=[0.0], help="shares of trainings that lose a worker")
    parser.add_argument("--modes", type=names_among(MODES), default=list(MODES))
    parser.add_argument("--strategy", default="default")
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--counts", type=numbers, default=numbers("10,20,30"), help="regret is read there")
    parser.add_argument("--seeds", type=numbers, default=list(range(20)))
    parser.add_argument("--output", required=True, type=Path, help="CSV file")
    return parser.parse_args()


def shares(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def drawn(
    space: SearchSpace, table: pd.DataFrame, arguments: argparse.Namespace, seed: int
) -> tuple[SearchSpace, SpaceRanker | str, pd.DataFrame]:
    """What is searched under a seed, its ranker, and the table with what every training takes."""
    names = table["architecture"].tolist()
    searched = space if space.size == len(names) else Pool(space, names)
    if arguments.drop:
        labels = table[arguments.label].to_numpy()
        searched = pool_without_some(searched, names, labels, arguments.drop, seed)
    guide: SpaceRanker | str = "transfer"
    if arguments.strategy != "random":
        guide = create_space_ranker("transfer", searched, seed=0)
    seconds = table[arguments.times].to_numpy(dtype=float)
    if arguments.hours is not None:
        seconds = seconds * (arguments.hours * _HOUR / seconds.mean())
    draws = np.random.default_rng([seed, _TIMES]).normal(size=len(seconds))
    return searched, guide, table.assign(seconds=seconds * np.exp(arguments.spread * draws))


def simulated(
    space: SearchSpace,
    guide: SpaceRanker | str,
    table: pd.DataFrame,
    setting: tuple[int, float, str],
    seed: int,
    arguments: argparse.Namespace,
) -> dict[str, float]:
    """What one search has reached, and when."""
    workers, lost, mode = setting
    rounds = {"one_by_one": 1, "rounds_of_5": 5}.get(mode, workers)
    options: dict[str, Any] = {"batch": rounds}
    if mode == ASYNCHRONOUS:
        options = {"parallel": workers}
    evaluator = SimulatedTrainings(
        table,
        arguments.label,
        arguments.target,
        workers=workers,
        choosing=arguments.choosing,
        lost=lost,
        seed=seed,
    )
    parameters = SearchParameters(
        strategy=arguments.strategy, queries=arguments.queries, seed=seed, **options
    )
    history = run_search(space, evaluator, parameters, ranker=guide).history
    found = {
        "hours": evaluator.clock / _HOUR,
        "per_hour": _HOUR * len(history) / evaluator.clock,
        "busy": evaluator.busy / workers / evaluator.clock,
    }
    names = history["architecture"].tolist()
    for name, column in (("regret", arguments.label), ("target_regret", arguments.target)):
        regrets = regrets_of(names, table, arguments.label, column)
        counts = [count for count in arguments.counts if count <= len(regrets)]
        found |= {f"{name}_at_{count}": regrets[count - 1] for count in counts}
    ends = {name: end for _, end, name in evaluator.spans}
    # An answer of a round counts when it is known, not at the end of the round.
    known = np.maximum.accumulate([ends[name] for name in history["architecture"]])
    whole = table["seconds"].mean() * arguments.queries / workers
    regrets = regrets_of(names, table, arguments.label, arguments.label)
    for share in SHARES:
        count = int((known <= share * whole).sum())
        found[f"regret_at_time_{share:g}"] = regrets[count - 1] if count else np.nan
    return {name: round(value, 4) for name, value in found.items()}


def regrets_of(names: list[str], table: pd.DataFrame, label: str, column: str) -> np.ndarray:
    """What the network with the highest label lacks of a column to the best row, after every query."""
    rows = table.set_index("architecture").loc[names]
    labels, values = rows[label].to_numpy(), rows[column].to_numpy()
    best = [int(labels[: count + 1].argmax()) for count in range(len(labels))]
    return table[column].max() - values[best]


def summary(results: pd.DataFrame) -> pd.DataFrame:
    shown = [name for name in results if name in ("per_hour", "busy") or "regret" in name]
    return means(results, ["lost", "workers", "mode"], shown).round(3)


def comparisons(results: pd.DataFrame) -> pd.DataFrame:
    """Regret of asynchronous search less that of other modes, at equal queries, paired over seeds."""
    rows = []
    keys = ["lost", "workers", "seed"]
    ours = results[results["mode"] == ASYNCHRONOUS].set_index(keys)
    for mode, others in results[results["mode"] != ASYNCHRONOUS].groupby("mode", sort=False):
        for (lost, workers), part in others.groupby(["lost", "workers"]):
            theirs = part.set_index(keys)
            both = ours.index.intersection(theirs.index)
            for name in (name for name in results if "regret_at_" in name and "time" not in name):
                if len(both):
                    # Regret is the smaller the better.
                    better = (theirs.loc[both, name] - ours.loc[both, name]).to_numpy()
                    rows.append(
                        {"against": mode, "lost": lost, "workers": workers, "at": name, **paired(better)}
                    )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
