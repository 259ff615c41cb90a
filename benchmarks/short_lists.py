"""How well lists of three to twenty networks are ranked without a label, beside what they are compared with.

    python benchmarks/short_lists.py --models timm_imagenet.parquet --output short_lists.csv

``--models`` is a table of timm's networks with the columns name, recipe and imagenet_top1_accuracy. Lists are
drawn at random from the networks of one recipe. Each is scored among all networks of the table (whole), among
its own networks alone (list), and among them and the random networks that ``rank`` puts beside short lists
(references); multiply-accumulates and parameters are the baselines. Prints the part of pairs in the right
order, mean and standard error over lists: by the package's model without timm, whose accuracies are these,
and by the whole model, which has learned from them.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from contrastive_nas.graphs.statistics.network import STATISTICS
from contrastive_nas.networks.listing import list_given
from contrastive_nas.networks.tracing import trace_networks
from contrastive_nas.progress import progress
from contrastive_nas.ranking.graph_source import ListedSource
from contrastive_nas.ranking.references import draw_references
from contrastive_nas.ranking.transfer.model import TransferModel
from contrastive_nas.ranking.transfer.space_scale import SpaceScale
from contrastive_nas.ranking.transfer.weights import load_transfer
from shared import numbers

LABEL = "imagenet_top1_accuracy"
COUNTS = {"macs": "log_macs", "parameters": "log_parameters"}
# Of fewer networks there are hardly two lists.
LEAST_RECIPE = 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", required=True, type=Path, help="table of timm's networks")
    parser.add_argument("--sizes", type=numbers, default=numbers("3,5,8,20"), help="networks of a list")
    parser.add_argument("--lists", type=int, default=200, help="number of lists of each size")
    parser.add_argument("--graphs", type=Path, default=Path("graphs/timm"), help="folder that keeps graphs")
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    table = pd.read_parquet(arguments.models).drop_duplicates(["name", "recipe"])
    names = list(dict.fromkeys(table["name"]))
    traced = trace_networks(list_given([f"timm:{name}" for name in names]).networks, kept=arguments.graphs)
    statistics = ListedSource.of([traced.graphs[f"timm:{name}"] for name in names]).statistics
    table["place"] = table["name"].map({name: place for place, name in enumerate(names)})
    references = ListedSource.of(draw_references().graphs).statistics
    released, rows = load_transfer(), []
    for size in arguments.sizes:
        lists = draw_lists(table, size, arguments.lists)
        for known, model in (("without timm", released.without("timm")), ("all", released)):
            found = [
                measured(*parts, statistics, references, model)
                for parts in with_whole(lists, statistics, model, f"lists of {size}, {known}")
            ]
            for method, values in pd.DataFrame(found).items():
                error = values.std() / np.sqrt(len(values))
                row = {"model": known, "networks": size, "lists": len(values), "scored_among": method}
                rows.append({**row, "pair_accuracy": values.mean(), "standard_error": error})
            pd.DataFrame(rows).to_csv(arguments.output, index=False, float_format="%.4f")
    print(pd.DataFrame(rows).round(3).to_string())


def draw_lists(table: pd.DataFrame, size: int, count: int) -> list[pd.DataFrame]:
    """Networks that were trained alike, drawn from recipes that have enough of them."""
    rng = np.random.default_rng(size)
    recipes = [part for _, part in table.groupby("recipe") if len(part) >= max(size, LEAST_RECIPE)]
    return [recipes[rng.integers(len(recipes))].sample(size, random_state=rng) for _ in range(count)]


def with_whole(lists: list[pd.DataFrame], statistics: np.ndarray, model: TransferModel, title: str):
    """Each list with the scores that the whole table gives its networks."""
    scale = SpaceScale.of(statistics)
    scores = scale.standardise(statistics) @ model.weights(scale)
    for part in progress(lists, title):
        yield part, scores[part["place"]]


def measured(
    part: pd.DataFrame,
    whole: np.ndarray,
    statistics: np.ndarray,
    references: np.ndarray,
    model: TransferModel,
) -> dict[str, float]:
    own, labels = statistics[part["place"]], part[LABEL].to_numpy()
    scores = {"whole table": whole}
    for name, others in (("list alone", own[:0]), ("references", references)):
        scale = SpaceScale.of(np.concatenate([own, others]))
        scores[name] = scale.standardise(own) @ model.weights(scale)
    scores |= {name: own[:, STATISTICS.index(column)] for name, column in COUNTS.items()}
    return {name: pair_accuracy(given, labels) for name, given in scores.items()}


def pair_accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """The part of pairs with different labels in the right order; pairs of equal score count half."""
    first, second = np.triu_indices(len(labels), 1)
    gaps = np.round(scores[first] - scores[second], 9)
    truth = labels[first] - labels[second]
    right = np.where(gaps == 0, 0.5, (gaps > 0) == (truth > 0))
    return float(right[truth != 0].mean())


if __name__ == "__main__":
    main()
