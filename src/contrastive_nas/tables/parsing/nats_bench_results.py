"""One architecture's results as NAS-Bench-201 and NATS-Bench nest them, to columns of the tidy table.

The nesting: recipe (``less``/``12`` or ``full``/``200`` epochs), then ``all_results`` by (data set, seed),
then accuracies by ``<split>@<epoch>``.
"""

import math
from typing import Any

from contrastive_nas.tables.base import RowError

# Column: the data set as the benchmark trains it and its name of the split. CIFAR-10's test accuracy is that
# of training on all 50,000 images, its validation accuracy that of training on half of them.
_SPLITS = {
    "cifar10_valid": ("cifar10-valid", "x-valid"),
    "cifar10_test": ("cifar10", "ori-test"),
    "cifar100_valid": ("cifar100", "x-valid"),
    "cifar100_test": ("cifar100", "x-test"),
    "imagenet16_120_valid": ("ImageNet16-120", "x-valid"),
    "imagenet16_120_test": ("ImageNet16-120", "x-test"),
}
_EPOCHS_OF_RECIPE = {"less": 12, "full": 200}
FULL_EPOCHS = 200
# Costs are those of the network for ten classes.
_COST_DATASETS = ("cifar10-valid", "cifar10")


def columns(results: Any) -> dict[str, Any]:
    """Return the tidy columns of one architecture; a split that was not measured is absent.

    Raises:
        RowError: the nesting is not as published.
    """
    try:
        return _columns(results)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise RowError(f"not nested as published: {type(error).__name__} {str(error)[:200]}") from None


def _columns(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for recipe, state in results.items():
        epochs = _EPOCHS_OF_RECIPE.get(recipe) or int(recipe)
        suffix = "" if epochs == FULL_EPOCHS else f"_{epochs}_epochs"
        if row.setdefault("architecture", state["arch_str"]) != state["arch_str"]:
            raise RowError("two architectures in one entry")
        for name, (dataset, split) in _SPLITS.items():
            accuracy = _mean([_accuracy(trial, split) for trial in _trials(state, dataset)])
            if accuracy is not None:
                row[f"{name}_accuracy{suffix}"] = accuracy
        seconds = _mean([_training_seconds(trial) for trial in _trials(state, "cifar10-valid")])
        if seconds is not None:
            row[f"training_seconds{suffix}"] = seconds
        costs = [trial for dataset in _COST_DATASETS for trial in _trials(state, dataset)]
        for name, key in (("flops_millions", "flop"), ("params_millions", "params")):
            row.setdefault(name, _mean([trial[key] for trial in costs]))
    if not row:
        raise RowError("no results in it")
    return row


def _trials(state: dict[str, Any], dataset: str) -> list[dict[str, Any]]:
    return [state["all_results"][(dataset, seed)] for seed in state["dataset_seed"].get(dataset, ())]


def _accuracy(trial: dict[str, Any], split: str) -> float | None:
    return trial["eval_acc1es"].get(f"{split}@{trial['epochs'] - 1}")


def _training_seconds(trial: dict[str, Any]) -> float | None:
    times = trial.get("train_times")
    return math.fsum(times.values()) if isinstance(times, dict) and times else None


def _mean(measured: list[float | None]) -> float | None:
    values = [number for number in measured if number is not None]
    return math.fsum(values) / len(values) if values else None
