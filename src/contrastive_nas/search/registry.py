"""Search strategies by name."""

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.search.curriculum import Curriculum
from contrastive_nas.search.parameters import STRATEGIES, WITH_PREDICTOR, SearchParameters
from contrastive_nas.search.predictor import Predictor
from contrastive_nas.search.random import RandomSearch
from contrastive_nas.search.strategy import Strategy
from contrastive_nas.spaces.base import SearchSpace


def list_strategies() -> list[str]:
    """Names of the strategies."""
    return sorted(STRATEGIES)


def create_strategy(
    space: SearchSpace, predictor: Predictor | None, parameters: SearchParameters
) -> Strategy:
    """The strategy that the parameters name, with a random generator of their seed.

    Raises:
        InputError: the strategy needs a predictor and gets none.
    """
    rng = np.random.default_rng(parameters.seed)
    name = parameters.strategy
    if name in WITH_PREDICTOR:
        if predictor is None:
            raise InputError(f"strategy {name!r} needs a predictor")
        return Curriculum(space, rng, predictor, parameters.curriculum)
    return RandomSearch(space, rng)
