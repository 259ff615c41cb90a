"""How good a network is found with how few queries: every strategy, one protocol, any table and space.

    python benchmarks/search.py --space nasbench201 --table nasbench201.parquet \\
        --target cifar10_test_accuracy --queries 20,40,60,90 --seeds 0,1,2 \\
        --strategies default,random,tpe --output results.csv

A run spends the largest number of queries once and is read at all of them. The network chosen after q
queries is the one with the highest label among them; what counts is its target. Labels are the target
unless ``--label-column`` says otherwise. A table that holds a part of the space is a closed pool; with
``--surrogate`` the whole space is searched instead, on a model fitted to the table, whose predictions are
then labels and targets. With ``--trained`` the whole space is searched and every query is trained on the
handwritten digits, and the chosen network once more with other seeds; random search is answered from the
table then, whose rows are random networks that the same recipe has trained.

With ``--tables`` (a CSV with the columns space, file and column, as ``benchmarks/transfer.py`` takes it) the
``transfer`` ranker learns from the other spaces listed there, from labelled rows that are drawn anew, with
replacement, for every seed; without it, from those of the shipped model, the searched one left out. With
``--drop`` every seed leaves that part of the table's rows out, at random, never the best one; all strategies
get the same pool.

Prints means and spreads, and paired comparisons with the baselines; keeps one row per strategy, seed and
number of queries, and a plot of the regret beside it.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.express
import plotly.graph_objects
import torch

from contrastive_nas.evaluators.base import Evaluation, Evaluator
from contrastive_nas.evaluators.parameters import TrainingParameters
from contrastive_nas.evaluators.surrogate import SurrogateEvaluator
from contrastive_nas.evaluators.table import TableEvaluator
from contrastive_nas.evaluators.training import TrainingEvaluator
from contrastive_nas.progress import progress
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.encoder.pretraining import pretrain
from contrastive_nas.ranking.graph_source import SpaceSource
from contrastive_nas.ranking.parameters import PretrainParameters
from contrastive_nas.ranking.registry import create_ranker_with
from contrastive_nas.ranking.space_ranker import SpaceRanker
from contrastive_nas.ranking.transfer.labelled_tables import open_tables
from contrastive_nas.ranking.transfer.model import TransferModel
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import DEFAULT_RANKER, run_search
from contrastive_nas.search.strategy_registry import WITH_RANKER, list_strategies
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.costs import within_limits
from contrastive_nas.spaces.wrapped.pool import Pool
from shared import keep, means, model_of_others, names_among, numbers, paired, pool_without_some, read_rows

BASELINES = ("random", "regularized_evolution", "local_search", "tpe", "nsga2")
# Strategies that ask no ranker learn from every answer before they ask again.
WITHOUT_RANKER: dict[str, Any] = {"initial": 1, "batch": 1}
CURRICULUM = {"strategy": "curriculum", "initial": 10}
SELF_TRAINING = {"ranker": "comparator_self_training"}
# Searches that differ from a strategy's defaults: ranker, encoder pretrained on the space itself (``own``),
# and parameters of the search. Of the curriculum, one part is changed at a time.
VARIANTS: dict[str, dict[str, Any]] = {
    "default_random_start": {"strategy": "default", "initial": 10, "design": "random"},
    "stacked": {"strategy": "default", "ranker": "stacked"},
    # The default before rankers could learn from other spaces.
    "gaussian_process": {
        "strategy": "default", "ranker": "gaussian_process", "initial": 10, "together": False
    },
    "gaussian_process_together": {"strategy": "default", "ranker": "gaussian_process", "initial": 10},
    "curriculum": CURRICULUM | {"ranker": "gaussian_process"},
    "curriculum_fixed_baseline": CURRICULUM | {
        "ranker": "gaussian_process", "curriculum": {"baseline_every": None}
    },
    "curriculum_score_reward": CURRICULUM | {
        "ranker": "gaussian_process", "curriculum": {"reward": "score"}
    },
    "comparator_curriculum": CURRICULUM | SELF_TRAINING | {"own": True},
    "comparator_curriculum_no_pseudo_labels": CURRICULUM | {"ranker": "comparator", "own": True},
    "comparator_curriculum_fixed_baseline": CURRICULUM | SELF_TRAINING | {
        "own": True, "curriculum": {"baseline_every": None}
    },
    "comparator_curriculum_score_reward": CURRICULUM | SELF_TRAINING | {
        "own": True, "curriculum": {"reward": "score"}
    },
}  # fmt: skip
COLUMNS = [
    "space",
    "target",
    "strategy",
    "seed",
    "queries",
    "best_accuracy",
    "best_rank",
    "regret",
    "seconds",
]


@dataclass(frozen=True)
class Problem:
    """What is searched.

    Attributes:
        space: the whole space, or a pool.
        evaluator: gives labels.
        target: name of what counts.
        targets: its values for architectures.
        reference: its values for all rows of the table, among which a choice is ranked.
        sampled: the same with random networks of the space alone, which random search is content with.
    """

    space: SearchSpace
    evaluator: Evaluator
    target: str
    targets: Callable[[Sequence[Architecture]], np.ndarray]
    reference: np.ndarray
    sampled: "Problem | None" = None


def table_problem(space: SearchSpace, table: pd.DataFrame, target: str, label: str) -> Problem:
    """Labels and targets from columns of the table; a closed pool where it does not cover the space."""
    members = table["architecture"].tolist()
    truth = table.set_index("architecture")[target]
    return Problem(
        space=space if space.size == len(members) else Pool(space, members),
        evaluator=TableEvaluator(table, label),
        target=target,
        targets=lambda names: truth[list(names)].to_numpy(dtype=float),
        reference=truth.to_numpy(dtype=float),
    )


def surrogate_problem(space: SearchSpace, table: pd.DataFrame, target: str, label: str) -> Problem:
    """Labels and targets from models of the columns."""
    evaluator = SurrogateEvaluator(space, table, label, target)
    quality = evaluator.cross_validated(target)
    print(
        f"surrogate of {quality.rows} rows: tau {quality.kendall_tau:.3f}, noise {quality.noise:.3f} points"
    )
    reference = evaluator.predict(table["architecture"].tolist(), target)
    return Problem(space, evaluator, target, partial(evaluator.predict, column=target), reference)


def trained_problem(
    space: SearchSpace, table: pd.DataFrame, target: str, label: str, *, labels: Path
) -> Problem:
    """Labels from training on digits as the pipeline does; targets from training afresh."""
    evaluator = TrainingEvaluator(space.name, TrainingParameters(), labels=labels)
    known = table_problem(space, table, target, label)
    whole = replace(
        known,
        space=space,
        evaluator=evaluator,
        targets=lambda names: np.array([evaluator.final_accuracy(name) for name in names]),
    )
    return replace(whole, sampled=replace(whole, space=known.space, evaluator=known.evaluator))


def main() -> None:
    arguments = parse_arguments()
    # Several threads only get into each other's way on problems of this size.
    torch.set_num_threads(1)
    label = arguments.label_column or arguments.target
    space, table = read_rows(arguments.space, arguments.table, [arguments.target, label])
    trained = partial(trained_problem, labels=arguments.labels)
    make = {"surrogate": surrogate_problem, "trained": trained}.get(arguments.source, table_problem)
    if arguments.limits:
        # What is beyond the limits could not have been chosen; a surrogate learns from it all the same.
        allowed = within_limits(space, table["architecture"].tolist(), arguments.limits, table)
        print(f"{allowed.sum()} of {len(table)} rows are within the limits")
    problem = make(space, table, arguments.target, label)
    if arguments.limits:
        problem = replace(problem, reference=problem.reference[allowed])
    if arguments.drop and arguments.source:
        raise SystemExit("--drop is for pools: the whole space is searched here")
    with problem.evaluator:
        results = measure(problem, arguments)
    keep(results, arguments.output)
    figure = plot(results)
    figure.write_html(arguments.output.with_suffix(".html"), include_plotlyjs=True)
    print(summary(results))
    print(comparisons(results))
    print(f"kept in {arguments.output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", required=True, help="name, or file.py:Class")
    parser.add_argument("--table", required=True, type=Path, help="any file that ingestion reads")
    parser.add_argument("--target", required=True, help="column that counts")
    parser.add_argument("--label-column", help="column that a search sees; the target by default")
    source = parser.add_mutually_exclusive_group()
    add_source = partial(source.add_argument, dest="source", action="store_const")
    add_source("--surrogate", const="surrogate", help="search the whole space on a model of the table")
    add_source("--trained", const="trained", help="search the whole space, train every query on digits")
    parser.add_argument("--labels", type=Path, default=Path("labels"), help="folder that keeps trainings")
    parser.add_argument("--drop", type=float, default=0.0, help="part of the pool that every seed leaves out")
    parser.add_argument("--tables", type=Path, help="CSV of labelled spaces: space, file, column")
    parser.add_argument("--graphs", type=Path, default=Path("graphs"), help="folder that keeps their graphs")
    parser.add_argument("--limits", type=limits, default={}, help="the most of a cost: macs=3e8")
    parser.add_argument("--queries", type=numbers, default=numbers("20,40,60,90"))
    parser.add_argument("--seeds", type=numbers, default=list(range(20)))
    parser.add_argument("--strategies", type=strategies, default=strategies("default,random"))
    parser.add_argument("--output", required=True, type=Path, help="CSV file")
    return parser.parse_args()


def limits(text: str) -> dict[str, float]:
    return {name: float(most) for name, most in (part.split("=") for part in text.split(","))}


def strategies(text: str) -> list[str]:
    return names_among([*list_strategies(), *VARIANTS])(text)


def measure(whole: Problem, arguments: argparse.Namespace) -> pd.DataFrame:
    """One row per strategy, seed and number of queries."""
    tables = open_tables(arguments.tables, arguments.graphs) if arguments.tables else []
    spaces = [table.functions() for table in tables if table.name != whole.space.name]
    rows: list[dict[str, Any]] = []
    for seed in progress(arguments.seeds, "search"):
        problem = without_some(whole, arguments.drop, seed) if arguments.drop else whole
        rankers = Rankers(problem.space, model_of_others(spaces, whole.space.name, seed), seed)
        for name in arguments.strategies:
            rows += run(problem, name, seed, arguments.queries, rankers, arguments.limits)
            keep(finished(rows, whole), arguments.output)
    return finished(rows, whole)


def finished(rows: list[dict[str, Any]], problem: Problem) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    # What a search finds beyond the table is known to be possible too.
    best = max(problem.reference.max(), frame["best_accuracy"].max())
    kept = frame.assign(space=problem.space.name, target=problem.target, regret=best - frame["best_accuracy"])
    # Rounded, so that results from the file tie where they tied here.
    return kept[COLUMNS].round({"best_accuracy": 4, "regret": 4, "seconds": 3})


def without_some(problem: Problem, part: float, seed: int) -> Problem:
    """The problem on the pool of all rows but a random part, the best one always among them."""
    members = list(problem.space.enumerate())
    return replace(
        problem, space=pool_without_some(problem.space, members, problem.targets(members), part, seed)
    )


class Rankers:
    """The rankers of strategies for one seed; what does not depend on labels is made once for a pool."""

    def __init__(self, space: SearchSpace, model: TransferModel, seed: int) -> None:
        self._space, self._model, self._seed = space, model, seed
        self._shared = SpaceSource(space) if isinstance(space, Pool) else None
        self._features = {False: EncoderFeatures(), True: EncoderFeatures()}

    def of(self, changes: dict[str, Any]) -> SpaceRanker | str:
        """The ranker that a search asks, fresh."""
        if changes["strategy"] not in WITH_RANKER:
            return DEFAULT_RANKER
        name, own = changes.get("ranker", DEFAULT_RANKER), changes.get("own", False)
        features = self._features[own] if self._shared else EncoderFeatures(self._encoder if own else None)
        if own and self._shared:
            features = self._features[own] = EncoderFeatures(self._encoder)
        offered = {"model": lambda: self._model, "features": lambda: features, "space": lambda: self._space}
        ranker = create_ranker_with(name, offered)
        return SpaceRanker(ranker, self._space, seed=self._seed, source=self._shared)

    @cached_property
    def _encoder(self) -> Encoder:
        parameters = PretrainParameters()
        source = SpaceSource(self._space)
        source.rows(self._space.sample(np.random.default_rng(0), parameters.graphs))
        return pretrain(source, parameters, seed=0)[0]


def run(
    problem: Problem,
    name: str,
    seed: int,
    queries: Sequence[int],
    rankers: Rankers,
    limits: dict[str, float],
) -> list[dict[str, Any]]:
    """One search, read at several numbers of queries."""
    if name == "random" and problem.sampled:
        problem = problem.sampled
    changes = VARIANTS.get(name, {"strategy": name})
    if changes["strategy"] not in WITH_RANKER:
        changes = WITHOUT_RANKER | changes
    settings = {key: value for key, value in changes.items() if key not in ("ranker", "own")}
    parameters = SearchParameters(queries=max(queries), seed=seed, limits=limits, **settings)
    ranker = rankers.of(changes)
    clock = Clock(problem.evaluator)
    result = run_search(problem.space, clock, parameters, ranker=ranker)
    accuracies = result.history["accuracy"].to_numpy()
    chosen = [int(np.nanargmax(accuracies[:count])) for count in queries]
    found = problem.targets(result.history["architecture"].iloc[chosen].tolist())
    return [
        {
            "strategy": name,
            "seed": seed,
            "queries": count,
            "best_accuracy": value,
            "best_rank": 1 + int((problem.reference > value).sum()),
            "seconds": clock.seconds[min(count, len(clock.seconds)) - 1],
        }
        for count, value in zip(queries, found, strict=True)
    ]


class Clock(Evaluator):
    """Notes the processor seconds that a search has used when each query is answered."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.origin = evaluator.origin
        self.seconds: list[float] = []
        self._start = time.process_time()

    @property
    def identity(self) -> dict[str, Any]:
        return self.evaluator.identity

    def evaluate(self, architectures: Sequence[Architecture]) -> list[Evaluation]:
        self.seconds += [time.process_time() - self._start] * len(architectures)
        return self.evaluator.evaluate(architectures)


def summary(results: pd.DataFrame) -> str:
    """Means and spreads over seeds."""
    keys = ["queries", "strategy"]
    table = means(results, keys, ["best_accuracy", "best_rank", "regret", "seconds"])
    table["optimum found"] = (results["regret"] <= 0).groupby([results[key] for key in keys]).mean()
    return table.round(3).to_string()


def comparisons(results: pd.DataFrame) -> str:
    """Ours with every baseline, paired over seeds: mean difference, Wilcoxon's one-sided p both ways."""
    lines: list[dict[str, Any]] = []
    for count, at in results.groupby("queries"):
        found = at.pivot(index="seed", columns="strategy", values="best_accuracy")
        ours = [name for name in found.columns if name not in BASELINES]
        for name in ours:
            for baseline in found.columns.intersection(list(BASELINES)):
                difference = (found[name] - found[baseline]).to_numpy()
                lines.append(
                    {
                        "queries": count,
                        "strategy": name,
                        "baseline": baseline,
                        **paired(difference),
                    }
                )
    return pd.DataFrame(lines).to_string(index=False) if lines else "no baseline to compare with"


def plot(results: pd.DataFrame) -> plotly.graph_objects.Figure:
    """Mean regret against queries."""
    means = results.groupby(["strategy", "queries"], sort=False, as_index=False)["regret"].mean()
    title = (
        f"{results['space'].iloc[0]}, {results['target'].iloc[0]}, mean of {results['seed'].nunique()} seeds"
    )
    labels = {"regret": "regret, percentage points"}
    return plotly.express.line(means, x="queries", y="regret", color="strategy", title=title, labels=labels)


if __name__ == "__main__":
    main()
