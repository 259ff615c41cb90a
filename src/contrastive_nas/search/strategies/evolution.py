"""Evolution with a ranker as fitness."""

from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.strategies.base import RankerStrategy, Setting
from contrastive_nas.spaces.base import Architecture


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

    def propose(self, count: int) -> list[Proposal]:
        fitness: dict[Architecture, float] = {}
        population = [*self.labels, *self.space.sample(self.rng, self.parameters.population)]
        for generation in range(self.parameters.generations):
            self._assess(population, fitness)
            # Dictionaries keep the order of insertion and sorting is stable: equal fitness, the older first.
            fittest = sorted(fitness, key=fitness.__getitem__, reverse=True)[: self.parameters.population]
            self.trace.append({"queries": len(self.asked), "generation": generation, "fittest": fittest[0]})
            population = self._children(fittest)
        self._assess(population, fitness)
        return self.most_promising(list(fitness), count)

    def _assess(self, population: list[Architecture], fitness: dict[Architecture, float]) -> None:
        new = [name for name in dict.fromkeys(population) if name not in fitness]
        if new:
            fitness.update(zip(new, self.gains(new).tolist(), strict=True))

    def _children(self, parents: list[Architecture]) -> list[Architecture]:
        children: list[Architecture] = []
        # The fitter half is drawn more often: the smaller of two uniform numbers picks the parent.
        picks = self.rng.integers(len(parents), size=(self.parameters.population, 2, 2)).min(axis=2)
        crossed = self.rng.random(self.parameters.population) < self.parameters.crossover
        for (first, second), cross in zip(picks, crossed, strict=True):
            child = parents[first]
            if cross:
                child = self.space.crossover(child, parents[second], self.rng)
            if not cross or child in (parents[first], parents[second]):
                for _ in range(self.rng.geometric(1 / self.parameters.mutations)):
                    child = self.space.mutate(child, self.rng)
            children.append(child)
        return children
