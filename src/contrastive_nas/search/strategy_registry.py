"""Search strategies by name."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contrastive_nas.search.strategies.base import Setting, Strategy

_STRATEGIES = {
    "default": "contrastive_nas.search.strategies.default:Default",
    "curriculum": "contrastive_nas.search.strategies.curriculum:Curriculum",
    "evolution": "contrastive_nas.search.strategies.evolution:Evolution",
    "exhaustive": "contrastive_nas.search.strategies.exhaustive:Exhaustive",
    "local_search": "contrastive_nas.search.strategies.local_search:LocalSearch",
    "nsga2": "contrastive_nas.search.strategies.optuna_samplers:NSGA2",
    "random": "contrastive_nas.search.strategies.random:RandomSearch",
    "regularized_evolution": "contrastive_nas.search.strategies.regularized_evolution:RegularizedEvolution",
    "sampled": "contrastive_nas.search.strategies.sampled:Sampled",
    "tpe": "contrastive_nas.search.strategies.optuna_samplers:TPE",
}
WITH_RANKER = ("default", "curriculum", "evolution", "exhaustive", "sampled")


def list_strategies() -> list[str]:
    """Names of the strategies."""
    return sorted(_STRATEGIES)


def create_strategy(setting: "Setting") -> "Strategy":
    """The strategy that the setting's parameters name.

    Raises:
        InputError: it cannot work in this setting: a missing ranker, a space too large to be listed.
    """
    module_name, class_name = _STRATEGIES[setting.parameters.strategy].split(":")
    strategy: Strategy = getattr(importlib.import_module(module_name), class_name)(setting)
    return strategy
