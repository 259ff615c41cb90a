"""From architectures to computation graphs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.pipelines.convert.parameters import ConvertParameters
from contrastive_nas.pipelines.experiment import SpaceParameters

if TYPE_CHECKING:
    import pandas as pd


def convert_architectures(
    table: "pd.DataFrame",
    parameters: ConvertParameters,
    space: SpaceParameters,
    earlier_graphs: Path | None,
) -> Callable[[Path], Any]:
    """Convert the table's architectures to a graph store, in their order; earlier graphs are reused."""
    from contrastive_nas.conversion.convert import convert
    from contrastive_nas.spaces import load_space

    return partial(
        convert,
        architectures=[(load_space(space.name, **space.options), table["architecture"].tolist())],
        spectrum_size=parameters.eigenvalues,
        known=earlier_graphs,
    )


def summarise_graphs(graphs: Path) -> dict[str, Any]:
    """Count the graphs, their nodes and operations."""
    import numpy as np

    from contrastive_nas.graphs.storage.store import open_store

    store = open_store(graphs)
    named = dict(zip(store.statistic_names, store.statistics.T, strict=True))
    ranges = {
        name: [float(np.min(named[name])), float(np.median(named[name])), float(np.max(named[name]))]
        for name in ("log_nodes", "log_macs", "log_parameters", "depth", "width", "log_paths")
    }
    return {
        "architectures": len(store),
        "functions": len(np.unique(store.function_ids)),
        "smallest_median_largest": ranges,
    }
