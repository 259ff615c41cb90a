"""How good a front of accuracy and milliseconds is found on a device where networks have to be measured.

    python benchmarks/latency_search.py --space nasbench201 --table nasbench201.parquet \\
        --label cifar10_valid_accuracy --latency latency.parquet --device 1080ti_1 --limit 9 \\
        --tables tables.csv --queries 40,60 --seeds 0,1,2 --output results.csv

``--latency`` has the columns ``architecture`` and ``<device>_latency_milliseconds``. A search learns the
milliseconds of ten networks before it begins, and of every network that it asks for; it predicts all others,
helped by the other devices of the table (never by the same device at another batch size). Methods:

- ``default``: our search with the objective and the limit ``latency``;
- ``default_macs``: the same search with multiply-accumulates in place of milliseconds, and as its limit those
  that a straight line through the same ten networks gives for the limit in milliseconds;
- ``nsga2``, ``random``: with the objective and the limit ``latency``.

What counts are measured milliseconds: ``hypervolume`` is the share of the box from 0 to 100 percent and from
0 ms to the limit that the networks asked for dominate, ``best_accuracy`` the highest label within the limit,
``too_slow`` how many of the networks asked for are above it. ``--tables`` is as in ``benchmarks/search.py``.

Prints means with spreads and paired comparisons with ``default`` (Wilcoxon's signed-rank test, one-sided),
and keeps one row per method, seed and number of queries.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from contrastive_nas.evaluators.table import TableEvaluator
from contrastive_nas.graphs.costs import graph_multiply_accumulates
from contrastive_nas.latency.device_table import SUFFIX, device_of, read_device_table
from contrastive_nas.latency.measured import LatencyStore, MeasuredLatency
from contrastive_nas.latency.measuring import Measured, open_device
from contrastive_nas.latency.parameters import LATENCY, LatencyParameters
from contrastive_nas.progress import progress
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.graph_source import SpaceSource
from contrastive_nas.ranking.space_ranker import SpaceRanker
from contrastive_nas.ranking.transfer.labelled_tables import open_tables
from contrastive_nas.ranking.transfer.model import TransferModel
from contrastive_nas.ranking.transfer.ranker import TransferRanker
from contrastive_nas.search.front import hypervolume
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.spaces.wrapped.pool import Pool
from shared import compared, keep, means, model_of_others, names_among, numbers, read_rows

OURS = "default"
METHODS = (OURS, "default_macs", "nsga2", "random")
# Never run: every network of the table has been measured.
COMMAND = "measure {onnx}"


@dataclass(frozen=True)
class Setting:
    """What all searches share."""

    space: SearchSpace
    table: pd.DataFrame
    label: str
    milliseconds: dict[str, float]
    latency: LatencyParameters
    limit: float
    measured: Path
    source: SpaceSource
    features: EncoderFeatures


def main() -> None:
    arguments = parse_arguments()
    # Several threads only get into each other's way on problems of this size.
    torch.set_num_threads(1)
    tables = open_tables(arguments.tables, arguments.graphs) if arguments.tables else []
    with tempfile.TemporaryDirectory() as folder:
        setting = prepared(arguments, Path(folder))
        others = [one.functions() for one in tables if one.name != setting.space.name]
        rows: list[dict[str, Any]] = []
        for seed in progress(arguments.seeds, "searches"):
            model = model_of_others(others, setting.space.name, seed)
            for method in arguments.methods:
                rows += searched(setting, model, method, seed, arguments.queries)
                keep(pd.DataFrame(rows), arguments.output)
    results = pd.DataFrame(rows)
    shown = ["hypervolume", "best_accuracy", "too_slow", "seconds"]
    print(means(results, ["queries", "method"], shown).round(4).to_string())
    print(compared(results, OURS, at="queries", arm="method", value="hypervolume"))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", required=True, help="name, or file.py:Class")
    parser.add_argument("--table", required=True, type=Path, help="any file that ingestion reads")
    parser.add_argument("--label", required=True, help="column of accuracies that a search sees")
    parser.add_argument("--latency", required=True, type=Path, help="milliseconds of networks on devices")
    parser.add_argument("--device", required=True, help="the device that is searched for")
    parser.add_argument("--limit", required=True, type=float, help="in milliseconds")
    parser.add_argument("--tables", type=Path, help="CSV of labelled spaces: space, file, column")
    parser.add_argument("--graphs", type=Path, default=Path("graphs"), help="folder that keeps their graphs")
    parser.add_argument("--queries", type=numbers, default=numbers("40,60"))
    parser.add_argument("--seeds", type=numbers, default=list(range(20)))
    parser.add_argument("--methods", type=names_among(METHODS), default=list(METHODS))
    parser.add_argument("--output", required=True, type=Path, help="CSV file")
    return parser.parse_args()


def prepared(arguments: argparse.Namespace, folder: Path) -> Setting:
    """Keeps the latencies of the table as if all had been measured, and those of other devices in a table."""
    space, table = read_rows(arguments.space, arguments.table, [arguments.label])
    names = table["architecture"].tolist()
    whole = space if space.size == len(names) else Pool(space, names)
    devices = read_device_table(arguments.latency, space)
    found = dict(zip(devices.architectures, devices.of(arguments.device).tolist(), strict=True))
    others = [name for name in devices.devices if device_of(name) != device_of(arguments.device)]
    known = pd.read_parquet(arguments.latency)[["architecture", *(f"{name}{SUFFIX}" for name in others)]]
    known.to_parquet(folder / "known.parquet")
    latency = LatencyParameters(command=COMMAND, device=arguments.device, known=folder / "known.parquet")
    identity = {"space": whole.identity, "device": open_device(latency).identity}
    store = LatencyStore(folder, whole.name, identity)
    for name in progress(names, "keeping measured latencies"):
        store.add(name, Measured(found[name]))
    return Setting(
        whole,
        table,
        arguments.label,
        found,
        latency,
        arguments.limit,
        folder,
        SpaceSource(whole),
        EncoderFeatures(),
    )


def searched(
    setting: Setting, model: TransferModel, method: str, seed: int, queries: list[int]
) -> list[dict[str, Any]]:
    """What one method has found after so many queries."""
    cost, limit = LATENCY, setting.limit
    if method == "default_macs":
        cost, limit = "macs", stand_in(setting, seed)
    strategy = OURS if method == "default_macs" else method
    parameters = SearchParameters(
        strategy=strategy,
        queries=max(queries),
        seed=seed,
        objectives=(cost,),
        limits={cost: limit},
        latency=setting.latency,
    )
    ranker = SpaceRanker(
        TransferRanker(model, setting.features), setting.space, seed=seed, source=setting.source
    )
    evaluator = TableEvaluator(setting.table, setting.label)
    started = time.process_time()
    history = run_search(
        setting.space, evaluator, parameters, ranker=ranker, measured=setting.measured
    ).history
    seconds = time.process_time() - started
    return [
        {"method": method, "seed": seed, "queries": count, **front(setting, history.head(count))}
        | {"seconds": round(seconds, 1)}
        for count in queries
    ]


def stand_in(setting: Setting, seed: int) -> float:
    """Multiply-accumulates at the limit, by a straight line through the networks that are measured first."""
    latency = MeasuredLatency(setting.space, setting.latency, seed=seed, folder=setting.measured)
    latency.prepare()
    names = list(latency.measured)
    macs = graph_multiply_accumulates(setting.space.graphs(names))
    milliseconds = latency.measure(names)
    slope, start = np.polyfit(macs, milliseconds, 1)
    return max(float((setting.limit - start) / slope), float(macs.min()))


def front(setting: Setting, asked: pd.DataFrame) -> dict[str, float]:
    """How good the networks asked for are, by what they take on the device."""
    milliseconds = asked["architecture"].map(setting.milliseconds).to_numpy(dtype=float)
    accuracies = asked["accuracy"].to_numpy(dtype=float)
    within = milliseconds <= setting.limit
    volume = hypervolume(accuracies[within], milliseconds[within, None], np.array([setting.limit]))
    best = accuracies[within].max() if within.any() else np.nan
    return {
        "hypervolume": round(100 * volume, 4),
        "best_accuracy": round(float(best), 4),
        "too_slow": int((~within).sum()),
    }


if __name__ == "__main__":
    main()
