"""The best architectures of a search, drawn."""

import numpy as np
import pandas as pd

from contrastive_nas.graphs.costs import graph_costs
from contrastive_nas.graphs.drawing import draw_graph
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.quantities import large, percent
from contrastive_nas.spaces.base import SearchSpace

# More pictures are not looked at.
SHOWN = 3


def best_queries(history: pd.DataFrame, count: int = SHOWN) -> pd.DataFrame:
    """Return the queries to show, the highest accuracy first.

    Args:
        history: of a search: ``query``, ``architecture``, ``accuracy``; with ``on_front`` the most accurate
            network of the front and others spread over it are taken.
        count: rows, at most.
    """
    ranked = history.dropna(subset="accuracy").sort_values("accuracy", ascending=False, kind="stable")
    if "on_front" not in ranked.columns:
        return ranked.head(count)
    front = ranked[ranked["on_front"].to_numpy(dtype=bool)]
    places = np.unique(np.linspace(0, len(front) - 1, count).round().astype(int))
    return front.iloc[places]


def draw_best(history: pd.DataFrame, space: SearchSpace, count: int = SHOWN) -> list[tuple[str, str]]:
    """Return pictures of the best architectures, each with what is said of it.

    Args:
        history: as :func:`best_queries` takes it.
        space: of the architectures.
        count: pictures, at most.
    """
    shown = best_queries(history, count)
    pictures = []
    for row in shown.to_dict("records"):
        graph = space.graph(row["architecture"])
        macs, parameters = graph_costs(GraphBatch.from_graphs([graph]))[0].tolist()
        words = (
            f"Label {row['query']}: validation accuracy {percent(row['accuracy'])}, {large(macs)} "
            f"multiply-accumulates, {large(parameters)} parameters. {row['architecture']}"
        )
        pictures.append((draw_graph(graph, f"Network of {row['architecture']}"), words))
    return pictures
