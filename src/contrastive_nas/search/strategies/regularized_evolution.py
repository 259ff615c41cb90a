"""Regularised evolution, a baseline without a predictor."""

from collections import deque
from collections.abc import Sequence

from contrastive_nas.evaluators.base import Evaluation
from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.strategies.base import Setting, Strategy
from contrastive_nas.spaces.base import Architecture

ATTEMPTS = 100


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
