"""A small space, its true accuracies, and a quick ranker, for tests of searches."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from sklearn.kernel_ridge import KernelRidge
from torch import nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.graphs.schema import ComputationGraph, IntArray
from contrastive_nas.ranking.base import FloatArray, PointRanker
from contrastive_nas.ranking.graph_source import GraphSource, SpaceSource
from contrastive_nas.ranking.space_ranker import SpaceRanker
from contrastive_nas.spaces.base import Architecture, Choice, SearchSpace


class ToySpace(SearchSpace):
    """Five digits 0 to 3, written ``0-3-1-2-2``; two zeros at the end are impossible: 960 architectures."""

    name = "toy"
    input_shape = (1, 8, 8)
    size = 960

    @property
    def choices(self) -> tuple[Choice, ...]:
        return tuple(Choice(f"digit{number}", ("0", "1", "2", "3")) for number in range(5))

    def decode(self, decisions: Sequence[int]) -> Architecture | None:
        if decisions[3] == 0 and decisions[4] == 0:
            return None
        return "-".join(map(str, decisions))

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        decisions = tuple(int(digit) for digit in architecture.split("-"))
        if self.decode(decisions) != architecture:
            raise InputError(f"{architecture!r} is no toy")
        return decisions

    def build(self, architecture: Architecture) -> nn.Module:
        raise NotImplementedError

    def graph(self, architecture: Architecture) -> ComputationGraph:
        builder = GraphBuilder((1, 8, 8))
        x = builder.input
        for digit in self.encode(architecture):
            x = builder.conv(x, digit + 1, 1)
        builder.output(x)
        return builder.graph()

    def enumerate(self) -> Iterator[Architecture]:
        for decisions in np.ndindex(4, 4, 4, 4, 4):
            architecture = self.decode(decisions)
            if architecture is not None:
                yield architecture


def toy_table(seed: int = 0) -> pd.DataFrame:
    """True accuracies of all toys: effects of digits and of neighbouring pairs, 50 to 100."""
    rng = np.random.default_rng(seed)
    space = ToySpace()
    architectures = list(space.enumerate())
    points = np.array([space.encode(architecture) for architecture in architectures])
    single, pairs = rng.normal(size=(5, 4)), rng.normal(size=(4, 4, 4)) * 0.5
    value = single[np.arange(5), points].sum(1) + pairs[np.arange(4), points[:, :-1], points[:, 1:]].sum(1)
    accuracy = 50 + 50 * (value - value.min()) / np.ptp(value)
    return pd.DataFrame({"architecture": architectures, "toy_valid_accuracy": accuracy})


class QuadraticRanker(PointRanker):
    """Ridge regression on one-hot choices and their pairs.

    Args:
        space: of the architectures.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._widths = np.array([len(choice.options) for choice in space.choices])

    def _train(
        self, graphs: GraphSource, labelled: IntArray, targets: FloatArray, seed: int
    ) -> Callable[[IntArray], FloatArray]:
        ridge = KernelRidge(alpha=1.0, kernel="poly", degree=2)
        ridge.fit(self._features(graphs, labelled), targets)
        return lambda rows: ridge.predict(self._features(graphs, rows))

    def _features(self, graphs: GraphSource, rows: IntArray) -> FloatArray:
        points = np.array([self._space.encode(name) for name in graphs.architectures_of(rows)])
        columns = [points[:, [place]] == np.arange(width) for place, width in enumerate(self._widths)]
        return np.concatenate(columns, axis=1).astype(float)


_WHOLE = SpaceSource(ToySpace())


def quadratic(space: SearchSpace) -> SpaceRanker:
    """A ranker of toys; their graphs are made once for all tests."""
    return SpaceRanker(QuadraticRanker(space), space, source=_WHOLE)
