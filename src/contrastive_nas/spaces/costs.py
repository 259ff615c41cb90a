"""What a network costs: multiply-accumulates and parameters from its graph, other costs from a table."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contrastive_nas.errors import InputError, instead
from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_parameters
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.spaces.base import Architecture, SearchSpace

FloatArray = NDArray[np.float64]
Measure = Callable[[GraphBatch], NDArray[np.integer]]
# Tells a cost of architectures as it is known by now.
LiveCost = Callable[[Sequence[Architecture]], FloatArray]
FROM_GRAPHS: dict[str, Measure] = {"macs": graph_multiply_accumulates, "parameters": graph_parameters}
_NAMES = "architecture"
REFERENCE = 256
CHUNK = 512


def _tabulated(table: pd.DataFrame, cost: str) -> dict[Architecture, float]:
    if _NAMES not in table.columns:
        found = ", ".join(map(str, table.columns))
        raise InputError(f"the table of the cost {cost!r} has no column {_NAMES!r}; it has {found}")
    numbers = pd.to_numeric(table[cost], errors="coerce")
    wrong = np.flatnonzero(numbers.isna() & table[cost].notna())
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"cost {cost!r} of {table[_NAMES].iloc[row]} is not a number: {table[cost].iloc[row]!r}"
        )
    known: dict[Architecture, float] = {}
    for name, value in zip(table[_NAMES], numbers.astype(float), strict=True):
        other = known.setdefault(name, value)
        if other != value and not (np.isnan(other) and np.isnan(value)):
            raise InputError(
                f"cost {cost!r} of {name} is there twice, {other:g} and {value:g}: leave one out"
            )
    return known


class Costs:
    """Named costs of the architectures of a space, each measured once.

    Args:
        space: where the architectures come from.
        names: ``macs`` (multiply-accumulates), ``parameters``, or columns of ``table``.
        table: costs that no graph tells, such as a measured latency, by the column ``architecture``; what is
            not in it costs infinitely much.
        live: further costs, of which more may become known: they are asked for every time.

    Raises:
        InputError: a name that is neither, a column that holds no numbers, or two costs of one architecture.
    """

    def __init__(
        self,
        space: SearchSpace,
        names: Sequence[str],
        table: pd.DataFrame | None = None,
        live: Mapping[str, LiveCost] | None = None,
    ) -> None:
        columns = [] if table is None else [str(column) for column in table.columns]
        known = list(
            dict.fromkeys([*FROM_GRAPHS, *(live or {}), *(name for name in columns if name != _NAMES)])
        )
        for name in names:
            if name not in known:
                raise InputError(f"cost {name!r} is unknown{instead(name, known)}")
        self.space = space
        self.names = tuple(names)
        self._graph_names = [name for name in names if name in FROM_GRAPHS]
        self._measured: dict[Architecture, FloatArray] = {}
        self._tabulated: dict[str, dict[Architecture, float]] = {}
        self._live = {name: source for name, source in (live or {}).items() if name in names}
        if table is not None:
            for name in set(names) - set(FROM_GRAPHS) - set(self._live):
                self._tabulated[name] = _tabulated(table, name)
        self._reference: FloatArray | None = None

    def measure(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Return architectures x costs."""
        new = [name for name in dict.fromkeys(architectures) if name not in self._measured]
        for start in range(0, len(new), CHUNK):
            chunk = new[start : start + CHUNK]
            self._measured.update(zip(chunk, self._measure(chunk), strict=True))
        if not architectures:
            return np.zeros((0, len(self.names)))
        costs = np.stack([self._measured[name] for name in architectures])
        for name, source in self._live.items():
            costs[:, self.names.index(name)] = source(architectures)
        return costs

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
        unknown = np.full(len(architectures), np.nan)
        return np.stack([columns.get(name, unknown) for name in self.names], axis=1)


def within_limits(
    space: SearchSpace,
    architectures: Sequence[Architecture],
    limits: Mapping[str, float],
    table: pd.DataFrame | None = None,
) -> NDArray[np.bool_]:
    """Return which architectures cost no more than ``limits``, by cost as :class:`Costs` names them."""
    costs = Costs(space, list(limits), table).measure(architectures)
    return np.asarray((costs <= list(limits.values())).all(axis=1))
