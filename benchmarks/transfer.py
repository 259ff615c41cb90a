"""How well a space is ranked, with none or few of its labels, by what other spaces taught.

    python benchmarks/transfer.py --tables tables.csv --targets nasbench201 --output results.csv

``--tables`` is a CSV with the columns space, file (any that ingestion reads; relative to the CSV) and column
(an accuracy). Every target in turn is left out: the model learns from comparisons within each of the other
spaces; of the target it sees the graphs, and as many labels as are said. Prints means and standard deviations
over seeds, and keeps one row per target, method, number of labels and seed. Where ``--output`` is a folder,
the file is named after hardware and versions.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import scipy

from contrastive_nas.progress import progress
from contrastive_nas.ranking.base import Ranker
from contrastive_nas.ranking.calibration import reliability
from contrastive_nas.ranking.quality import labelled_rows, ranking_quality
from contrastive_nas.ranking.registry import create_ranker_with
from contrastive_nas.ranking.transfer.labelled_tables import LabelledTable, open_tables
from contrastive_nas.ranking.transfer.model import TransferModel, fit_transfer
from contrastive_nas.ranking.transfer.space_scale import SpaceScale
from contrastive_nas.ranking.zero_cost.table import ProxyTable
from shared import file_of_results, means, names_among, numbers

KEYS = ["space", "target", "labels", "method"]
SHOWN = ["kendall_tau", "kendall_tau_unseen_functions", "spearman_rho"]
# What ranks without a label of the target, and what learns from them.
UNLABELLED = ("macs", "parameters", "transfer", "az_nas", "stacked_and_az_nas")
LABELLED = ("trees", "comparator", "stacked", "kriging", "transfer")
METHODS = (*dict.fromkeys([*UNLABELLED, *LABELLED]),)
# The others build and run every network, which takes a second each.
QUICK = tuple(name for name in METHODS if "az_nas" not in name)


def main() -> None:
    arguments = parse_arguments()
    tables = open_tables(arguments.tables, arguments.graphs)
    spaces = [table.functions() for table in tables]
    targets = [table.part(arguments.rows) for table in tables if table.space.name in arguments.targets]
    models = {}
    for table in targets:
        name = table.space.name
        models[name] = fit_transfer([space for space in spaces if space.name != name])
        print(description(models[name], table), flush=True)
    proxies = {table.space.name: ProxyTable(table.space, arguments.proxies) for table in targets}
    output = file_of_results(arguments.output, "transfer", numpy=np.__version__, scipy=scipy.__version__)
    rows: list[dict[str, object]] = []
    runs = [
        (count, table, method)
        for count in arguments.labels
        for table in targets
        for method in arguments.methods
    ]
    for count, table, method in progress(runs, "transfer"):
        if method in (LABELLED if count else UNLABELLED):
            ranker = make(method, table, models[table.space.name], proxies[table.space.name])
            rows += measure(table, ranker, method, count, arguments.seeds)
            pd.DataFrame(rows).to_csv(output, index=False)
    print(means(pd.DataFrame(rows), KEYS, SHOWN).round(4).to_string())
    print(f"kept in {output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", required=True, type=Path, help="CSV: space, file, column")
    parser.add_argument("--targets", required=True, type=lambda text: text.split(","))
    parser.add_argument("--labels", type=numbers, default=numbers("0,10,40,50,100"))
    parser.add_argument("--seeds", type=numbers, default=numbers("0,1,2,3,4"))
    parser.add_argument("--methods", type=names_among(METHODS), default=list(QUICK))
    parser.add_argument("--rows", type=int, help="rank only so many rows of a target, drawn at random")
    parser.add_argument("--proxies", type=Path, help="file of one target's zero-cost scores, added to")
    parser.add_argument("--graphs", type=Path, default=Path("graphs"), help="folder that keeps graphs")
    parser.add_argument("--output", required=True, type=Path)
    return parser.parse_args()


def make(method: str, table: LabelledTable, model: TransferModel, proxies: ProxyTable) -> Ranker:
    """A ranker by its name; what other spaces taught is that of the given model."""
    offered = {"space": lambda: table.space, "model": lambda: model, "proxies": lambda: proxies}
    return create_ranker_with(method, offered)


def measure(
    table: LabelledTable, ranker: Ranker, method: str, count: int, seeds: Sequence[int]
) -> list[dict[str, object]]:
    """One row per seed; what ranks without labels needs none but the first."""
    rows = []
    for seed in seeds if count else seeds[:1]:
        labelled = labelled_rows(len(table.truth), count, seed)
        quality = ranking_quality(ranker, table.store, labelled, table.truth[labelled], table.truth, seed)
        key = {"space": table.space.name, "target": table.column, "labels": count, "seed": seed}
        rows.append({**key, "method": method, **asdict(quality)})
    return rows


def description(model: TransferModel, table: LabelledTable) -> str:
    """What a target has to do with the other spaces, and how good win probabilities without labels are."""
    measured = table.functions()
    scale = SpaceScale.of(measured.statistics)
    relations = zip(model.spaces, model.relations(scale), strict=True)
    found = reliability(model.scores(measured.statistics, scale), measured.labels)
    return (
        f"{table.space.name}: like {', '.join(f'{name} {relation:.2f}' for name, relation in relations)}; "
        f"Brier score {found.brier_score:.3f}, calibration error {found.calibration_error:.3f}, "
        f"favourites win {found.accuracy:.3f}"
    )


if __name__ == "__main__":
    main()
