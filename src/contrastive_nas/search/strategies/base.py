"""The interface of search strategies: ask for architectures, tell their accuracies."""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import FULL, Evaluation, Fidelity
from contrastive_nas.ranking.space_ranker import SpaceRanker
from contrastive_nas.search.acquisition import bought_together, front_gains, gains
from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.costs import Costs

# Reason that is recorded with the labels of the first round.
FIRST = "initial design"
# Reason of asking for a network at a higher fidelity than before.
PROMOTED = "promoted"
LISTABLE = 100_000
ATTEMPTS = 50
# Candidates that are compared with each other before some of them are bought: hundreds of functions.
SHORTLIST = 1000
# Of a space that is too large to be listed.
DESIGNED_FROM = 5000
# Random numbers of the initial design are others than those of what follows.
_DESIGN_STREAM = 0xDE516


@dataclass(frozen=True)
class Setting:
    """What a strategy is given.

    Attributes:
        space: what is searched; where there are limits, all that it samples, mutates and lists respects them.
        rng: the only source of randomness.
        parameters: of the search.
        ranker: for the strategies that use one.
        costs: the costs to be minimised besides maximising accuracy; None where accuracy is all that counts.
        fidelities: what may be asked for, the cheapest first, the full training last.
    """

    space: SearchSpace
    rng: np.random.Generator
    parameters: SearchParameters
    ranker: SpaceRanker | None = None
    costs: Costs | None = None
    fidelities: tuple[Fidelity, ...] = (Fidelity(),)


class Strategy(ABC):
    """Proposes architectures that were not asked for before, and learns from the answers.

    Attributes:
        labels: accuracies of full trainings told so far, by architecture; failures are not among them.
        asked: everything told so far, failures included, and what is under way.
        under_way: what was begun and is not told yet, as keys in the order in which it was begun.
        fidelities: what may be asked for, the cheapest first, the full training last.
        measured: by fidelity, what was told of each architecture at it, NaN where it failed.
        trace: one row per step of the strategy's own loop, for plots; columns are the strategy's own.
        design: how the first architectures are found.
    """

    design: Literal["promising", "random"] = "random"

    def __init__(self, setting: Setting) -> None:
        self.space = setting.space
        self.rng = setting.rng
        self.costs = setting.costs
        self.fidelities = setting.fidelities
        self.measured: dict[str, dict[Architecture, float]] = {one.name: {} for one in self.fidelities}
        self.labels: dict[Architecture, float] = {}
        self.asked: set[Architecture] = set()
        self.under_way: dict[Architecture, None] = {}
        self.trace: list[dict[str, Any]] = []

    @abstractmethod
    def ask(self, count: int) -> list[Proposal]:
        """Return up to ``count`` different architectures, none told before; fewer when no more are found."""

    def begin(self, architectures: Sequence[Architecture]) -> None:
        """Hear what is under way while more is asked: not proposed again, and believed to be as predicted."""
        self.asked.update(architectures)
        self.under_way.update(dict.fromkeys(architectures))

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Take answers, also ones to questions that this strategy did not ask."""
        for evaluation in evaluations:
            self.under_way.pop(evaluation.architecture, None)
            self.asked.add(evaluation.architecture)
            self.measured[evaluation.fidelity][evaluation.architecture] = evaluation.accuracy
            if evaluation.fidelity == FULL and math.isfinite(evaluation.accuracy):
                self.labels[evaluation.architecture] = evaluation.accuracy

    def sample_new(self, count: int, reason: str, avoid: Collection[Architecture] = ()) -> list[Proposal]:
        """Return up to ``count`` different random architectures outside ``avoid`` that were not asked for."""
        found = sample_new(self.space, self.rng, count, self.asked | set(avoid))
        return [Proposal(architecture, reason) for architecture in found]


class RankerStrategy(Strategy):
    """A strategy that asks a ranker, refitted whenever labels have come in."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        if setting.ranker is None:
            raise InputError(f"strategy {setting.parameters.strategy!r} needs a ranker")
        self.ranker = setting.ranker
        self._together = setting.parameters.together
        self._design_seed = setting.parameters.seed
        if self.ranker.answers_without_labels:
            self.design = setting.parameters.design
        self._fitted_on = 0

    def ask(self, count: int) -> list[Proposal]:
        if len(set(self.labels.values())) < 2:
            return self._initial_design(count)
        if self._fitted_on != len(self.labels):
            self.ranker.fit(list(self.labels), np.array(list(self.labels.values())))
            self._fitted_on = len(self.labels)
        proposals = self.propose(count)
        # A policy that has settled, or a bred population, may know fewer new ones than can be paid for.
        avoid = [proposal.architecture for proposal in proposals]
        return proposals + self.sample_new(count - len(proposals), "random", avoid)

    def _initial_design(self, count: int) -> list[Proposal]:
        """Promising and different architectures where the ranker answers without labels, else random ones.

        Random numbers are its own, so that a search whose first labels were bought before goes on alike.
        """
        rng = np.random.default_rng([self._design_seed, len(self.asked), _DESIGN_STREAM])
        if self.design == "random":
            found = sample_new(self.space, rng, count, self.asked)
            return [Proposal(architecture, FIRST) for architecture in found]
        self.ranker.fit([], np.zeros(0))
        listed = self.space.size <= LISTABLE
        candidates = list(self.space.enumerate()) if listed else self.space.sample(rng, DESIGNED_FROM)
        new = [name for name in dict.fromkeys(candidates) if name not in self.asked]
        if not new:
            return []
        order = np.argsort(-self.ranker.scores(new), kind="stable")[:SHORTLIST]
        names = [new[index] for index in order]
        chosen = bought_together(self.ranker, names, None, count, list(self.under_way))
        return [Proposal(names[index], FIRST) for index in chosen]

    def propose(self, count: int) -> list[Proposal]:
        """Propose as :meth:`ask` does, with the ranker fitted; may return fewer."""
        return self.most_promising(self.candidates(), count)

    @abstractmethod
    def candidates(self) -> list[Architecture]:
        """Return what may be bought, with the ranker fitted; what was asked for is among it or not."""

    def gains(self, candidates: Sequence[Architecture]) -> NDArray[np.float64]:
        """Return what there is to gain by every label, see :mod:`contrastive_nas.search.acquisition`."""
        if self.costs is None:
            return gains(self.ranker, candidates, self.ranker.best_labelled)
        costs, labelled = self.costs, list(self.labels)
        return front_gains(
            self.ranker,
            candidates,
            costs.measure(candidates),
            labelled,
            costs.measure(labelled),
            costs.reference,
        )

    def most_promising(self, candidates: Sequence[Architecture], count: int) -> list[Proposal]:
        """Return the new candidates with most to gain, bought together where accuracy alone counts."""
        new = [name for name in dict.fromkeys(candidates) if name not in self.asked]
        if not new:
            return []
        together = self._together and self.costs is None
        order = np.argsort(-self.gains(new), kind="stable")[: max(count, SHORTLIST) if together else count]
        names = [new[index] for index in order]
        if together:
            best = self.ranker.best_labelled
            chosen = bought_together(self.ranker, names, best, count, list(self.under_way))
            names = [names[index] for index in chosen]
        return [Proposal(name, "promising") for name in names]


def sample_new(
    space: SearchSpace, rng: np.random.Generator, count: int, avoid: Collection[Architecture]
) -> list[Architecture]:
    """Return up to ``count`` different random architectures outside ``avoid``; fewer only when no more are
    found.
    """
    found: dict[Architecture, None] = {}
    for _ in range(ATTEMPTS):
        if len(found) >= count:
            return list(found)
        drawn = space.sample(rng, count - len(found))
        found.update(dict.fromkeys(name for name in drawn if name not in avoid))
    if space.size <= LISTABLE:
        rest = [name for name in space.enumerate() if name not in avoid and name not in found]
        order = rng.permutation(len(rest))[: count - len(found)]
        found.update(dict.fromkeys(rest[index] for index in order))
    return list(found)
