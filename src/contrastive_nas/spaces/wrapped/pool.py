"""A closed list of architectures as a space."""

from collections.abc import Iterator, Sequence

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.foreign import check_text
from contrastive_nas.spaces.wrapped.base import WrappedSpace

CHUNK = 256


class Pool(WrappedSpace):
    """Some architectures of another space, such as the rows of a table.

    A decision vector stands for the member that differs from it in the fewest choices (the first of equals),
    so that policies and optimisers, which know nothing of the list, never miss it.

    Args:
        space: what the members are architectures of.
        members: the list; each once.

    Raises:
        InputError: the list is empty, repeats a member, or one is no architecture of the space.
    """

    def __init__(self, space: SearchSpace, members: Sequence[Architecture]) -> None:
        if not members:
            raise InputError(f"the pool of {space.name} is empty")
        super().__init__(space)
        self._members = list(members)
        self._row_of = {name: row for row, name in enumerate(self._members)}
        if len(self._row_of) < len(self._members):
            raise InputError(f"the pool of {space.name} names an architecture twice")
        self._points = np.array([space.encode(name) for name in self._members], dtype=np.int16)

    @property
    def size(self) -> int:
        return len(self._members)

    def enumerate(self) -> Iterator[Architecture]:
        return iter(self._members)

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        if architecture not in self._row_of:
            raise InputError(f"{self.name}: {architecture!r} is not in the pool")
        return tuple(self._points[self._row_of[architecture]].tolist())

    def validate(self, architecture: Architecture) -> None:
        check_text(self.name, architecture)
        self.encode(architecture)

    def decode(self, decisions: Sequence[int]) -> Architecture | None:
        return self.decode_many([decisions])[0]

    def decode_many(self, decisions: Sequence[Sequence[int]]) -> list[Architecture | None]:
        vectors = np.asarray(decisions, dtype=np.int16).reshape(-1, len(self.choices))
        rows: list[int] = []
        for start in range(0, len(vectors), CHUNK):
            rows += self._differences(vectors[start : start + CHUNK]).argmin(axis=1).tolist()
        return [self._members[row] for row in rows]

    def sample(self, rng: np.random.Generator, count: int) -> list[Architecture]:
        return [self._members[row] for row in rng.integers(len(self._members), size=count)]

    # Its own mutants and children, one by one.
    mutate_many, crossover_many = SearchSpace.mutate_many, SearchSpace.crossover_many

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """Return one of the nearest other members; the further ones with falling probability."""
        if len(self._members) == 1:
            return architecture
        differences = self._differences(self._points[[self._row_of[architecture]]])[0].astype(float)
        differences[self._row_of[architecture]] = np.inf
        nearest = differences.min()
        # A second step is half as likely as a first one, so that no small cluster is a trap.
        weights = np.exp2(nearest - differences)
        return self._members[int(rng.choice(len(weights), p=weights / weights.sum()))]

    def crossover(self, first: Architecture, second: Architecture, rng: np.random.Generator) -> Architecture:
        parents = np.array([self.encode(first), self.encode(second)])
        mask = rng.integers(0, 2, size=parents.shape[1]).astype(bool)
        return self.decode_many([np.where(mask, parents[0], parents[1]).tolist()])[0] or first

    def _about(self) -> str:
        return f"{self.size:,} architectures"

    def _differences(self, vectors: np.ndarray) -> np.ndarray:
        """Differing choices: vectors x members."""
        total = np.zeros((len(vectors), len(self._members)), dtype=np.int16)
        for place in range(self._points.shape[1]):
            total += vectors[:, place, None] != self._points[None, :, place]
        return total
