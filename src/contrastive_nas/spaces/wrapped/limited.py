"""A space under hard limits on costs."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.costs import Costs
from contrastive_nas.spaces.wrapped.base import WrappedSpace

FloatArray = NDArray[np.float64]
PROBES = 256
ROUNDS = 30
ELITE = 0.2
SMOOTHING = 0.1
ENOUGH = 0.3
ATTEMPTS = 64
CHUNK = 4096


class LimitedSpace(WrappedSpace):
    """The architectures of another space that cost no more than the limits.

    Sampling is from a distribution over the choices that has learned where the feasible region is, by the
    cross-entropy method (Rubinstein, 1999): where few uniform samples are feasible, the choices of those
    that come closest shift it. Where many are, it stays uniform. Mutants and children are feasible, and
    ``decode`` gives None for all else, so that policies and optimisers meet the limits as part of the space.
    What costs more is no architecture of it, but can be encoded, built and measured. ``size`` is that of the
    whole space, an upper bound.

    Args:
        space: the whole space.
        costs: what is limited.
        limits: one number per cost.

    Raises:
        InputError: nothing feasible was found.
    """

    def __init__(self, space: SearchSpace, costs: Costs, limits: Sequence[float]) -> None:
        super().__init__(space)
        self._costs = costs
        self._limits = np.asarray(limits, dtype=float)
        self._widths = [len(choice.options) for choice in space.choices]
        self._probabilities = [np.full(width, 1 / width) for width in self._widths]
        self._learn(np.random.default_rng(0))

    def feasible(self, architectures: Sequence[Architecture]) -> NDArray[np.bool_]:
        """Return which architectures respect all limits."""
        return np.asarray((self._costs.measure(architectures) <= self._limits).all(axis=1))

    def decode(self, decisions: Sequence[int]) -> Architecture | None:
        return self.decode_many([decisions])[0]

    def decode_many(self, decisions: Sequence[Sequence[int]]) -> list[Architecture | None]:
        names = self.inner.decode_many(decisions)
        known = [name for name in dict.fromkeys(names) if name is not None]
        allowed = {name for name, fits in zip(known, self.feasible(known), strict=True) if fits}
        return [name if name in allowed else None for name in names]

    def validate(self, architecture: Architecture) -> None:
        self.inner.validate(architecture)
        costs = self._costs.measure([architecture])[0]
        parts = zip(self._costs.names, costs, self._limits, strict=True)
        over = [f"{name} {cost:g} above {limit:g}" for name, cost, limit in parts if not cost <= limit]
        if over:
            raise InputError(f"{self.name}: {architecture!r} exceeds the limits: {', '.join(over)}")

    def enumerate(self) -> Iterator[Architecture]:
        chunk: list[Architecture] = []
        for architecture in self.inner.enumerate():
            chunk.append(architecture)
            if len(chunk) == CHUNK:
                yield from self._feasible_of(chunk)
                chunk = []
        yield from self._feasible_of(chunk)

    def sample(self, rng: np.random.Generator, count: int) -> list[Architecture]:
        found: list[Architecture] = []
        while len(found) < count:
            drawn = self.decode_many(self._draw(rng, max(2 * (count - len(found)), 8)))
            found += [name for name in drawn if name is not None]
        return found[:count]

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """Return a feasible architecture, one decision away, or as few more as it takes."""
        return self.mutate_many([architecture], rng)[0]

    def mutate_many(
        self, architectures: Sequence[Architecture], rng: np.random.Generator
    ) -> list[Architecture]:
        mutants, waiting = list(architectures), list(range(len(architectures)))
        for attempt in range(1, ATTEMPTS + 1):
            drawn = self.inner.mutate_many([mutants[place] for place in waiting], rng)
            fits = self.feasible(drawn)
            for place, mutant in zip(waiting, drawn, strict=True):
                mutants[place] = mutant
            waiting = [
                place
                for place, fit in zip(waiting, fits, strict=True)
                if not fit or mutants[place] == architectures[place]
            ]
            if not waiting:
                return mutants
            if attempt % 8:
                for place in waiting:
                    mutants[place] = architectures[place]
        for place, other in zip(waiting, self.sample(rng, len(waiting)), strict=True):
            mutants[place] = other
        return mutants

    def crossover(self, first: Architecture, second: Architecture, rng: np.random.Generator) -> Architecture:
        return self.crossover_many([(first, second)], rng)[0]

    def crossover_many(
        self, parents: Sequence[tuple[Architecture, Architecture]], rng: np.random.Generator
    ) -> list[Architecture]:
        children, waiting = [first for first, _ in parents], list(range(len(parents)))
        for _ in range(ATTEMPTS):
            drawn = self.inner.crossover_many([parents[place] for place in waiting], rng)
            fits = self.feasible(drawn)
            for place, child, fit in zip(waiting, drawn, fits, strict=True):
                if fit:
                    children[place] = child
            waiting = [place for place, fit in zip(waiting, fits, strict=True) if not fit]
            if not waiting:
                break
        return children

    def _about(self) -> str:
        parts = zip(self._costs.names, self._limits, strict=True)
        return ", ".join(f"{name} <= {limit:g}" for name, limit in parts)

    def _feasible_of(self, chunk: list[Architecture]) -> list[Architecture]:
        return [name for name, fits in zip(chunk, self.feasible(chunk), strict=True) if fits]

    def _draw(self, rng: np.random.Generator, count: int) -> list[list[int]]:
        columns = [rng.choice(len(weights), size=count, p=weights) for weights in self._probabilities]
        return np.stack(columns, axis=1).tolist()

    def _learn(self, rng: np.random.Generator) -> None:
        closest = np.full(len(self._limits), np.inf)
        for _ in range(ROUNDS):
            drawn = self._draw(rng, PROBES)
            names = self.inner.decode_many(drawn)
            known = [(row, name) for row, name in zip(drawn, names, strict=True) if name is not None]
            costs = self._costs.measure([name for _, name in known])
            excess = np.maximum(costs / self._limits - 1, 0).max(axis=1)
            if (excess == 0).mean() >= ENOUGH:
                return
            closest = np.minimum(closest, costs.min(axis=0))
            elite = np.argsort(excess, kind="stable")[: max(int(ELITE * len(known)), 1)]
            self._shift(np.array([known[index][0] for index in elite]))
        if not (excess == 0).any():
            parts = zip(self._costs.names, self._limits, closest, strict=True)
            text = ", ".join(f"{name} <= {limit:g} (least found {least:g})" for name, limit, least in parts)
            raise InputError(f"no architecture of {self.name} was found within {text}")

    def _shift(self, elite: NDArray[np.int64]) -> None:
        for place, width in enumerate(self._widths):
            share = np.bincount(elite[:, place], minlength=width) / len(elite)
            self._probabilities[place] = (1 - SMOOTHING) * share + SMOOTHING / width
