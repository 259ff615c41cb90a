"""Strategies without a ranker that measure cheaply first, and go on with what was best.

Rungs are the fidelities that the evaluator offers. Source of successive halving and Hyperband: Li et al.,
Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization, JMLR 2018, algorithm 1; of ASHA: Li
et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020, algorithm 2. Their rungs are a
factor eta apart; here the costs are what the evaluator says, so that brackets keep the rule behind it: every
rung of a bracket costs the same.
"""

import itertools
import math
from collections.abc import Iterable

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import FULL
from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.strategies.base import PROMOTED, Setting, Strategy
from contrastive_nas.spaces.base import Architecture


class _Rungs(Strategy):
    """What all have in common: random networks at the lowest rung, and the best of a rung."""

    def best(self, names: Iterable[Architecture], fidelity: str, count: int) -> list[Architecture]:
        """Return those with the highest accuracies at a fidelity, the earliest of equals, no failures."""
        known = self.measured[fidelity]
        worked = [name for name in names if math.isfinite(known.get(name, math.nan))]
        return sorted(worked, key=lambda name: -known[name])[:count]

    def drawn(self, count: int, fidelity: str) -> list[Proposal]:
        """Draw new random networks at a fidelity."""
        return [one._replace(fidelity=fidelity) for one in self.sample_new(count, "random")]


class SuccessiveHalving(_Rungs):
    """Brackets one after the other: many networks at the cheapest fidelity, the best go on until one is left.

    A bracket that ends with m full trainings has m c_full / c_i networks at fidelity i, rounded up.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._rung = len(self.fidelities)
        self._networks: list[Architecture] = []
        self._sizes: list[int] = []

    def ask(self, count: int) -> list[Proposal]:
        """Return the whole of the next rung, however many are asked for: its best are known at its end."""
        self._rung += 1
        if self._rung >= len(self.fidelities):
            start, trained = self.next_bracket()
            self._sizes = [math.ceil(trained / one.cost) for one in self.fidelities]
            self._rung = start
            proposals = self.drawn(self._sizes[start], self.fidelities[start].name)
            self._networks = [proposal.architecture for proposal in proposals]
            return proposals
        below, name = self.fidelities[self._rung - 1].name, self.fidelities[self._rung].name
        self._networks = self.best(self._networks, below, self._sizes[self._rung])
        if not self._networks:  # all have failed
            return self.ask(count)
        return [Proposal(network, PROMOTED, name) for network in self._networks]

    def next_bracket(self) -> tuple[int, int]:
        """Return the rung that the next bracket begins at, and how many full trainings it ends with."""
        return 0, 1


class Hyperband(SuccessiveHalving):
    """Successive halving that begins at the cheapest fidelity, at the next and so on, each in its turn.

    So the cheapest one may mislead. The bracket from rung i on of s + 1 ends with (s + 1) / (s + 1 - i) full
    trainings, rounded up, which spends about as much in each bracket.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._brackets = 0

    def next_bracket(self) -> tuple[int, int]:
        rungs = len(self.fidelities)
        start = self._brackets % rungs
        self._brackets += 1
        return start, math.ceil(rungs / (rungs - start))


class Asha(_Rungs):
    """Promotes whenever one of the best 1/eta of a rung was not promoted, from the highest rung down.

    Otherwise a new network is measured at the cheapest fidelity. One request at a time, as it is without
    parallel workers.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._eta = setting.parameters.halving.eta

    def ask(self, count: int) -> list[Proposal]:
        names = [one.name for one in self.fidelities]
        for below, above in reversed(list(itertools.pairwise(names))):
            best = self.best(self.measured[below], below, int(len(self.measured[below]) / self._eta))
            for network in best:
                if network not in self.measured[above]:
                    return [Proposal(network, PROMOTED, above)]
        return self.drawn(1, names[0])


class RandomThenBest(_Rungs):
    """Random networks at the cheapest fidelity, then the best share of them in full, for the whole budget.

    With a share s and costs c of the cheapest measurement, a budget of B full trainings pays for
    B / (c + s) networks.

    Raises:
        InputError: the budget is not in trainings, or one fidelity is all there is.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        budget, share = setting.parameters.budget, setting.parameters.halving.share
        if budget is None or budget.trainings is None:
            raise InputError(
                "strategy 'random_then_best' needs its budget in trainings: search.budget.trainings"
            )
        self._first = self.fidelities[0]
        self._count = max(1, int(budget.trainings / (self._first.cost + share)))

    def ask(self, count: int) -> list[Proposal]:
        missing = self._count - len(self.measured[self._first.name])
        if missing > 0 and not self.measured[FULL]:
            found = self.drawn(missing, self._first.name)
            if found:
                return found
        best = self.best(self.measured[self._first.name], self._first.name, self._count)
        rest = [network for network in best if network not in self.measured[FULL]]
        return [Proposal(network, PROMOTED) for network in rest[:1]]
