"""What short trainings gain where networks are really trained, at equal time of training.

    python benchmarks/fidelities_trained.py --images digits --minutes 0.5,1 --seeds 0,1,2 --output digits.csv
    python benchmarks/fidelities_trained.py --images cifar10 --minutes 2,4 --seeds 0,1,2 --output cifar10.csv

Both searches are ``run_search`` on ``compact_cnn`` with a budget in hours, which counts the processor time of
trainings: ``fidelities`` may train for a fraction of the epochs, ``default`` trains in full alone. The model
of other spaces is without the searched one. A network is chosen at every number of minutes, as the full
training with the highest validation accuracy that had ended by then (before the first one, of the longest
shorter training), and trained three times afresh with other seeds: ``test_accuracy`` is the mean.

``--images cifar10`` takes a folder with ``train.parquet`` and ``test.parquet`` (``--folder``). Ledgers and
trainings are kept in ``--work``: a program that was stopped goes on when it is started again. ``seconds`` is
the time on the clock that a search took, with all that it did beside trainings, where it was not stopped.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from contrastive_nas.evaluators.parameters import FidelityParameters, TrainingParameters
from contrastive_nas.evaluators.training import TrainingEvaluator
from contrastive_nas.search.parameters import BudgetParameters, SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.training.config import DataSettings
from shared import compared, keep, means, names_among, numbers

SPACE = "compact_cnn"
OURS = "fidelities"
ARMS = (OURS, "default", "random")
_MINUTES_AN_HOUR = 60.0


@dataclass(frozen=True)
class Problem:
    """Images, the full training, and a shorter one.

    Attributes:
        training: what a full training is.
        options: of the space.
        short: the shorter training.
    """

    training: TrainingParameters
    options: dict[str, object]
    short: FidelityParameters


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    problem = digits() if arguments.images == "digits" else cifar10(arguments.folder)
    rows = records(pd.read_csv(arguments.output)) if arguments.output.exists() else []
    for seed in arguments.seeds:
        for arm in arguments.arms:
            if not any(row["seed"] == seed and row["arm"] == arm for row in rows):
                rows += searched(problem, arm, seed, arguments)
                keep(pd.DataFrame(rows), arguments.output)
    results = pd.DataFrame(rows)
    print(means(results, ["minutes", "arm"], ["valid_accuracy", "test_accuracy", "networks", "seconds"]))
    print(compared(results, OURS, at="minutes", arm="arm", value="test_accuracy"))
    print(f"kept in {arguments.output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", choices=["digits", "cifar10"], default="digits")
    parser.add_argument("--folder", type=Path, default=Path("cifar10"), help="folder of the CIFAR-10 files")
    parser.add_argument("--minutes", type=minutes, default=[0.5, 1.0], help="of training, per search")
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2])
    parser.add_argument("--arms", type=names_among(ARMS), default=[OURS, "default"])
    parser.add_argument("--work", type=Path, default=Path("fidelities_trained"))
    parser.add_argument("--output", type=Path, required=True, help="CSV file, read and added to")
    return parser.parse_args()


def minutes(text: str) -> list[float]:
    return sorted(float(part) for part in text.split(","))


def digits() -> Problem:
    """Digits with the recipe of the table, a training of 5 epochs; the shorter one has 2."""
    training = TrainingParameters(seeds=(0,), workers=1)
    return Problem(training, {}, FidelityParameters(epochs=2))


def cifar10(folder: Path) -> Problem:
    """4,000 images of CIFAR-10 in 9 epochs; the shorter training has 3."""
    train, test = (str((folder / f"{part}.parquet").resolve()) for part in ("train", "test"))
    training = TrainingParameters(
        data=DataSettings(kind="parquet", name="cifar10", train=train, test=test, workers=0),
        train_images=4000,
        valid_images=1000,
        recipe="cifar10_fast",
        overrides={"epochs": 9},
        seeds=(0,),
        workers=1,
    )
    return Problem(training, {"input_shape": (3, 32, 32)}, FidelityParameters(epochs=3))


def searched(problem: Problem, arm: str, seed: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """What one search has found after every number of minutes."""
    evaluator = TrainingEvaluator(
        SPACE,
        problem.training,
        problem.options,
        labels=arguments.work / "labels",
        fidelities={"short": problem.short} if arm == OURS else {},
    )
    strategy = "random" if arm == "random" else "default"
    hours = arguments.minutes[-1] / _MINUTES_AN_HOUR
    parameters = SearchParameters(strategy=strategy, budget=BudgetParameters(hours=hours), seed=seed)
    with evaluator:
        started = time.monotonic()
        history = run_search(
            evaluator.space, evaluator, parameters, folder=arguments.work / "ledgers"
        ).history
        seconds = time.monotonic() - started
        found = chosen(history, arguments.minutes)
        targets = {name: evaluator.final_accuracy(name) for name in dict.fromkeys(found["architecture"])}
    found = found.assign(
        arm=arm,
        seed=seed,
        test_accuracy=found["architecture"].map(targets).round(4),
        seconds=round(seconds, 1),
    )
    return records(found)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def chosen(history: pd.DataFrame, moments: Sequence[float]) -> pd.DataFrame:
    """The network that is chosen when so many minutes of training are spent."""
    costs = history["cost"] if "cost" in history else pd.Series(1.0, index=history.index)
    spent = history["seconds"].cumsum() / 60
    rows = []
    for moment in moments:
        # The first training counts even if it takes longer.
        paid = history[(spent <= moment) | (history.index == history.index[0])]
        dearest = paid[costs[paid.index] == costs[paid.index].max()]
        best = dearest.loc[dearest["accuracy"].idxmax()]
        rows.append(
            {
                "minutes": moment,
                "architecture": best["architecture"],
                "valid_accuracy": round(float(best["accuracy"]), 4),
                "full_trainings": int((costs[paid.index] == 1).sum()),
                "networks": int(paid["architecture"].nunique()),
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
