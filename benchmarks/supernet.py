"""How well accuracies with a supernet's weights order the networks of ``compact_cnn`` on digits.

Prints and keeps, per schedule and seed: Kendall's tau of inherited accuracy with the test accuracy of the
committed table, with statistics of batch norm that each network takes anew and with those of the mixture,
beside tau of the multiply-accumulates alone and of the table's own validation accuracy (the mean of three
trainings); the same among the middle half by multiply-accumulates; seconds per network.

    python benchmarks/supernet.py --rows 500 --schedules sandwich,progressive --seeds 0
"""

import argparse
import json
import logging
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from contrastive_nas.graphs.costs import graph_multiply_accumulates
from contrastive_nas.progress import progress
from contrastive_nas.spaces import load_space
from contrastive_nas.training.supernet.config import SupernetSettings
from contrastive_nas.training.supernet.inherited import InheritedNetworks
from contrastive_nas.training.supernet.run import WEIGHTS, train_supernet

PROJECT = Path(__file__).parents[1]
TABLE = PROJECT / "data" / "01_raw" / "compact_cnn_digits.parquet"
RESULTS = PROJECT / "benchmarks" / "results" / "supernet_digits.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500, help="rows of the table, drawn at random")
    parser.add_argument("--schedules", default="sandwich,progressive")
    parser.add_argument("--seeds", default="0", help="of the supernets")
    parser.add_argument("--epochs", type=int, default=40, help="of the first phase, or of the only one")
    parser.add_argument("--shrinking-epochs", type=int, default=10)
    parser.add_argument("--settings", type=json.loads, default={}, help="of the supernet, as JSON")
    parser.add_argument("--choose", action="store_true", help="on rows that are never reported")
    parser.add_argument("--output", type=Path, default=RESULTS, help="CSV file of the results")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    mixed = pd.read_parquet(TABLE).sample(frac=1, random_state=0)
    rows = mixed.tail(options.rows) if options.choose else mixed.head(options.rows)
    found = []
    for schedule in options.schedules.split(","):
        for seed in map(int, options.seeds.split(",")):
            found.append(_measure(rows, schedule, seed, options))
            table = pd.DataFrame(found)
            table.to_csv(options.output, index=False)
            print(table.T.to_string(header=False), flush=True)


def _measure(rows: pd.DataFrame, schedule: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        settings = SupernetSettings.model_validate(
            {
                "space": "compact_cnn",
                "data": {"kind": "digits", "name": "digits", "workers": 0},
                "schedule": schedule,
                "overrides": {"epochs": options.epochs, "schedule": {"warmup_epochs": 1}},
                "shrinking_epochs": options.shrinking_epochs,
                "output": Path(folder),
                "seed": seed,
                "device": "cpu",
                "test_every": options.epochs,
                **options.settings,
            }
        )
        started = time.process_time()
        train_supernet(settings)
        training = time.process_time() - started
        networks = InheritedNetworks(Path(folder) / WEIGHTS, device="cpu")
    own, mixture, seconds = [], [], []
    for architecture in progress(rows["architecture"].tolist(), "networks", len(rows)):
        started = time.process_time()
        own.append(networks.valid_accuracy(architecture))
        seconds.append(time.process_time() - started)
        mixture.append(networks.valid_accuracy(architecture, own_statistics=False))
    graphs = load_space("compact_cnn").graphs(rows["architecture"].tolist())
    macs = graph_multiply_accumulates(graphs)
    truth = rows["digits_test_accuracy"].to_numpy()
    low, high = np.quantile(macs, [0.25, 0.75])
    middle = (macs >= low) & (macs <= high)
    known = {
        "own_statistics": np.array(own),
        "mixed_statistics": np.array(mixture),
        "macs": macs,
        "trained_validation": rows["digits_valid_accuracy"].to_numpy(),
    }
    whole = {f"tau_{name}": _tau(values, truth) for name, values in known.items()}
    part = {f"middle_tau_{name}": _tau(values[middle], truth[middle]) for name, values in known.items()}
    return {
        "schedule": schedule,
        "settings": json.dumps(options.settings),
        "seed": seed,
        "rows": len(rows),
        "epochs": options.epochs,
        "shrinking_epochs": options.shrinking_epochs if schedule == "progressive" else 0,
        "training_seconds": round(training, 1),
        "seconds_per_network": round(float(np.mean(seconds)), 4),
        "mean_inherited_accuracy": round(float(np.mean(own)), 2),
        **whole,
        **part,
    }


def _tau(values: np.ndarray, truth: np.ndarray) -> float:
    return round(float(kendalltau(values, truth).statistic), 3)


if __name__ == "__main__":
    main()
