"""How good a network is found at what cost, where short trainings may be bought beside full ones.

    python benchmarks/fidelities.py --space nasbench201 --table nasbench201.parquet \\
        --label cifar10_valid_accuracy --target cifar10_test_accuracy \\
        --fidelities 12_epochs=cifar10_valid_accuracy_12_epochs:0.06 \\
        --tables tables.csv --costs 5,10,12,20 --seeds 0,1,2 --output results.csv

Costs are in full trainings. The network chosen at a cost is the one with the highest label of a full training
that was paid for by then; before the first one, of the dearest shorter training. ``label_accuracy`` is its
label, ``best_accuracy`` its target. A table that holds a part of the space is a closed pool; rows without one
of the columns are left out. ``--tables`` and ``--drop`` are those of ``benchmarks/search.py``: every seed
draws the labelled rows of the other spaces anew, and leaves a part of the pool out.

``fidelities`` is ours, ``default`` the same search with full trainings alone. All strategies but
``random_then_best`` spend the largest cost once and are read at all of them.

Prints means with spreads, how often the best label was found, and paired comparisons of ours with each other
strategy (Wilcoxon's signed-rank test, one-sided); keeps one row per strategy, seed and cost.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from contrastive_nas.evaluators.base import Fidelity
from contrastive_nas.evaluators.table import TableEvaluator
from contrastive_nas.progress import progress
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.graph_source import SpaceSource
from contrastive_nas.ranking.space_ranker import SpaceRanker
from contrastive_nas.ranking.transfer.labelled_tables import open_tables
from contrastive_nas.ranking.transfer.model import TransferModel
from contrastive_nas.ranking.transfer.ranker import TransferRanker
from contrastive_nas.search.parameters import BudgetParameters, SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.search.strategy_registry import WITH_HALVING, WITH_RANKER
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.spaces.wrapped.pool import Pool
from shared import compared, keep, means, model_of_others, names_among, numbers, pool_without_some, read_rows

OURS = "fidelities"
STRATEGIES = (OURS, "default", *WITH_HALVING, "random", "tpe")
# Those that ask no ranker learn from every answer before they ask again.
WITHOUT_RANKER: dict[str, Any] = {"initial": 1, "batch": 1}


def main() -> None:
    arguments = parse_arguments()
    # Several threads only get into each other's way on problems of this size.
    torch.set_num_threads(1)
    columns = [arguments.label, arguments.target or arguments.label, *arguments.fidelities.values()]
    space, table = read_rows(arguments.space, arguments.table, columns)
    names = table["architecture"].tolist()
    whole = space if space.size == len(names) else Pool(space, names)
    print(f"{len(names)} networks of {space.name}")
    rows: list[dict[str, Any]] = []
    tables = open_tables(arguments.tables, arguments.graphs) if arguments.tables else []
    others = [one.functions() for one in tables if one.name != space.name]
    source, features = SpaceSource(whole), EncoderFeatures()
    for seed in progress(arguments.seeds, "searches"):
        model = model_of_others(others, space.name, seed)
        part = whole
        if arguments.drop:
            labels = table[arguments.label].to_numpy()
            part = pool_without_some(whole, names, labels, arguments.drop, seed)
            source, features = SpaceSource(part), EncoderFeatures()
        for strategy in arguments.strategies:
            started = time.process_time()
            found = searched(part, table, strategy, seed, arguments, (model, source, features))
            seconds = time.process_time() - started
            rows += [
                {"strategy": strategy, "seed": seed, **one, "seconds": round(seconds, 1)} for one in found
            ]
            keep(pd.DataFrame(rows), arguments.output)
    results = pd.DataFrame(rows)
    print(summary(results, table[arguments.label].max()))
    print(compared(results, OURS, at="cost", arm="strategy", value="label_accuracy"))
    print(f"kept in {arguments.output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", required=True, help="name, or file.py:Class")
    parser.add_argument("--table", required=True, type=Path, help="any file that ingestion reads")
    parser.add_argument("--label", required=True, help="column of the full training that a search sees")
    parser.add_argument("--target", help="column that is reported; the label by default")
    parser.add_argument("--fidelities", required=True, type=fidelities, help="NAME=COLUMN:COST,...")
    parser.add_argument("--drop", type=float, default=0.0, help="part of the pool that every seed leaves out")
    parser.add_argument("--tables", type=Path, help="CSV of labelled spaces: space, file, column")
    parser.add_argument("--graphs", type=Path, default=Path("graphs"), help="folder that keeps their graphs")
    parser.add_argument("--costs", type=numbers, default=numbers("5,10,12,20"))
    parser.add_argument("--seeds", type=numbers, default=list(range(20)))
    parser.add_argument("--strategies", type=names_among(STRATEGIES), default=list(STRATEGIES))
    parser.add_argument("--output", required=True, type=Path, help="CSV file")
    return parser.parse_args()


def fidelities(text: str) -> dict[Fidelity, str]:
    parts = [part.partition("=") for part in text.split(",")]
    places = [(name, *place.rpartition(":")[::2]) for name, _, place in parts]
    return {Fidelity(name, float(cost)): column for name, column, cost in places}


def searched(
    space: SearchSpace,
    table: pd.DataFrame,
    strategy: str,
    seed: int,
    arguments: argparse.Namespace,
    known: tuple[TransferModel, SpaceSource, EncoderFeatures],
) -> list[dict[str, Any]]:
    """What one strategy has found at every cost."""
    # One that plans by its budget is run for each.
    budgets = [[cost] for cost in arguments.costs] if strategy == "random_then_best" else [arguments.costs]
    found: list[dict[str, Any]] = []
    for costs in budgets:
        shorter = arguments.fidelities if strategy == OURS or strategy in WITH_HALVING else {}
        source = TableEvaluator(table, arguments.label, arguments.target, shorter)
        ranker: SpaceRanker | str = "transfer"
        options = WITHOUT_RANKER
        if strategy in WITH_RANKER:
            model, graphs, features = known
            ranker = SpaceRanker(TransferRanker(model, features), space, seed=seed, source=graphs)
            options = {}
        budget = BudgetParameters(trainings=max(costs))
        parameters = SearchParameters(strategy=strategy, budget=budget, seed=seed, **options)
        history = run_search(space, source, parameters, ranker=ranker).history
        found += [at_cost(history, source, table, arguments, cost) for cost in costs]
    return found


def at_cost(
    history: pd.DataFrame,
    source: TableEvaluator,
    table: pd.DataFrame,
    arguments: argparse.Namespace,
    cost: float,
) -> dict[str, Any]:
    """The network that is chosen when so much is spent."""
    costs = history["cost"] if "cost" in history else pd.Series(1.0, index=history.index)
    paid = history[costs.cumsum() <= cost + 1e-9]
    dearest = costs[paid.index] == costs[paid.index].max()
    chosen = paid.loc[paid["accuracy"][dearest].idxmax(), "architecture"]
    labels = table[arguments.label].to_numpy(dtype=float)
    label = float(labels[table["architecture"].to_numpy() == chosen][0])
    return {
        "cost": cost,
        "label_accuracy": round(label, 4),
        "best_accuracy": round(source.final_accuracy(chosen), 4),
        "rank": 1 + int((labels > label).sum()),
        "full_trainings": int((costs[paid.index] == 1).sum()),
        "networks": int(paid["architecture"].nunique()),
    }


def summary(results: pd.DataFrame, best: float) -> str:
    """Means and spreads over seeds, and how often the best label was found."""
    keys = ["cost", "strategy"]
    table = means(results, keys, ["label_accuracy", "best_accuracy", "rank", "full_trainings"])
    for points in (0.0, 0.05):
        near = results["label_accuracy"] >= round(best, 4) - points - 1e-9
        table[f"within {points:g}"] = near.groupby([results[key] for key in keys], sort=False).sum()
    return table.round(3).to_string()


if __name__ == "__main__":
    main()
