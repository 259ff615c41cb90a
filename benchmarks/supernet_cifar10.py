"""How well accuracies with a supernet's weights order MobileNetV3-like networks on CIFAR-10.

Networks of ``benchmarks/small_mobilenet.py`` are trained alone, twice each, on 5,000 images of CIFAR-10, and
scored on its test images. One supernet of each schedule is trained on the same images. Prints and keeps, per
schedule: Kendall's tau of the inherited accuracy on held-out training images with the accuracy of the
separate trainings, beside tau between the two trainings and tau of the multiply-accumulates alone; the same
among the middle half by multiply-accumulates; processor seconds. With ``--limit`` a search of 60 queries with
the supernet follows, and the network that it finds is trained like five random ones within the limit.

Trainings and supernets are kept in ``--work``: a run that was stopped continues.

    python benchmarks/supernet_cifar10.py --images ../shared/data/cifar10
"""

import argparse
import logging
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau

from contrastive_nas.evaluators.label_store import LabelStore
from contrastive_nas.evaluators.supernet import SupernetEvaluator
from contrastive_nas.graphs.costs import graph_multiply_accumulates
from contrastive_nas.progress import progress
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.base import Architecture
from contrastive_nas.spaces.costs import Costs
from contrastive_nas.spaces.wrapped.limited import LimitedSpace
from contrastive_nas.training.config import ShortSettings
from contrastive_nas.training.seeding import seed_generators
from contrastive_nas.training.short import ShortScore, ShortTraining, training_identity
from contrastive_nas.training.supernet.config import SupernetSettings
from contrastive_nas.training.supernet.inherited import InheritedNetworks
from contrastive_nas.training.supernet.run import WEIGHTS, train_supernet
from shared import PROJECT, keep

SPACE = f"{PROJECT / 'benchmarks' / 'small_mobilenet.py'}:SmallMobileNetV3"
RESULTS = PROJECT / "benchmarks" / "results"
# Both trainings of a network: weights, order of images, augmentation.
SEEDS = (0, 1)
Numbers = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of train.parquet and test.parquet")
    parser.add_argument("--networks", type=int, default=42, help="random networks")
    parser.add_argument("--epochs", type=int, default=4, help="of a training of one network")
    parser.add_argument("--schedules", default="sandwich,progressive")
    parser.add_argument("--supernet-epochs", type=int, default=20)
    parser.add_argument("--shrinking-epochs", type=int, default=8)
    parser.add_argument("--limit", type=float, help="multiply-accumulates of a search")
    parser.add_argument("--work", type=Path, default=Path("supernet_cifar10"))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    space = load_space(SPACE)
    networks = list(space.sample(np.random.default_rng(0), options.networks))
    trainings = _Trainings(options)
    rows = pd.DataFrame({"architecture": networks, "macs": _macs(networks)})
    scores = trainings.scores(networks)
    rows[_named("trained")] = [[each.test_accuracy for each in both] for both in scores]
    rows[_named("seconds")] = [[round(each.seconds, 2) for each in both] for both in scores]
    found = []
    for schedule in options.schedules.split(","):
        training = _train_supernet(schedule, options)
        own, mixture, seconds = _inherited(networks, _folder(schedule, options) / WEIGHTS)
        rows[f"{schedule}_own_statistics"], rows[f"{schedule}_mixed_statistics"] = own, mixture
        found.append(
            {
                "schedule": schedule,
                "networks": len(networks),
                "epochs_of_a_training": options.epochs,
                "seconds_of_a_training": round(float(rows[_named("seconds")].to_numpy().mean()), 1),
                "supernet_seconds": round(training, 1),
                "seconds_per_network": round(seconds, 3),
                "mean_trained_accuracy": round(float(rows[_named("trained")].to_numpy().mean()), 2),
                "mean_inherited_accuracy": round(float(np.mean(own)), 2),
                **_taus(rows, own, mixture),
                **(_searched(schedule, trainings, options) if options.limit else {}),
            }
        )
        keep(rows, RESULTS / "supernet_cifar10_networks.csv")
        keep(pd.DataFrame(found), RESULTS / "supernet_cifar10.csv")
    print(pd.DataFrame(found).T.to_string(header=False))


def _named(what: str) -> list[str]:
    return [f"{what}_{seed}" for seed in SEEDS]


def _taus(rows: pd.DataFrame, own: Numbers, mixture: Numbers) -> dict[str, float]:
    """Kendall's tau with the mean of both trainings, and its mean over one training each."""
    each = [rows[name].to_numpy() for name in _named("trained")]
    macs = rows["macs"].to_numpy()
    low, high = np.quantile(macs, [0.25, 0.75])
    parts = {"": np.ones(len(macs), dtype=bool), "middle_": (macs >= low) & (macs <= high)}
    found = {}
    for part, chosen in parts.items():
        truth = [one[chosen] for one in each]
        found[f"{part}tau_between_trainings"] = _tau(*truth)
        for name, values in (("own_statistics", own), ("mixed_statistics", mixture), ("macs", macs)):
            found[f"{part}tau_{name}"] = _tau(values[chosen], np.mean(truth, axis=0))
            singly = [_tau(values[chosen], one) for one in truth]
            found[f"{part}tau_{name}_one_training"] = round(float(np.mean(singly)), 3)
    return found


def _tau(one: Numbers, other: Numbers) -> float:
    return round(float(kendalltau(one, other).statistic), 3)


def _macs(networks: list[Architecture]) -> Numbers:
    return np.asarray(graph_multiply_accumulates(load_space(SPACE).graphs(networks)), dtype=float)


def _images(options: argparse.Namespace) -> dict[str, Any]:
    """The same training images and held-out images for all."""
    files = {part: str(options.images / f"{part}.parquet") for part in ("train", "test")}
    return {
        "data": {"kind": "parquet", "name": "CIFAR10", "workers": 0, **files},
        "train_images": 5000,
        "valid_images": 2000,
        "recipe": "cifar10_fast",
    }


def _recipe(epochs: int, warmup: float) -> dict[str, Any]:
    return {
        "epochs": epochs,
        "batch_size": 64,
        "optimizer": {"learning_rate": 0.1, "reference_batch": None},
        "schedule": {"warmup_epochs": warmup},
    }


class _Trainings:
    """Separate trainings of networks, each kept."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._space = load_space(SPACE)
        overrides = _recipe(options.epochs, options.epochs / 4) | {"settle_statistics": True}
        self._settings = ShortSettings(**_images(options), overrides=overrides)
        how = {"space": self._space.identity, **training_identity(self._settings)}
        self._store = LabelStore(options.work / "labels", self._space.name, how)

    @cached_property
    def _training(self) -> ShortTraining:
        channels, size, _ = self._space.input_shape
        return ShortTraining(self._settings, channels, size, classes=10)

    def scores(self, networks: list[Architecture]) -> list[list[ShortScore]]:
        """Both trainings of every network."""
        return [
            [self._score(network, seed) for seed in SEEDS]
            for network in progress(networks, "networks trained", len(networks))
        ]

    def _score(self, network: Architecture, seed: int) -> ShortScore:
        known = self._store.find(network, seed)
        if known is None:
            seed_generators("weights", seed)
            known = self._training(self._space.build(network), seed)
            self._store.add(network, seed, known)
        return known


def _folder(schedule: str, options: argparse.Namespace) -> Path:
    return Path(options.work) / f"{schedule}-{options.supernet_epochs}-{options.shrinking_epochs}"


def _train_supernet(schedule: str, options: argparse.Namespace) -> float:
    """Trains it unless that is done; gives processor seconds."""
    folder = _folder(schedule, options)
    took = folder / "seconds.txt"
    if not took.exists():
        started = time.process_time()
        settings = SupernetSettings.model_validate(
            {
                "space": SPACE,
                **_images(options),
                "overrides": _recipe(options.supernet_epochs, 2.0),
                "schedule": schedule,
                "shrinking_epochs": options.shrinking_epochs,
                "output": folder,
                "device": "cpu",
                "test_every": options.supernet_epochs,
                "checkpoint_seconds": 60.0,
            }
        )
        train_supernet(settings)
        took.write_text(f"{time.process_time() - started:.1f}", encoding="utf-8")
    return float(took.read_text(encoding="utf-8"))


def _inherited(networks: list[Architecture], weights: Path) -> tuple[Numbers, Numbers, float]:
    """Accuracies with own statistics and with those of the mixture, and seconds of one of the former."""
    supernet = InheritedNetworks(weights, device="cpu")
    supernet.valid_accuracy(networks[0])  # decodes the images
    started = time.process_time()
    own = [supernet.valid_accuracy(network) for network in progress(networks, "networks", len(networks))]
    seconds = (time.process_time() - started) / len(networks)
    mixture = [supernet.valid_accuracy(network, own_statistics=False) for network in networks]
    return np.array(own), np.array(mixture), seconds


def _searched(schedule: str, trainings: _Trainings, options: argparse.Namespace) -> dict[str, Any]:
    """Test accuracy of trainings of what a search finds within a limit, beside random networks within it."""
    space = load_space(SPACE)
    evaluator = SupernetEvaluator(space, _folder(schedule, options) / WEIGHTS, device="cpu")
    parameters = SearchParameters(queries=60, limits={"macs": options.limit})
    found = run_search(space, evaluator, parameters)
    limited = LimitedSpace(space, Costs(space, ["macs"]), [options.limit])
    others = list(limited.sample(np.random.default_rng(1), 5))
    scores = trainings.scores([found.best_architecture, *others])
    chosen, *random = [np.mean([each.test_accuracy or 0.0 for each in both]) for both in scores]
    return {
        "limit": options.limit,
        "chosen": found.best_architecture,
        "chosen_macs": int(_macs([found.best_architecture])[0]),
        "chosen_accuracy": round(float(chosen), 2),
        "random_mean_accuracy": round(float(np.mean(random)), 2),
        "random_deviation": round(float(np.std(random, ddof=1)), 2),
    }


if __name__ == "__main__":
    main()
