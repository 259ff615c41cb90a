"""Search strategies by name."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contrastive_nas.search.strategies.base import Setting, Strategy

_STRATEGIES = {
    "default": "contrastive_nas.search.strategies.ranked:Default",
    "curriculum": "contrastive_nas.search.strategies.curriculum:Curriculum",
    "evolution": "contrastive_nas.search.strategies.ranked:Evolution",
    "exhaustive": "contrastive_nas.search.strategies.ranked:Exhaustive",
    "local_search": "contrastive_nas.search.strategies.baselines:LocalSearch",
    "nsga2": "contrastive_nas.search.strategies.optuna_samplers:NSGA2",
    "random": "contrastive_nas.search.strategies.baselines:RandomSearch",
    "regularized_evolution": "contrastive_nas.search.strategies.baselines:RegularizedEvolution",
    "sampled": "contrastive_nas.search.strategies.ranked:Sampled",
    "tpe": "contrastive_nas.search.strategies.optuna_samplers:TPE",
}
WITH_RANKER = ("default", "curriculum", "evolution", "exhaustive", "sampled")


def list_strategies() -> list[str]:
    """Return names of the strategies."""
    return sorted(_STRATEGIES)


def create_strategy(setting: "Setting") -> "Strategy":
    """Return the strategy that the setting's parameters name.

    Raises:
        InputError: it cannot work in this setting: a missing ranker, a space too large to be listed.
    """
    module_name, class_name = _STRATEGIES[setting.parameters.strategy].split(":")
    strategy: Strategy = getattr(importlib.import_module(module_name), class_name)(setting)
    return strategy
