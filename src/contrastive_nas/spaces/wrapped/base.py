"""What all spaces around another space have in common."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from torch import nn

from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.spaces.base import Architecture, Choice, SearchSpace
from contrastive_nas.spaces.weight_sharing import WeightSharing


class WrappedSpace(SearchSpace):
    """A space that hands everything on to another one; subclasses change what they are about.

    A method that a space may override is handed on too, so that its own version is used: the size of its
    images, its spellings, its faster ways.

    Args:
        space: the whole space.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.inner = space
        self.name = space.name
        self.input_shape = space.input_shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r}, {self._about()})"

    @abstractmethod
    def _about(self) -> str:
        """What is different from the whole space, in a few words."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        return self.inner.choices

    @property
    def size(self) -> int:
        return self.inner.size

    def decode(self, decisions: Sequence[int]) -> Architecture | None:
        return self.inner.decode(decisions)

    def decode_many(self, decisions: Sequence[Sequence[int]]) -> list[Architecture | None]:
        return self.inner.decode_many(decisions)

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        return self.inner.encode(architecture)

    def build(self, architecture: Architecture) -> nn.Module:
        return self.inner.build(architecture)

    def graph(self, architecture: Architecture) -> ComputationGraph:
        return self.inner.graph(architecture)

    def graphs(self, architectures: Sequence[Architecture]) -> GraphBatch:
        return self.inner.graphs(architectures)

    def image_shape(self, architecture: Architecture) -> tuple[int, int, int]:
        return self.inner.image_shape(architecture)

    def weight_sharing(self) -> WeightSharing | None:
        return self.inner.weight_sharing()

    def validate(self, architecture: Architecture) -> None:
        self.inner.validate(architecture)

    def read(self, given: object) -> Architecture:
        architecture = self.inner.read(given)
        self.validate(architecture)
        return architecture

    def translate(self, given: object) -> Architecture | None:
        return self.inner.translate(given)

    def enumerate(self) -> Iterator[Architecture]:
        return self.inner.enumerate()

    def sample(self, rng: np.random.Generator, count: int) -> list[Architecture]:
        return self.inner.sample(rng, count)

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        return self.inner.mutate(architecture, rng)

    def mutate_many(
        self, architectures: Sequence[Architecture], rng: np.random.Generator
    ) -> list[Architecture]:
        return self.inner.mutate_many(architectures, rng)

    def crossover_many(
        self, parents: Sequence[tuple[Architecture, Architecture]], rng: np.random.Generator
    ) -> list[Architecture]:
        return self.inner.crossover_many(parents, rng)

    def crossover(self, first: Architecture, second: Architecture, rng: np.random.Generator) -> Architecture:
        return self.inner.crossover(first, second, rng)
