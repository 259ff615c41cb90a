"""Makes the nested results of NAS-Bench-201 and NATS-Bench as their own code makes them (``state_dict``)."""

import bz2
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

ARCHITECTURES = [
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
    "|none~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|none~1|avg_pool_3x3~2|",
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
]
SPLITS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}
SEEDS = {
    "cifar10-valid": (777, 888, 999),
    "cifar10": (777, 888),
    "cifar100": (777,),
    "ImageNet16-120": (777, 888),
}
COLUMNS = {
    "cifar10_valid": ("cifar10-valid", "x-valid"),
    "cifar10_test": ("cifar10", "ori-test"),
    "cifar100_valid": ("cifar100", "x-valid"),
    "cifar100_test": ("cifar100", "x-test"),
    "imagenet16_120_valid": ("ImageNet16-120", "x-valid"),
    "imagenet16_120_test": ("ImageNet16-120", "x-test"),
}


def accuracy(index: int, dataset: str, split: str, seed: int, epochs: int, epoch: int) -> float:
    """Some number of its own for every measurement."""
    spread = 3 * index + 2 * list(SPLITS).index(dataset) + len(split) + seed / 1000
    return 20.0 + spread + 30.0 * (epoch + 1) / 200 + (5 if epochs == 200 else 0)


def expected(index: int, column: str, epochs: int) -> float:
    dataset, split = COLUMNS[column]
    return float(np.mean([accuracy(index, dataset, split, s, epochs, epochs - 1) for s in SEEDS[dataset]]))


def trial(index: int, dataset: str, seed: int, epochs: int, weights: Any) -> dict[str, Any]:
    keys = [f"{split}@{epoch}" for split in SPLITS[dataset] for epoch in range(epochs)]
    values = {
        key: accuracy(index, dataset, key.split("@")[0], seed, epochs, int(key.split("@")[1])) for key in keys
    }
    return {
        "name": "infer.tiny",
        "net_state_dict": weights,
        "train_acc1es": {epoch: 50.0 + epoch / 10 for epoch in range(epochs)},
        "train_acc5es": dict.fromkeys(range(epochs), 90.0),
        "train_losses": {epoch: 1.0 / (epoch + 1) for epoch in range(epochs)},
        "train_times": OrderedDict((epoch, 2.5) for epoch in range(epochs)),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": ARCHITECTURES[index], "class_num": 10},
        "params": 0.5 + index,
        "flop": np.float64(15.25 + index),
        "seed": seed,
        "epochs": epochs,
        "latency": [0.01, 0.02],
        "eval_names": list(SPLITS[dataset]),
        "eval_acc1es": values,
        "eval_losses": dict.fromkeys(keys, 0.5),
        "eval_times": dict.fromkeys(keys, 0.1),
    }


def state(index: int, epochs: int, weights: Any = None) -> dict[str, Any]:
    return {
        "arch_index": index,
        "arch_str": ARCHITECTURES[index],
        "all_results": {
            (dataset, seed): trial(index, dataset, seed, epochs, weights)
            for dataset, seeds in SEEDS.items()
            for seed in seeds
        },
        "dataset_seed": {dataset: list(seeds) for dataset, seeds in SEEDS.items()},
        "clear_net_done": weights is None,
    }


def architecture(index: int, recipes: dict[str, int], weights: Any = None) -> dict[str, Any]:
    return OrderedDict((recipe, state(index, epochs, weights)) for recipe, epochs in recipes.items())


def everything(recipes: dict[str, int], count: int = 3) -> dict[str, Any]:
    return {
        "meta_archs": ARCHITECTURES[:count],
        "total_archs": count,
        "arch2infos": {index: architecture(index, recipes) for index in range(count)},
        "evaluated_indexes": set(range(count)),
    }


NATS = {"12": 12, "200": 200}
FIRST = {"less": 12, "full": 200}


def write_compressed(content: Any, path: Path, protocol: int = 4) -> Path:
    with bz2.open(path, "wb") as stream:
        pickle.dump(content, stream, protocol=protocol)
    return path


def write_folder(folder: Path, weights: Any = None) -> Path:
    folder.mkdir()
    write_compressed({"meta_archs": ARCHITECTURES}, folder / "meta.pickle.pbz2")
    for index in range(len(ARCHITECTURES)):
        write_compressed(architecture(index, NATS, weights), folder / f"{index:06d}.pickle.pbz2")
    return folder
