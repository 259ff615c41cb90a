"""How well the latencies of all networks on a device are predicted from a few that are measured there.

    python benchmarks/latency.py --space nasbench201 --table table.parquet --samples 10 --output results.csv

``--table`` is a CSV or Parquet file with the columns ``architecture`` and ``<device>_latency_milliseconds``.
Every device in turn is the new one. Known are the devices of ``--known``, another such file, or else the
other devices of the table; never the same device at another batch size (its name without ``_<number>`` at the
end), and with ``--classes`` none of its whole class. A seed draws the networks that may be measured. Methods:

- ``ours``: networks are chosen; other devices are known;
- ``ours_alone``: networks are chosen; no other device is known;
- ``lines``: Bayesian ridge on ten principal components of the log latencies of the known devices, from random
  networks; only where every network of the table is known;
- ``macs``, ``layers``: more multiply-accumulates, or convolutions and linear layers, take longer.

Prints means over devices, with the standard deviation of these means over seeds, and keeps one row per
device, method and seed: Spearman's rho, mean and median absolute percentage error and coverage of the 90 %
interval, all on the networks that were not measured, and seconds.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.linear_model import BayesianRidge

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.costs import graph_multiply_accumulates
from contrastive_nas.graphs.statistics.kinds import CONVOLUTIONS, kind_indicator
from contrastive_nas.latency.device_table import DeviceTable, device_of, read_device_table
from contrastive_nas.latency.predictor import LEAST_MEASURED, Descriptions, LatencyPredictor
from contrastive_nas.progress import progress
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.base import SearchSpace
from shared import file_of_results, names_among, numbers

METHODS = ("ours", "ours_alone", "lines", "macs", "layers")
SHOWN = ("rho", "mape", "median_ape", "coverage", "seconds")
# Networks that a user may have at hand to be measured.
CANDIDATES = 2000
COMPONENTS = 10
_CHUNK = 512


@dataclass(frozen=True, eq=False)
class Data:
    """What is measured, what is known, and how networks are described."""

    table: DeviceTable
    known: DeviceTable
    classes: dict[str, str]
    descriptions: Descriptions
    sizes: dict[str, np.ndarray]

    def known_for(self, device: str) -> DeviceTable | None:
        """What may be known where ``device`` is new."""
        return self.known.keep([name for name in self.known.devices if not self._related(name, device)])

    def _related(self, one: str, other: str) -> bool:
        if device_of(one) == device_of(other):
            return True
        return bool(self.classes) and self.classes[device_of(one)] == self.classes[device_of(other)]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Of all networks of the table: an order, and milliseconds with an interval where there are any."""

    measured: list[int]
    order: np.ndarray
    milliseconds: np.ndarray | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def main() -> None:
    arguments = parse_arguments()
    try:
        data = read_data(arguments)
        check_samples(arguments.samples, data.table)
    except InputError as error:
        raise SystemExit(f"error: {error}") from None
    output = file_of_results(arguments.output, "latency", numpy=np.__version__)
    runs = [
        (device, seed, method)
        for device in data.table.devices
        for seed in arguments.seeds
        for method in arguments.methods
        if possible(method, data, device)
    ]
    rows = []
    for device, seed, method in progress(runs, "latency"):
        rows.append(measure(data, device, seed, method, arguments.samples))
        pd.DataFrame(rows).to_csv(output, index=False)
    print(summary(pd.DataFrame(rows)).round(4).to_string())
    print(f"kept in {output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", required=True, help="name of a space, or file.py:Class")
    parser.add_argument("--table", required=True, type=Path, help="milliseconds, see above")
    parser.add_argument("--known", type=Path, help="milliseconds on known devices")
    parser.add_argument("--samples", type=int, default=10, help="networks that are measured")
    parser.add_argument("--seeds", type=numbers, default=numbers("0,1,2,3,4"))
    parser.add_argument("--methods", type=names_among(METHODS), default=list(METHODS))
    parser.add_argument(
        "--classes", nargs="+", default=[], metavar="CLASS=DEVICE,...", help="classes that are left out whole"
    )
    parser.add_argument("--output", required=True, type=Path)
    return parser.parse_args()


def read_data(arguments: argparse.Namespace) -> Data:
    space = load_space(arguments.space)
    table = read_device_table(arguments.table, space)
    known = table if arguments.known is None else read_device_table(arguments.known, space)
    devices = {device_of(name) for name in (*table.devices, *known.devices)}
    classes = read_classes(arguments.classes, devices)
    return Data(table, known, classes, Descriptions(space), sizes_of(space, table.architectures))


def read_classes(given: Sequence[str], devices: set[str]) -> dict[str, str]:
    """The class of each device, without its batch size; nothing where there are no classes.

    Raises:
        InputError: a text is no class, or a device is unknown, in two classes or in none.
    """
    found: dict[str, str] = {}
    for text in given:
        name, _, members = text.partition("=")
        if not (name and members):
            raise InputError(f"--classes {text!r} is not of the form CLASS=DEVICE,DEVICE,...")
        for member in map(device_of, members.split(",")):
            if member not in devices:
                raise InputError(f"--classes: no device {member!r}; there are {', '.join(sorted(devices))}")
            if found.setdefault(member, name) != name:
                raise InputError(f"--classes: {member} is in two classes, {found[member]} and {name}")
    missing = sorted(devices - set(found))
    if given and missing:
        raise InputError(f"--classes: {', '.join(missing)} in no class: name a class for each device")
    return found


def check_samples(samples: int, table: DeviceTable) -> None:
    """Raises InputError where so many cannot be measured on some device, or are too few to learn from."""
    if samples < LEAST_MEASURED:
        raise InputError(f"--samples {samples} is too few: at least {LEAST_MEASURED} networks are measured")
    for device in table.devices:
        there = int(np.isfinite(table.of(device)).sum())
        if samples + 2 > there:
            raise InputError(
                f"--samples {samples}: {device} has {there} measured networks, of which two or more are to "
                "be predicted"
            )


def sizes_of(space: SearchSpace, architectures: Sequence[str]) -> dict[str, np.ndarray]:
    """Multiply-accumulates and layers of every network."""
    macs, layers = [], []
    for start in range(0, len(architectures), _CHUNK):
        batch = space.graphs(architectures[start : start + _CHUNK])
        macs.append(graph_multiply_accumulates(batch))
        kinds = kind_indicator(batch.node_types, (*CONVOLUTIONS, "linear"))
        layers.append(np.bincount(batch.graph_ids, kinds[batch.type_ids], minlength=len(batch)))
    return {"macs": np.concatenate(macs), "layers": np.concatenate(layers)}


def possible(method: str, data: Data, device: str) -> bool:
    """Whether there are known devices for what needs them, of all networks for what cannot do otherwise."""
    if method not in ("ours", "lines"):
        return True
    known = data.known_for(device)
    if known is None or method == "ours":
        return known is not None
    return set(data.table.architectures) <= set(known.architectures) and bool(
        np.isfinite(known.milliseconds).all()
    )


def measure(data: Data, device: str, seed: int, method: str, samples: int) -> dict[str, object]:
    """One row of the results."""
    truth = data.table.of(device)
    there = np.flatnonzero(np.isfinite(truth))
    rng = np.random.default_rng(seed)
    candidates = rng.permutation(there)[:CANDIDATES]
    start = time.perf_counter()
    if method in data.sizes:
        found = Prediction([], data.sizes[method])
    elif method == "lines":
        found = predict_lines(data, device, truth, candidates[:samples].tolist())
    else:
        found = predict_ours(data, device, truth, candidates, samples, seed, alone=method == "ours_alone")
    seconds = time.perf_counter() - start
    rest = np.setdiff1d(there, found.measured)
    known = data.known_for(device) if method in ("ours", "lines") else None
    return {
        "device": device,
        "seed": seed,
        "method": method,
        "known_devices": 0 if known is None else len(known.devices),
        "measured": len(found.measured),
        **judged(found, truth, rest),
        "seconds": seconds,
    }


def predict_ours(
    data: Data,
    device: str,
    truth: np.ndarray,
    candidates: np.ndarray,
    samples: int,
    seed: int,
    *,
    alone: bool,
) -> Prediction:
    names = data.table.architectures
    known = None if alone else data.known_for(device)
    predictor = LatencyPredictor(data.descriptions, known, count=samples, seed=seed)
    chosen = predictor.choose([names[row] for row in candidates], samples)
    row_of = {names[row]: int(row) for row in candidates}
    measured = [row_of[name] for name in chosen]
    predictor.fit({names[row]: float(truth[row]) for row in measured})
    found = predictor.predict(names)
    return Prediction(measured, found.milliseconds, found.milliseconds, found.low, found.high)


def predict_lines(data: Data, device: str, truth: np.ndarray, measured: list[int]) -> Prediction:
    known = data.known_for(device)
    assert known is not None
    place = {name: row for row, name in enumerate(known.architectures)}
    logs = known.logs[[place[name] for name in data.table.architectures]]
    left, sizes, _ = np.linalg.svd(logs - logs.mean(axis=0), full_matrices=False)
    scores = (left * sizes)[:, :COMPONENTS]
    model = BayesianRidge().fit(scores[measured], np.log(truth[measured]))
    mean, deviation = model.predict(scores, return_std=True)
    reach = 1.6449 * deviation
    return Prediction(measured, mean, np.exp(mean), np.exp(mean - reach), np.exp(mean + reach))


def judged(found: Prediction, truth: np.ndarray, rest: np.ndarray) -> dict[str, float]:
    """How good a prediction is on the networks ``rest``."""
    quality = {"rho": float(spearmanr(found.order[rest], truth[rest]).statistic)}
    if found.milliseconds is None or found.low is None or found.high is None:
        return {**quality, "mape": np.nan, "median_ape": np.nan, "coverage": np.nan}
    errors = 100 * np.abs(found.milliseconds[rest] / truth[rest] - 1)
    inside = (found.low[rest] <= truth[rest]) & (truth[rest] <= found.high[rest])
    return {
        **quality,
        "mape": float(errors.mean()),
        "median_ape": float(np.median(errors)),
        "coverage": float(100 * inside.mean()),
    }


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Means over devices: mean and standard deviation over seeds."""
    by_seed = results.groupby(["method", "seed"], sort=False)[list(SHOWN)].mean()
    grouped = by_seed.groupby("method", sort=False).agg(["mean", "std"])
    grouped.columns = grouped.columns.map(" ".join)
    return grouped


if __name__ == "__main__":
    main()
