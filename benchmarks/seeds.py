"""Repeats an experiment over seeds and compares it with random search: means, spreads, a paired test.

    python benchmarks/seeds.py --env base --seeds 1,2,3 --output benchmarks/results/FILE.csv

Every seed runs the whole chain up to the search. Random search draws as many rows of the experiment's table
with the same seed and chooses by the same label. Where queries are trained, both chosen networks are trained
afresh with the experiment's final seeds. Run it in the project's folder.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from scipy.stats import wilcoxon

from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.evaluators.registry import open_evaluator
from contrastive_nas.pipelines.experiment import SpaceParameters, TargetParameters
from contrastive_nas.pipelines.search.parameters import SearchStageParameters

METRICS = ("kendall_tau", "spearman_rho", "kendall_tau_before_augmentation", "pseudo_label_accuracy")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default="base")
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    bootstrap_project(Path.cwd())
    rows = []
    for seed in map(int, arguments.seeds.split(",")):
        rows.append(run(arguments.env, seed))
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(arguments.output, index=False)
        print(rows[-1], flush=True)
    report(pd.DataFrame(rows))


def run(environment: str, seed: int) -> dict[str, Any]:
    """One row: what the search found, what random search found, the comparator's ranking quality."""
    with KedroSession.create(env=environment, runtime_params={"seed": seed}) as session:
        session.run(pipeline_names=["search"])
    with KedroSession.create(env=environment, runtime_params={"seed": seed}) as session:
        context = session.load_context()
        summary = context.catalog.load("search_summary")
        metrics = context.catalog.load("comparator_metrics")
        table = context.catalog.load("table")
        parameters = context.params
    chosen = random_choice(table, summary["queries"], seed, parameters["target"])
    kept = ("queries", "best_valid_accuracy", "best_test_accuracy", "best_rank", "random_best_test_accuracy")
    return {
        "experiment": environment,
        "strategy": summary["strategy"],
        "seed": seed,
        **{name: summary[name] for name in kept},
        "random_search_test_accuracy": test_accuracy(chosen, table, parameters),
        "labels": metrics["labels"],
        **{name: metrics[name] for name in METRICS},
    }


def random_choice(table: pd.DataFrame, queries: int, seed: int, target: Any) -> str:
    """What random search with this seed chooses."""
    target = TargetParameters.model_validate(target, from_attributes=True)
    drawn = table.iloc[np.random.default_rng([seed, 1]).choice(len(table), queries, replace=False)]
    return str(drawn.loc[drawn[target.label].idxmax(), "architecture"])


def test_accuracy(architecture: str, table: pd.DataFrame, parameters: Any) -> float:
    """As the search stage reports it."""
    space = SpaceParameters.model_validate(parameters["space"], from_attributes=True)
    search = SearchStageParameters.model_validate(parameters["search"], from_attributes=True)
    target = TargetParameters.model_validate(parameters["target"], from_attributes=True)
    evaluator = EvaluatorParameters.model_validate(parameters["evaluator"], from_attributes=True)
    known = space.name, space.options, table, target.label, target.test
    with open_evaluator(evaluator, *known, final_seeds=search.final_seeds) as source:
        return source.final_accuracy(architecture)


def report(rows: pd.DataFrame) -> None:
    """Prints means, standard deviations and the one-sided Wilcoxon test of ours against random search."""
    names = ["best_test_accuracy", "random_search_test_accuracy", "best_rank", "labels", *METRICS]
    print(rows[names].astype(float).agg(["mean", "std", "min", "max"]).round(4).T.to_string())
    gains = rows["best_test_accuracy"] - rows["random_search_test_accuracy"]
    if (gains != 0).any():
        test = wilcoxon(gains, alternative="greater")
        print(f"ours minus random: mean {gains.mean():.3f}, Wilcoxon one-sided p = {test.pvalue:.4f}")


if __name__ == "__main__":
    main()
