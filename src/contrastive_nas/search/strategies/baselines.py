"""Search without a predictor, for comparison: at random, by regularised evolution, by local search."""

from collections import deque
from collections.abc import Sequence

from contrastive_nas.evaluators.base import Evaluation
from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.strategies.base import Setting, Strategy
from contrastive_nas.spaces.base import Architecture, SearchSpace

# Children that may turn out to be known before one is drawn at random.
ATTEMPTS = 100


class RandomSearch(Strategy):
    """Samples of the space, each architecture once."""

    def ask(self, count: int) -> list[Proposal]:
        return self.sample_new(count, "random")


class RegularizedEvolution(Strategy):
    """Mutates the best of a random tournament; the oldest member of the population dies.

    Source: Real et al., Regularized Evolution for Image Classifier Architecture Search, AAAI 2019, algorithm
    1.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._parameters = setting.parameters.regularized_evolution
        self._population: deque[Architecture] = deque(maxlen=self._parameters.population)

    def ask(self, count: int) -> list[Proposal]:
        missing = min(self._parameters.population - len(self.labels), count)
        proposals = self.sample_new(missing, "initial") if missing > 0 else []
        taken = {proposal.architecture for proposal in proposals}
        for _ in range(count - len(proposals)):
            proposal = self._bred(taken)
            if proposal is None:
                break
            taken.add(proposal.architecture)
            proposals.append(proposal)
        return proposals

    def _bred(self, taken: set[Architecture]) -> Proposal | None:
        for _ in range(ATTEMPTS if self._population else 0):
            picks = self.rng.integers(len(self._population), size=self._parameters.tournament)
            parent = max((self._population[pick] for pick in picks), key=self.labels.__getitem__)
            child = self.space.mutate(parent, self.rng)
            if child not in self.asked and child not in taken:
                return Proposal(child, "mutation")
        return next(iter(self.sample_new(1, "random", taken)), None)

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        super().tell(evaluations)
        told = (evaluation.architecture for evaluation in evaluations)
        self._population.extend(name for name in told if name in self.labels)


class LocalSearch(Strategy):
    """Looks at neighbours in random order, moves to the first better one, starts afresh at a local optimum.

    Source: White et al., Exploring the Loss Landscape in Neural Architecture Search, UAI 2021, algorithm 1;
    moving at the first improvement spends fewer queries than looking at all neighbours first.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._starts = setting.parameters.local_search.starts
        self._climbing = False
        self._centre: Architecture | None = None
        self._neighbours: list[Architecture] = []

    def ask(self, count: int) -> list[Proposal]:
        missing = min(max(self._starts - len(self.asked), 0), count)
        proposals = self.sample_new(missing, "start") if missing else []
        while len(proposals) < count and self._neighbours:
            name = self._neighbours.pop()
            if name not in self.asked:
                proposals.append(Proposal(name, "neighbour"))
        if len(proposals) < count:
            # A local optimum: what is found from here on has to beat the new start only.
            self._centre = None
            avoid = [proposal.architecture for proposal in proposals]
            proposals += self.sample_new(count - len(proposals), "start", avoid)
        return proposals

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        super().tell(evaluations)
        told = [
            evaluation.architecture for evaluation in evaluations if evaluation.architecture in self.labels
        ]
        if len(self.asked) < self._starts or not told:
            return
        # The best of all starts is climbed first; after a restart only what is new counts.
        best = max(told if self._climbing else self.labels, key=self.labels.__getitem__)
        self._climbing = True
        if self._centre is None or self.labels[best] > self.labels[self._centre]:
            self._centre = best
            around = [name for name in neighbours(self.space, best) if name not in self.asked]
            self._neighbours = [around[index] for index in self.rng.permutation(len(around))]


def neighbours(space: SearchSpace, architecture: Architecture) -> list[Architecture]:
    """Return all architectures that differ in one decision, in a fixed order."""
    decisions = space.encode(architecture)
    found: dict[Architecture, None] = {}
    for place, choice in enumerate(space.choices):
        for option in range(len(choice.options)):
            name = space.decode([*decisions[:place], option, *decisions[place + 1 :]])
            if name is not None and name != architecture:
                found[name] = None
    return list(found)
