"""Search with several fidelities: what to measure next, and how thoroughly, by expected gain per cost.

The gain of a full training is the expected improvement on the best labelled score, as without fidelities
(:mod:`contrastive_nas.search.acquisition`). The gain of a shorter one is how much better the best choice is
expected to be once its label has moved the network's score,

    E[max(0, m + s Z - best)],        Z standard normal,

with m the score and s what the label is expected to change (:meth:`FidelitiesRanker.resolved`): the
knowledge gradient of one network (Frazier, Powell and Dayanik, 2009, equation 14). What has the highest gain
per cost is bought first: Poloczek, Wang and Frazier, Multi-Information Source Optimization, NeurIPS 2017,
equation 3. So a network is promoted where the score that its shorter training left it is worth a full one.
"""

import math

import numpy as np

from contrastive_nas.evaluators.base import FULL
from contrastive_nas.ranking.base import FloatArray, Posterior
from contrastive_nas.search.acquisition import expected_improvement
from contrastive_nas.search.budget import ROUND
from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.strategies.base import PROMOTED, SHORTLIST, RankerStrategy, Setting
from contrastive_nas.search.strategies.ranked import by_size
from contrastive_nas.spaces.base import Architecture

_VANISHING = 1e-9


class Fidelities(RankerStrategy):
    """Buys labels of all fidelities, those with the highest expected gain per cost first.

    The first round measures promising and different networks at the cheapest fidelity, for one full training
    together. Candidates are those of the default strategy for a space of this size.

    Raises:
        InputError: the ranker does not learn from several fidelities.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.ranker = self._ranker = self.ranker.with_fidelities()
        self._chosen = by_size(self.space.size)(setting)
        self._chosen.ranker = self._ranker
        self._chosen.labels, self._chosen.asked, self._chosen.trace = self.labels, self.asked, self.trace

    def ask(self, count: int) -> list[Proposal]:
        """Return what a round buys; how many requests that are depends on their costs alone."""
        lowest = self.fidelities[0]
        if len(set(self._known(lowest.name).values())) < 2 and len(set(self.labels.values())) < 2:
            designed = self._initial_design(max(1, int(ROUND / lowest.cost)))
            return [one._replace(fidelity=lowest.name) for one in designed]
        self._ranker.take_lower([self._known(one.name) for one in self.fidelities[:-1]])
        # One network alone has nothing to be compared with.
        known = self.labels if len(set(self.labels.values())) > 1 else {}
        self._ranker.fit(list(known), np.array(list(known.values()), dtype=float))
        return self.propose(count)

    def candidates(self) -> list[Architecture]:
        return self._chosen.candidates()

    def propose(self, count: int) -> list[Proposal]:
        failed = {name for known in self.measured.values() for name in known if math.isnan(known[name])}
        new = [one for one in dict.fromkeys(self.candidates()) if one not in failed | self.labels.keys()]
        if not new:
            return []
        names = [new[place] for place in np.argsort(-self.gains(new), kind="stable")[:SHORTLIST]]
        beliefs = self._ranker.posterior(names)
        worths = [
            self._gains(names, beliefs, number) / one.cost for number, one in enumerate(self.fidelities)
        ]
        number = int(np.argmax([worth.max() for worth in worths]))
        rival = max(worth.max() for place, worth in enumerate(worths) if place != number)
        size = max(1, int(ROUND / self.fidelities[number].cost))
        order = np.argsort(-worths[number], kind="stable")[:size]
        chosen = [place for place in order if worths[number][place] >= rival]
        reason = PROMOTED if number else "promising"
        return [Proposal(names[place], reason, self.fidelities[number].name) for place in chosen]

    def _gains(self, names: list[Architecture], beliefs: Posterior, number: int) -> FloatArray:
        """What there is to gain by measuring each at a fidelity; -1 where it was measured."""
        best, part = self._ranker.best_labelled, self._ranker.exploration
        means, deviations = beliefs
        name = self.fidelities[number].name
        if name == FULL:
            # Where improvements vanish, scores decide which full trainings are left to buy.
            gain = expected_improvement(means, part * deviations, best) + _VANISHING * (
                1 + means - means.min()
            )
        else:
            gain = expected_improvement(means, part * self._ranker.resolved(names, number), best)
        return np.where([one in self.measured[name] for one in names], -1.0, gain)

    def _known(self, fidelity: str) -> dict[Architecture, float]:
        return {name: value for name, value in self.measured[fidelity].items() if math.isfinite(value)}
