"""How good a front between accuracy and cost is found with how few queries, within a limit on the cost.

    python benchmarks/fronts.py --space mnasnet --table mnasnet.parquet --target imagenet_top1_accuracy \\
        --limit macs=3.5e8 --queries 50,150 --seeds 0,1,2 --strategies default,nsga2 --output fronts.csv

The whole space is searched on a model fitted to the table. What counts is the hypervolume of all networks
asked for so far, as a share of the box from accuracy 0 to 100 and from cost 0 to the largest in a fixed
sample within the limit. Prints means, spreads and paired comparisons with NSGA-II; keeps one row per
strategy, seed and number of queries.
"""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from contrastive_nas.files import atomic_path
from contrastive_nas.progress import progress
from contrastive_nas.ranking.transfer.weights import load_transfer
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.search.strategy_registry import WITH_RANKER
from search import WITHOUT_RANKER, Clock, Rankers, one_sided, strategies, surrogate_problem
from shared import means, numbers, read_rows

BASELINE = "nsga2"


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    space, table = read_rows(arguments.space, arguments.table, [arguments.target])
    problem = surrogate_problem(space, table, arguments.target, arguments.target)
    model = load_transfer().without(space.name)
    cost, most = arguments.limit
    rows: list[dict[str, Any]] = []
    runs = [(name, seed) for seed in arguments.seeds for name in arguments.strategies]
    for name, seed in progress(runs, "fronts"):
        ranker = Rankers(space, model, seed).of({"strategy": name})
        parameters = SearchParameters(
            strategy=name,
            queries=max(arguments.queries),
            seed=seed,
            objectives=(cost,),
            limits={cost: most},
            **({} if name in WITH_RANKER else WITHOUT_RANKER),
        )
        clock = Clock(problem.evaluator)
        history = run_search(space, clock, parameters, ranker=ranker, cost_table=table).history
        rows += [
            {
                "space": space.name,
                "target": arguments.target,
                "limit": f"{cost} <= {most:g}",
                "strategy": name,
                "seed": seed,
                "queries": count,
                "hypervolume": history["hypervolume"].iloc[count - 1],
                "front": int(history["on_front"].sum()),
                "seconds": clock.seconds[count - 1],
            }
            for count in arguments.queries
        ]
    results = pd.DataFrame(rows)
    with atomic_path(arguments.output) as path:
        results.to_csv(path, index=False)
    shown = means(results, ["queries", "strategy"], ["hypervolume", "front", "seconds"])
    print(shown.round(5).to_string())
    print(comparisons(results))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", required=True, help="name, or file.py:Class")
    parser.add_argument("--table", required=True, type=Path, help="any file that ingestion reads")
    parser.add_argument("--target", required=True, help="accuracy")
    parser.add_argument("--limit", type=limit, default=limit("macs=3.5e8"), help="cost=most")
    parser.add_argument("--queries", type=numbers, default=numbers("50,150"))
    parser.add_argument("--seeds", type=numbers, default=list(range(20)))
    parser.add_argument("--strategies", type=strategies, default=strategies("default,random,nsga2"))
    parser.add_argument("--output", required=True, type=Path, help="CSV file")
    return parser.parse_args()


def limit(text: str) -> tuple[str, float]:
    name, _, most = text.partition("=")
    return name, float(most)


def comparisons(results: pd.DataFrame) -> str:
    """Every strategy with NSGA-II, paired over seeds: mean difference, Wilcoxon's one-sided p."""
    lines = []
    for count, at in results.groupby("queries"):
        paired = at.pivot(index="seed", columns="strategy", values="hypervolume")
        for name in paired.columns.difference([BASELINE]):
            difference = (paired[name] - paired[BASELINE]).to_numpy()
            lines.append(
                f"{count} queries: {name} - {BASELINE} = {difference.mean():.5f}, "
                f"larger in {int((difference > 0).sum())} of {len(difference)}, p = {one_sided(difference)}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
