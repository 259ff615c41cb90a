"""Search by a ranker: all of a space, a sample of it, or candidates that are bred."""

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.search.strategies.base import RankerStrategy, Setting
from contrastive_nas.spaces.base import Architecture

# Architectures that are listed at all.
LARGEST = 500_000
# What the default does with spaces up to these sizes, by measurement (see docs/search.md).
RANKED_WHOLE = 50_000
RANKED_BY_SAMPLE = 100_000_000


class Exhaustive(RankerStrategy):
    """Ranks every architecture of the space by what there is to gain.

    Raises:
        InputError: the space is too large, or has too many combinations of choices, to be listed.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        if self.space.size > LARGEST:
            raise InputError(
                f"{self.space.name} has {self.space.size:.3g} architectures: too many for exhaustive search"
            )
        try:
            self._everything = list(self.space.enumerate())
        except NotImplementedError as error:
            raise InputError(f"{error} for exhaustive search") from None

    def candidates(self) -> list[Architecture]:
        return self._everything


class Sampled(RankerStrategy):
    """Ranks a fixed random sample of the space by what there is to gain.

    A ranker with few labels ranks networks that are alike to labelled ones; candidates that were bred to
    please it lie where it is wrong. A sample has the good networks of the space in their natural share.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        drawn = self.space.sample(self.rng, setting.parameters.sampled.size)
        self._candidates = list(dict.fromkeys(drawn))

    def candidates(self) -> list[Architecture]:
        return self._candidates


class Evolution(RankerStrategy):
    """Breeds candidates on the ranker alone, then buys labels for those with most to gain.

    Each round starts from the labelled architectures and newly drawn ones. A generation keeps the fittest as
    parents and adds their children, by mutation or by crossover. Fitness is what there is to gain by a
    label, so that with a ranker that knows its uncertainty both the most promising and the most
    informative survive.

    Source: Han et al., A General-Purpose Transferable Predictor for Neural Architecture Search, SDM 2023,
    section 4.4; crossover, several mutations at once, without which a limit on costs is a wall, and expected
    gain as fitness are additions.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.parameters = setting.parameters.evolution

    def candidates(self) -> list[Architecture]:
        fitness: dict[Architecture, float] = {}
        population = [*self.labels, *self.space.sample(self.rng, self.parameters.population)]
        for generation in range(self.parameters.generations):
            self._assess(population, fitness)
            # Dictionaries keep the order of insertion and sorting is stable: equal fitness, the older first.
            fittest = sorted(fitness, key=fitness.__getitem__, reverse=True)[: self.parameters.population]
            self.trace.append({"queries": len(self.asked), "generation": generation, "fittest": fittest[0]})
            population = self._children(fittest)
        self._assess(population, fitness)
        return list(fitness)

    def _assess(self, population: list[Architecture], fitness: dict[Architecture, float]) -> None:
        new = [name for name in dict.fromkeys(population) if name not in fitness]
        if new:
            fitness.update(zip(new, self.gains(new).tolist(), strict=True))

    def _children(self, parents: list[Architecture]) -> list[Architecture]:
        # The fitter half is drawn more often: the smaller of two uniform numbers picks the parent.
        picks = self.rng.integers(len(parents), size=(self.parameters.population, 2, 2)).min(axis=2)
        pairs = [(parents[first], parents[second]) for first, second in picks]
        children = [first for first, _ in pairs]
        crossed = np.flatnonzero(self.rng.random(len(pairs)) < self.parameters.crossover)
        mixed = self.space.crossover_many([pairs[place] for place in crossed], self.rng)
        mutations = self.rng.geometric(1 / self.parameters.mutations, size=len(pairs))
        for place, child in zip(crossed, mixed, strict=True):
            children[place] = child
            # A child that is one of its parents is mutated as those without a second parent are.
            if child not in pairs[place]:
                mutations[place] = 0
        while (mutations > 0).any():
            places = np.flatnonzero(mutations > 0)
            mutants = self.space.mutate_many([children[place] for place in places], self.rng)
            for place, mutant in zip(places, mutants, strict=True):
                children[place] = mutant
            mutations -= 1
        return children


class Default(RankerStrategy):
    """By the size of the space: all of it is ranked, or a random sample, or candidates are bred.

    The larger a space, the further its best networks are beyond those of a sample that can be ranked.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._chosen = by_size(self.space.size)(setting)
        # One record of what was asked and answered, whoever proposes.
        self._chosen.labels, self._chosen.asked, self._chosen.trace = self.labels, self.asked, self.trace

    def candidates(self) -> list[Architecture]:
        return self._chosen.candidates()


def by_size(size: int) -> type[RankerStrategy]:
    """Return what the default does with a space of so many architectures."""
    if size <= RANKED_WHOLE:
        return Exhaustive
    return Sampled if size <= RANKED_BY_SAMPLE else Evolution
