"""How well architectures are ranked after few labels: every method, one protocol, any table and space.

    python benchmarks/ranking.py --space nasbench201 --table nasbench201.parquet \\
        --target cifar10_test_accuracy --labels 0,40 --seeds 0,1,2 --methods macs,trees --output results.csv

Prints means and standard deviations over seeds, with published figures beside them, and keeps one row per
method, number of labels and seed. Where ``--output`` is a folder, the file is named after hardware and
versions.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import torch

from contrastive_nas.conversion.convert import convert
from contrastive_nas.graphs.storage.store import GraphStore, open_store
from contrastive_nas.progress import progress
from contrastive_nas.ranking.base import Ranker
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.parameters import Optimisation, PretrainParameters
from contrastive_nas.ranking.quality import labelled_rows, ranking_quality
from contrastive_nas.ranking.registry import create_ranker_with, list_rankers
from contrastive_nas.ranking.transfer.weights import load_transfer
from contrastive_nas.ranking.zero_cost.table import ProxyTable
from contrastive_nas.spaces.base import SearchSpace
from shared import file_of_results, means, names_among, numbers, read_rows

PUBLISHED = Path(__file__).parent / "published_ranking.csv"
KEYS = ["space", "target", "labels", "method"]
# Encoders of what the table's graphs are pretrained on, no label seen; shared by all rankers that have one.
ENCODERS = {
    "": PretrainParameters(),
    "_without_pretraining": PretrainParameters(optimisation=Optimisation(steps=0)),
    "_dropout_pretraining": PretrainParameters(variant="dropout"),
}
VARIANTS = [f"comparator{suffix}" for suffix in ENCODERS if suffix]


def main() -> None:
    arguments = parse_arguments()
    label_column = arguments.label_column or arguments.target
    space, table = read_rows(arguments.space, arguments.table, [arguments.target, label_column])
    if arguments.rows is not None and arguments.rows < len(table):
        table = table.iloc[np.random.default_rng(0).permutation(len(table))[: arguments.rows]]
    with tempfile.TemporaryDirectory() as folder:
        convert(Path(folder) / "graphs.arrow", [(space, table.architecture.tolist())])
        results = measure(
            space,
            ProxyTable(space, arguments.proxies),
            open_store(Path(folder) / "graphs.arrow"),
            truth=table[arguments.target].to_numpy(dtype=float),
            labels=table[label_column].to_numpy(dtype=float),
            target=arguments.target,
            counts=arguments.labels,
            seeds=arguments.seeds,
            methods=arguments.methods,
        )
    output = file_of_results(
        arguments.output,
        f"ranking_{space.name}_{arguments.target}",
        torch=torch.__version__,
        sklearn=sklearn.__version__,
    )
    results.to_csv(output, index=False)
    print(summary(results, space.name))
    print(f"kept in {output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", required=True, help="name, or file.py:Class")
    parser.add_argument("--table", required=True, type=Path, help="any file that ingestion reads")
    parser.add_argument("--target", required=True, help="column to be ranked by")
    parser.add_argument("--label-column", help="column that the labels come from; the target by default")
    parser.add_argument("--labels", type=numbers, default=numbers("0,40,78,156"))
    parser.add_argument("--seeds", type=numbers, default=numbers("0,1,2,3,4"))
    parser.add_argument(
        "--methods", type=names_among([*list_rankers(), *VARIANTS]), default=["macs", "parameters", "trees"]
    )
    parser.add_argument("--rows", type=int, help="rank only so many rows of the table, drawn at random")
    parser.add_argument("--proxies", type=Path, help="file of zero-cost scores, read and added to")
    parser.add_argument("--output", required=True, type=Path)
    return parser.parse_args()


def measure(
    space: SearchSpace,
    proxies: ProxyTable,
    store: GraphStore,
    *,
    truth: np.ndarray,
    labels: np.ndarray,
    target: str,
    counts: Sequence[int],
    seeds: Sequence[int],
    methods: Sequence[str],
) -> pd.DataFrame:
    """One row per method, number of labels and seed; what needs labels is left out at 0."""
    features = {suffix: EncoderFeatures(parameters) for suffix, parameters in ENCODERS.items()}
    # One ranker a method: what it does before it sees a label is done once.
    rankers = {method: make(method, space, proxies, features) for method in methods}
    runs = [
        (method, count, seed)
        for count in counts
        for method in methods
        for seed in seeds
        if (count and learns(rankers[method])) or (not count and rankers[method].answers_without_labels)
    ]
    rows = []
    for method, count, seed in progress(runs, "rank"):
        labelled = labelled_rows(len(store), count, seed)
        quality = ranking_quality(rankers[method], store, labelled, labels[labelled], truth, seed)
        rows.append(
            {
                "space": space.name,
                "target": target,
                "labels": count,
                "seed": seed,
                "method": method,
                **asdict(quality),
            }
        )
    return pd.DataFrame(rows)


def make(
    method: str, space: SearchSpace, proxies: ProxyTable, features: dict[str, EncoderFeatures]
) -> Ranker:
    """A ranker by its name, or the comparator on another encoder."""
    suffix = next((suffix for suffix in ENCODERS if suffix and method.endswith(suffix)), "")
    name = method.removesuffix(suffix)
    offered = {
        "space": lambda: space,
        "proxies": lambda: proxies,
        "features": lambda: features[suffix],
        "model": lambda: load_transfer().without(space.name),
    }
    return create_ranker_with(name, offered)


def learns(ranker: Ranker) -> bool:
    """Whether labels change what it says: counts and proxies are measured once, without."""
    return ranker.has_uncertainty or not ranker.answers_without_labels


def summary(results: pd.DataFrame, space: str) -> str:
    """Means and standard deviations over seeds, and what others published."""
    shown = ["kendall_tau", "kendall_tau_unseen_functions", "spearman_rho", "fit_seconds", "predict_seconds"]
    published = pd.read_csv(PUBLISHED)
    published = published[published.space == space].drop(columns="space")
    parts = [means(results, KEYS, shown).round(4).to_string()]
    if len(published):
        parts += ["Published, with settings of their own:", published.to_string(index=False)]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
