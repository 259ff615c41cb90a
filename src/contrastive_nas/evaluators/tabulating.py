"""A tabular benchmark, made by training the networks of a space."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.evaluators.training import TrainingEvaluator
from contrastive_nas.evaluators.workers import TrainedScores
from contrastive_nas.graphs.canonical_form.canonical import canonical_batch, sharing_keys
from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_parameters
from contrastive_nas.progress import progress
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.training.short import ShortScore

_DRAWN_AT_ONCE = 1000
_DRAWS_WITHOUT_NEWS = 20


def draw_functions(space: SearchSpace, count: int, seed: int) -> list[Architecture]:
    """Return up to ``count`` random architectures of different functions, in the order they were drawn."""
    rng = np.random.default_rng(seed)
    found: dict[int, Architecture] = {}
    idle = 0
    while len(found) < count and idle < _DRAWS_WITHOUT_NEWS:
        drawn = space.sample(rng, _DRAWN_AT_ONCE)
        before = len(found)
        for function, architecture in zip(
            sharing_keys(space.graphs(drawn), drawn).tolist(), drawn, strict=True
        ):
            found.setdefault(function, architecture)
        idle = idle + 1 if len(found) == before else 0
    return list(found.values())[:count]


def measure_all(
    evaluator: TrainingEvaluator,
    architectures: list[Architecture],
    checkpoints: Checkpoints,
    seeds: tuple[int, ...] | None = None,
) -> list[TrainedScores]:
    """Train every architecture; a killed run loses what was trained since the last checkpoint.

    Args:
        evaluator: trains.
        architectures: in this order.
        checkpoints: of this work alone.
        seeds: one training each; those of the evaluator unless given.
    """
    state = checkpoints.load()
    done = [_trained(saved) for saved in state or []]
    names = [one.architecture for one in done]
    if names != architectures[: len(done)]:
        done = []
    rest = evaluator.measure(architectures[len(done) :], seeds)
    shown: Iterator[TrainedScores] = progress(rest, "training networks", len(architectures) - len(done))
    for one in shown:
        done.append(one)
        checkpoints.save_if_due(lambda: [asdict(one) for one in done])
    checkpoints.save([asdict(one) for one in done])
    return done


def tabulate(space: SearchSpace, dataset: str, trained: list[TrainedScores]) -> pd.DataFrame:
    """Return the tidy table of trainings: means, accuracies and processor seconds of each, and what a
    network costs.

    Columns: ``architecture``, ``<dataset>_valid_accuracy`` and ``<dataset>_test_accuracy`` (means, percent),
    ``valid_<n>`` and ``test_<n>`` of training n, ``seconds`` (processor seconds of all trainings),
    ``macs``, ``parameters``. Networks that failed are left out.
    """
    usable = [one for one in trained if not one.error]
    batch = canonical_batch(space.graphs([one.architecture for one in usable]))
    table = pd.DataFrame(
        {
            "architecture": [one.architecture for one in usable],
            f"{dataset}_valid_accuracy": [one.valid_accuracy for one in usable],
            f"{dataset}_test_accuracy": [one.test_accuracy for one in usable],
        }
    )
    for part in ("valid", "test"):
        values = np.array([[getattr(score, f"{part}_accuracy") for score in one.scores] for one in usable])
        for number, column in enumerate(values.T):
            table[f"{part}_{number}"] = column.astype(np.float32)
    table["seconds"] = np.array([one.seconds for one in usable], dtype=np.float32).round(3)
    table["macs"] = graph_multiply_accumulates(batch)
    table["parameters"] = graph_parameters(batch)
    return table


def repeatability(trained: list[TrainedScores], repeated: list[TrainedScores]) -> dict[str, Any]:
    """Return Kendall's tau of test accuracies between two single trainings and between two means of several.

    Args:
        trained: of all networks; what compares seeds is None where there is one training each.
        repeated: of the first of these networks, with other seeds.
    """
    usable = [one for one in trained if not one.error]
    singles = np.array([[score.test_accuracy for score in one.scores[:2]] for one in usable])
    pairs = [
        (one.test_accuracy, other.test_accuracy)
        for one, other in zip(trained, repeated, strict=False)
        if not (one.error or other.error)
    ]
    means = np.array(pairs).reshape(-1, 2)
    best = singles.mean(axis=1) >= np.quantile(singles.mean(axis=1), 0.75)
    repeats = singles.shape[1] > 1
    return {
        "networks": len(usable),
        "failed": len(trained) - len(usable),
        "tau_between_seeds": kendall_tau(singles[:, 0], singles[:, 1]) if repeats else None,
        "tau_between_seeds_best_quarter": kendall_tau(singles[best, 0], singles[best, 1])
        if repeats
        else None,
        "repeated_networks": len(means),
        "tau_between_means": kendall_tau(means[:, 0], means[:, 1]) if len(means) > 1 else None,
        "test_accuracy_quantiles": np.quantile(
            [one.test_accuracy for one in usable], [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]
        ).tolist(),
        "seconds_per_training": float(np.mean([score.seconds for one in usable for score in one.scores])),
    }


def _trained(saved: dict[str, Any]) -> TrainedScores:
    return TrainedScores(**saved | {"scores": tuple(ShortScore(**score) for score in saved["scores"])})
