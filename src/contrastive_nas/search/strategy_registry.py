"""Search strategies by name."""

import importlib
from typing import TYPE_CHECKING

from contrastive_nas.errors import InputError

if TYPE_CHECKING:
    from contrastive_nas.search.strategies.base import Setting, Strategy

_STRATEGIES = {
    "default": "contrastive_nas.search.strategies.ranked:Default",
    "asha": "contrastive_nas.search.strategies.halving:Asha",
    "curriculum": "contrastive_nas.search.strategies.curriculum:Curriculum",
    "evolution": "contrastive_nas.search.strategies.ranked:Evolution",
    "exhaustive": "contrastive_nas.search.strategies.ranked:Exhaustive",
    "fidelities": "contrastive_nas.search.strategies.fidelities:Fidelities",
    "hyperband": "contrastive_nas.search.strategies.halving:Hyperband",
    "local_search": "contrastive_nas.search.strategies.baselines:LocalSearch",
    "nsga2": "contrastive_nas.search.strategies.optuna_samplers:NSGA2",
    "random": "contrastive_nas.search.strategies.baselines:RandomSearch",
    "random_then_best": "contrastive_nas.search.strategies.halving:RandomThenBest",
    "regularized_evolution": "contrastive_nas.search.strategies.baselines:RegularizedEvolution",
    "sampled": "contrastive_nas.search.strategies.ranked:Sampled",
    "successive_halving": "contrastive_nas.search.strategies.halving:SuccessiveHalving",
    "tpe": "contrastive_nas.search.strategies.optuna_samplers:TPE",
    "tpe_pruned": "contrastive_nas.search.strategies.optuna_samplers:PrunedTPE",
}
WITH_RANKER = ("default", "curriculum", "evolution", "exhaustive", "fidelities", "sampled")
# Strategies that ask for every network at the cheapest fidelity first, and for some of them at the next.
WITH_HALVING = ("asha", "hyperband", "random_then_best", "successive_halving", "tpe_pruned")
NEED_FIDELITIES = (*WITH_HALVING, "fidelities")
# Strategies that learn from shorter trainings, where some are offered, and buy them first.
LEARN_FROM_FIDELITIES = ("default", "fidelities")


def list_strategies() -> list[str]:
    """Return names of the strategies."""
    return sorted(_STRATEGIES)


def create_strategy(setting: "Setting") -> "Strategy":
    """Return the strategy that the setting's parameters name.

    Raises:
        InputError: it cannot work in this setting: a missing ranker, a space too large to be listed.
    """
    name, several = setting.parameters.strategy, len(setting.fidelities) > 1
    if name in NEED_FIDELITIES and not several:
        raise InputError(
            f"strategy {name!r} needs evaluator.fidelities, and search.budget: trainings or hours"
        )
    # The default does the best that it can with what is offered.
    name = "fidelities" if name == "default" and several else name
    if name in NEED_FIDELITIES and setting.costs is not None:
        raise InputError("search.objectives needs full trainings alone: leave evaluator.fidelities out")
    module_name, class_name = _STRATEGIES[name].split(":")
    strategy: Strategy = getattr(importlib.import_module(module_name), class_name)(setting)
    return strategy
