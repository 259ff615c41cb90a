"""Optuna's samplers as strategies, baselines without our predictors."""

import math
from abc import abstractmethod
from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState

from contrastive_nas.evaluators.base import Evaluation
from contrastive_nas.search.ledger import Proposal
from contrastive_nas.search.parameters import OptunaParameters
from contrastive_nas.search.strategies.base import Setting, Strategy
from contrastive_nas.spaces.base import Architecture

STEPS = 50


class OptunaSearch(Strategy):
    """A sampler of Optuna over the space's categorical choices.

    A suggestion that is no architecture of the space, or breaks a limit, is moved step by step towards a
    random one that does not; one that was asked for before is mutated until it is new. Optuna learns from
    where it arrived, as from a trial of its own.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._distributions: dict[str, BaseDistribution] = {
            choice.name: CategoricalDistribution(range(len(choice.options))) for choice in self.space.choices
        }
        parameters = setting.parameters.optuna
        # Optuna tells every trial on standard error otherwise.
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        objectives = len(self.costs.names) if self.costs else 0
        self._study = optuna.create_study(
            storage=_storage(parameters),
            study_name=parameters.study,
            sampler=self._sampler(parameters, int(self.rng.integers(2**31))),
            directions=[StudyDirection.MAXIMIZE, *[StudyDirection.MINIMIZE] * objectives],
            load_if_exists=True,
        )
        self._pending: dict[Architecture, Trial] = {}

    @abstractmethod
    def _sampler(self, parameters: OptunaParameters, seed: int) -> optuna.samplers.BaseSampler:
        """The sampler."""

    def ask(self, count: int) -> list[Proposal]:
        proposals: list[Proposal] = []
        for _ in range(count):
            taken = self.asked | {proposal.architecture for proposal in proposals}
            architecture = self._suggestion(taken)
            if architecture is None:
                break
            proposals.append(Proposal(architecture, "sampler"))
        return proposals

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        super().tell(evaluations)
        for evaluation in evaluations:
            name = evaluation.architecture
            trial = self._pending.pop(name, None)
            if name in self.labels:
                self._study.tell(trial or self._trial(name), self._values(name))
            elif trial is not None:
                self._study.tell(trial, state=TrialState.FAIL)

    def _suggestion(self, taken: set[Architecture]) -> Architecture | None:
        trial = self._study.ask(self._distributions)
        decisions = [trial.params[choice.name] for choice in self.space.choices]
        name = self.space.decode(decisions)
        if name is not None and name not in taken:
            self._pending[name] = trial
            return name
        self._study.tell(trial, state=TrialState.FAIL)
        name = self._new_near(name or self._moved_into_space(decisions), taken)
        if name is not None:
            self._pending[name] = self._trial(name)
        return name

    def _new_near(self, name: Architecture, taken: set[Architecture]) -> Architecture | None:
        """Where a walk from ``name`` meets something new; None where nothing new is left."""
        for _ in range(STEPS):
            if name not in taken:
                return name
            name = self.space.mutate(name, self.rng)
        return next((proposal.architecture for proposal in self.sample_new(1, "random", taken)), None)

    def _moved_into_space(self, decisions: list[int]) -> Architecture:
        """Takes over decisions of a random architecture until the result is in the space."""
        (target,) = self.space.sample(self.rng, 1)
        wanted = self.space.encode(target)
        for place in self.rng.permutation(len(decisions)):
            decisions[place] = wanted[place]
            name = self.space.decode(decisions)
            if name is not None:
                return name
        return target

    def _trial(self, name: Architecture) -> Trial:
        """A trial of an architecture that the sampler did not choose, which it learns from all the same."""
        names = [choice.name for choice in self.space.choices]
        self._study.enqueue_trial(dict(zip(names, self.space.encode(name), strict=True)))
        return self._study.ask(self._distributions)

    def _values(self, name: Architecture) -> list[float]:
        costs = [] if self.costs is None else self.costs.measure([name])[0].tolist()
        return [self.labels[name], *costs]


class TPE(OptunaSearch):
    """Tree-structured Parzen estimator (Bergstra et al., 2011; several objectives: Ozaki et al., 2020)."""

    def _sampler(self, parameters: OptunaParameters, seed: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.TPESampler(n_startup_trials=parameters.startup, seed=seed)


class PrunedTPE(TPE):
    """TPE with Optuna's median pruner (Golovin et al., 2017, section 3.2.2).

    Every network is measured at the cheapest fidelity and, until it is worse than the median of those before
    it at a fidelity, at the next one; the sampler learns from those that were stopped too. One at a time.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._study.pruner = optuna.pruners.MedianPruner(n_startup_trials=setting.parameters.optuna.startup)
        self._going_on: Proposal | None = None

    def ask(self, count: int) -> list[Proposal]:
        if self._going_on is not None:
            return [self._going_on]
        return [one._replace(fidelity=self.fidelities[0].name) for one in super().ask(1)]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        self._going_on = None
        names = [one.name for one in self.fidelities]
        for evaluation in evaluations:
            trial = self._pending.get(evaluation.architecture)
            rung = names.index(evaluation.fidelity)
            if trial is None or rung == len(names) - 1 or not math.isfinite(evaluation.accuracy):
                super().tell([evaluation])
                continue
            Strategy.tell(self, [evaluation])
            trial.report(evaluation.accuracy, rung)
            if trial.should_prune():
                self._study.tell(self._pending.pop(evaluation.architecture), state=TrialState.PRUNED)
            else:
                self._going_on = Proposal(evaluation.architecture, "promoted", names[rung + 1])


class NSGA2(OptunaSearch):
    """NSGA-II (Deb et al., 2002)."""

    def _sampler(self, parameters: OptunaParameters, seed: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.NSGAIISampler(population_size=parameters.population, seed=seed)


def _storage(parameters: OptunaParameters) -> BaseStorage:
    if parameters.journal is None:
        return InMemoryStorage()
    parameters.journal.parent.mkdir(parents=True, exist_ok=True)
    path = str(parameters.journal)
    return JournalStorage(JournalFileBackend(path, lock_obj=JournalFileOpenLock(path)))
