"""How well a space is ranked, with none or few of its labels, by what other spaces taught.

    python benchmarks/transfer.py --tables tables.csv --targets nasbench201 --output results.csv

``--tables`` is a CSV as :func:`contrastive_nas.ranking.transfer.labelled_tables.open_tables` takes it: space,
file and column, and groups and families where a table has them. Every target in turn is left out: the model
learns from comparisons within each of the other spaces; of the target it sees the graphs, and as many labels
as are said. A table with families is left out by one family at a time, and judged within groups. Prints means
and standard deviations over seeds, and keeps one row per target, method, number of labels and seed. Where
``--output`` is a folder, the file is named after hardware and versions; how good win probabilities without
labels are is kept beside it.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import scipy

from contrastive_nas.progress import progress
from contrastive_nas.ranking.base import Ranker
from contrastive_nas.ranking.calibration import reliability
from contrastive_nas.ranking.quality import LEAST_GROUP, labelled_rows, ranking_quality
from contrastive_nas.ranking.registry import create_ranker_with
from contrastive_nas.ranking.transfer.labelled_tables import LabelledTable, open_tables
from contrastive_nas.ranking.transfer.model import LabelledSpace, TransferModel, fit_transfer
from contrastive_nas.ranking.transfer.space_scale import SpaceScale
from contrastive_nas.ranking.zero_cost.table import ProxyTable
from shared import file_of_results, means, names_among, numbers

KEYS = ["space", "target", "labels", "method"]
SHOWN = ["kendall_tau", "spearman_rho", "precision_top_1_percent", "rank_of_best_of_10"]
# What ranks without a label of the target, and what learns from them.
BUILT = ("az_nas", "vkdnw", "vkdnw_aggregate", "stacked_and_az_nas", "stacked_and_vkdnw")
UNLABELLED = ("macs", "parameters", "transfer", *BUILT)
LABELLED = (
    "trees",
    "statistics_trees_and_process",
    "comparator",
    "stacked",
    "kriging",
    "transfer",
)
METHODS = (*dict.fromkeys([*UNLABELLED, *LABELLED]),)
# The others build and run every network, which takes a second or more each.
QUICK = tuple(name for name in METHODS if name not in BUILT)


@dataclass(frozen=True, eq=False)
class Target:
    """Networks to be ranked by one accuracy, and the model of all that may be learned from."""

    table: LabelledTable
    column: str
    truth: np.ndarray
    model: TransferModel


def main() -> None:
    arguments = parse_arguments()
    tables = open_tables(arguments.tables, arguments.graphs)
    spaces = [table.functions() for table in tables]
    targets = [
        target
        for table in tables
        if table.name in arguments.targets
        for target in targets_of(
            table, [space for space in spaces if space.name != table.name], arguments.rows
        )
    ]
    output = file_of_results(arguments.output, "transfer", numpy=np.__version__, scipy=scipy.__version__)
    wins = [calibration(target) for target in targets]
    pd.DataFrame(wins).to_csv(output.with_name(f"{output.stem}_calibration.csv"), index=False)
    print(pd.DataFrame(wins).round(3).to_string(), flush=True)
    proxies = {
        target.table.name: ProxyTable(
            target.table.space, arguments.proxies, groups=("activations", "az_nas", "fisher")
        )
        for target in targets
        if target.table.space is not None
    }
    rows: list[dict[str, object]] = []
    runs = [
        (count, target, method)
        for count in arguments.labels
        for target in targets
        for method in arguments.methods
        if method in (LABELLED if count else UNLABELLED)
        # Few networks of several recipes cannot lend each other labels.
        and not (count and target.table.groups is not None)
    ]
    for count, target, method in progress(runs, "transfer"):
        ranker = make(method, target, proxies.get(target.table.name))
        rows += measure(target, ranker, method, count, arguments.seeds)
        pd.DataFrame(rows).to_csv(output, index=False)
    print(means(pd.DataFrame(rows), KEYS, SHOWN).round(4).to_string())
    print(f"kept in {output}")


def targets_of(table: LabelledTable, learned: list[LabelledSpace], rows: int | None) -> list[Target]:
    """Its tasks, or the families of which enough networks were trained alike."""
    if table.families is None:
        model, part = fit_transfer(learned), table.part(rows)
        return [Target(part, *task, model) for task in zip(part.columns, part.labels.T, strict=True)]
    found = []
    for family in dict.fromkeys(table.families):
        inside = table.families == family
        part, rest = (table.rows(np.flatnonzero(chosen)) for chosen in (inside, ~inside))
        if part.groups is None or np.bincount(part.groups).max() >= LEAST_GROUP:
            model = fit_transfer([*learned, rest.functions()])
            named = replace(part, name=f"{table.name} {family}")
            found += [Target(named, *task, model) for task in zip(part.columns, part.labels.T, strict=True)]
    return found


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", required=True, type=Path, help="CSV, see above")
    parser.add_argument("--targets", required=True, type=lambda text: text.split(","))
    parser.add_argument("--labels", type=numbers, default=numbers("0,10,40,50,100"))
    parser.add_argument("--seeds", type=numbers, default=numbers("0,1,2,3,4"))
    parser.add_argument("--methods", type=names_among(METHODS), default=list(QUICK))
    parser.add_argument("--rows", type=int, help="rank only so many rows of a target, drawn at random")
    parser.add_argument("--proxies", type=Path, help="file of one target's zero-cost scores, added to")
    parser.add_argument("--graphs", type=Path, default=Path("graphs"), help="folder that keeps graphs")
    parser.add_argument("--output", required=True, type=Path)
    return parser.parse_args()


def make(method: str, target: Target, proxies: ProxyTable | None) -> Ranker:
    """A ranker by its name; what other spaces taught is that of the target's model."""
    offered = {"space": lambda: target.table.space, "model": lambda: target.model, "proxies": lambda: proxies}
    return create_ranker_with(method, offered)


def measure(
    target: Target, ranker: Ranker, method: str, count: int, seeds: Sequence[int]
) -> list[dict[str, object]]:
    """One row per seed; what ranks without labels needs none but the first."""
    rows = []
    for seed in seeds if count else seeds[:1]:
        labelled = labelled_rows(len(target.truth), count, seed)
        known, graphs, groups = target.truth[labelled], target.table.graphs, target.table.groups
        quality = ranking_quality(ranker, graphs, labelled, known, target.truth, seed, groups)
        key = {"space": target.table.name, "target": target.column, "labels": count, "seed": seed}
        rows.append({**key, "method": method, **asdict(quality)})
    return rows


def calibration(target: Target) -> dict[str, object]:
    """How near the nearest space is, and how good win probabilities without labels are."""
    measured = target.table.functions()
    scale = SpaceScale.of(measured.statistics)
    relations = target.model.relations(scale)
    scores, labels = target.model.scores(measured.statistics, scale), measured.tasks()
    task = target.table.columns.index(target.column)
    parts = measured.comparable()
    found = [reliability(scores[part], labels[task, part]) for part in parts if len(part) >= LEAST_GROUP]
    return {
        "space": target.table.name,
        "target": target.column,
        "nearest": target.model.spaces[int(relations.argmax())],
        "similarity": relations.max(),
        "expected_correlation": target.model.expected_correlation(scale, target.model.weights(scale)),
        "brier_score": np.mean([part.brier_score for part in found]),
        "calibration_error": np.mean([part.calibration_error for part in found]),
        "favourites_win": np.mean([part.accuracy for part in found]),
    }


if __name__ == "__main__":
    main()
