"""What a network costs: multiply-accumulates and parameters from its graph, other costs from a table."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_parameters
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.spaces.base import Architecture, SearchSpace

FloatArray = NDArray[np.float64]
Measure = Callable[[GraphBatch], NDArray[np.integer]]
FROM_GRAPHS: dict[str, Measure] = {"macs": graph_multiply_accumulates, "parameters": graph_parameters}
REFERENCE = 256
CHUNK = 512


class Costs:
    """Named costs of the architectures of a space, each measured once.

    Args:
        space: where the architectures come from.
        names: ``macs`` (multiply-accumulates), ``parameters``, or columns of ``table``.
        table: costs that no graph tells, such as a measured latency, by the column ``architecture``; what is
            not in it costs infinitely much.

    Raises:
        InputError: a name that is neither.
    """

    def __init__(self, space: SearchSpace, names: Sequence[str], table: pd.DataFrame | None = None) -> None:
        known = list(FROM_GRAPHS) + ([] if table is None else [str(column) for column in table.columns])
        for name in names:
            if name not in known:
                raise InputError(f"cost {name!r} is unknown: choose from {', '.join(known)}")
        self.space = space
        self.names = tuple(names)
        self._graph_names = [name for name in names if name in FROM_GRAPHS]
        self._measured: dict[Architecture, FloatArray] = {}
        self._tabulated: dict[str, dict[Architecture, float]] = {}
        if table is not None:
            for name in set(names) - set(FROM_GRAPHS):
                self._tabulated[name] = dict(
                    zip(table["architecture"], table[name].astype(float), strict=True)
                )
        self._reference: FloatArray | None = None

    def measure(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Architectures x costs."""
        new = [name for name in dict.fromkeys(architectures) if name not in self._measured]
        for start in range(0, len(new), CHUNK):
            chunk = new[start : start + CHUNK]
            self._measured.update(zip(chunk, self._measure(chunk), strict=True))
        if not architectures:
            return np.zeros((0, len(self.names)))
        return np.stack([self._measured[name] for name in architectures])

    @property
    def reference(self) -> FloatArray:
        """The largest finite costs in a fixed sample of the space: what bounds the hypervolume."""
        if self._reference is None:
            costs = self.measure(self.space.sample(np.random.default_rng(0), REFERENCE))
            self._reference = np.where(np.isfinite(costs), costs, 0).max(axis=0)
        return self._reference

    def _measure(self, architectures: list[Architecture]) -> FloatArray:
        columns: dict[str, FloatArray] = {}
        if self._graph_names:
            graphs = self.space.graphs(architectures)
            columns = {name: FROM_GRAPHS[name](graphs).astype(float) for name in self._graph_names}
        for name, values in self._tabulated.items():
            found = np.array([values.get(architecture, np.inf) for architecture in architectures])
            columns[name] = np.where(np.isnan(found), np.inf, found)
        return np.stack([columns[name] for name in self.names], axis=1)


def within_limits(
    space: SearchSpace,
    architectures: Sequence[Architecture],
    limits: Mapping[str, float],
    table: pd.DataFrame | None = None,
) -> NDArray[np.bool_]:
    """Which architectures cost no more than ``limits``, by cost as :class:`Costs` names them."""
    costs = Costs(space, list(limits), table).measure(architectures)
    return np.asarray((costs <= list(limits.values())).all(axis=1))
