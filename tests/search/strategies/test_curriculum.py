import math

import numpy as np
import pytest
from tests.search.toy import QuadraticRanker, ToySpace, quadratic, toy_table

from contrastive_nas.evaluators.base import Evaluation
from contrastive_nas.ranking.space_ranker import SpaceRanker
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.strategies.base import Setting
from contrastive_nas.search.strategies.curriculum import Curriculum

TRUTH = toy_table().set_index("architecture")["toy_valid_accuracy"]


class Oracle(QuadraticRanker):
    """Knows the truth."""

    def _train(self, graphs, labelled, targets, seed):
        return lambda rows: TRUTH[graphs.architectures_of(rows)].to_numpy()


def curriculum(**parameters) -> Curriculum:
    """A curriculum with an oracle, told three middling architectures."""
    space = ToySpace()
    parameters = SearchParameters(curriculum=parameters)
    oracle = SpaceRanker(Oracle(space), space, source=quadratic(space).source)
    strategy = Curriculum(Setting(space, np.random.default_rng(0), parameters, oracle))
    known = TRUTH.sort_values().index[400:403]
    strategy.tell([Evaluation(name, TRUTH[name], "looked_up") for name in known])
    return strategy


def test_baseline_rises_to_the_optimum_and_the_policy_follows():
    strategy = curriculum(steps=60, samples=64)
    assert strategy.ask(1)[0].architecture == TRUTH.idxmax()
    baselines = TRUTH[[row["baseline"] for row in strategy.trace]].to_numpy()
    assert (np.diff(baselines) >= 0).all()
    assert baselines[0] == TRUTH.sort_values().iloc[402]
    assert baselines[-1] == TRUTH.max()
    entropies = [row["entropy"] for row in strategy.trace]
    assert entropies[0] == pytest.approx(5 * math.log(4), abs=0.01)
    assert entropies[-1] < entropies[0] / 2


def test_entropy_bonus_keeps_the_policy_open():
    entropies = []
    for bonus in (0.0, 1.0):
        strategy = curriculum(steps=60, samples=64, entropy_bonus=bonus)
        strategy.ask(1)
        entropies.append(strategy.trace[-1]["entropy"])
    assert entropies[1] > entropies[0] + 1


def test_impossible_combinations_are_unlearned_and_never_proposed():
    strategy = curriculum(steps=20, samples=128)
    proposals = [proposal.architecture for proposal in strategy.ask(200)]
    assert len(set(proposals)) == 200
    assert not any(name.endswith("0-0") for name in proposals)
    assert None in strategy._decoded.values()
