"""What baselines know of an architecture: numbers made by hand for its space, or general graph statistics."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.graphs.statistics.network import STATISTICS
from contrastive_nas.ranking.baselines import nasbench101, nasbench201
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.spaces.base import SearchSpace

Features = Callable[[GraphSource, IntArray], NDArray[np.float64]]
COSTS = ("log_macs", "log_parameters")
_NUMBER = re.compile(r"\d+")


class CellFeatures(Protocol):
    """Features of architecture strings of one space: architectures x features."""

    def __call__(self, space: SearchSpace, architectures: Sequence[str]) -> NDArray[np.float64]: ...


_BY_HAND: dict[str, CellFeatures] = {
    "nasbench101": nasbench101.cell_features,
    "nasbench201": nasbench201.cell_features,
}
_SEQUENCES: dict[str, CellFeatures] = {"nasbench101": nasbench101.sequence_counts}
# Spaces whose choices are sizes, which trees and kernels can interpolate between.
_NUMERIC = ("mnasnet", "mobilenet_v3", "proxyless", "resnet50")


def graph_statistics(source: GraphSource, rows: IntArray) -> NDArray[np.float64]:
    """Return the general statistics of every graph, which know nothing of its space."""
    return source.statistics_of(rows).astype(np.float64)


def costs(source: GraphSource, rows: IntArray) -> NDArray[np.float64]:
    """Return logarithms of multiply-accumulates and parameters."""
    return graph_statistics(source, rows)[:, [STATISTICS.index(name) for name in COSTS]]


def hand_made(space: SearchSpace) -> Features:
    """Return what somebody who knows the space would write down in ten minutes.

    Cells of NAS-Bench-101 and -201 are described by their paths, block-wise spaces by their fields with
    costs, all others by their choices, one-hot, with costs.
    """

    def features(source: GraphSource, rows: IntArray) -> NDArray[np.float64]:
        architectures = source.architectures_of(rows)
        if space.name in _BY_HAND:
            return _BY_HAND[space.name](space, architectures)
        return np.concatenate([choice_features(space, architectures), costs(source, rows)], axis=1)

    return features


def hand_made_with_sequences(space: SearchSpace) -> Features:
    """Return :func:`hand_made`, and counts of operation sequences along paths where it has none."""

    def features(source: GraphSource, rows: IntArray) -> NDArray[np.float64]:
        known = hand_made(space)(source, rows)
        if space.name not in _SEQUENCES:
            return known
        counts = _SEQUENCES[space.name](space, source.architectures_of(rows))
        return np.concatenate([known, counts], axis=1)

    return features


def choice_features(space: SearchSpace, architectures: Sequence[str]) -> NDArray[np.float64]:
    """Return the choices of every architecture: as the numbers that they are made of in block-wise spaces,
    else
    one-hot.
    """
    decisions = np.array([space.encode(architecture) for architecture in architectures])
    numeric = space.name in _NUMERIC
    tables = [
        _numbers(choice.options) if numeric else np.eye(len(choice.options)) for choice in space.choices
    ]
    return np.concatenate([table[column] for table, column in zip(tables, decisions.T, strict=True)], axis=1)


def _numbers(options: Sequence[str]) -> NDArray[np.float64]:
    """The numbers in every option, in their order; 0 where an option has fewer than others."""
    found: list[Any] = [[float(number) for number in _NUMBER.findall(option)] for option in options]
    width = max(map(len, found))
    return np.array([[*numbers, *[0.0] * (width - len(numbers))] for numbers in found])
