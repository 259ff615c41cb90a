"""What every strategy must do, run over all of them."""

import numpy as np
import pandas as pd
import pytest
from tests.search.toy import ToySpace, quadratic, toy_table

from contrastive_nas.evaluators.base import Evaluation
from contrastive_nas.evaluators.table import TableEvaluator
from contrastive_nas.ranking.space_ranker import create_space_ranker
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.search.strategies.base import Setting, Strategy
from contrastive_nas.search.strategy_registry import NEED_FIDELITIES, create_strategy, list_strategies
from contrastive_nas.spaces.wrapped.pool import Pool

TABLE = toy_table()
LABEL = "toy_valid_accuracy"
TRUTH = TABLE.set_index("architecture")[LABEL]
QUICK = {"curriculum": {"steps": 6, "samples": 32}, "evolution": {"population": 20, "generations": 4}}

# Those that need several fidelities are tested in tests/search/test_fidelities.py.
every_strategy = pytest.mark.parametrize("name", sorted(set(list_strategies()) - set(NEED_FIDELITIES)))


def strategy(name: str, seed: int = 0) -> Strategy:
    space = ToySpace()
    parameters = SearchParameters(strategy=name, seed=seed, **QUICK)
    return create_strategy(Setting(space, np.random.default_rng(seed), parameters, quadratic(space)))


def answers(proposals) -> list[Evaluation]:
    names = [proposal.architecture for proposal in proposals]
    return [Evaluation(name, TRUTH[name], "looked_up") for name in names]


def search(name: str, table: pd.DataFrame = TABLE, folder=None, *, unsure: bool = False, **changes):
    """A search of all toys; ``unsure`` asks a ranker that knows how unsure it is of each."""
    space = ToySpace()
    parameters = SearchParameters(**({"strategy": name, "queries": 25} | QUICK | changes))
    ranker = create_space_ranker("gaussian_process", space, seed=0) if unsure else quadratic(space)
    return run_search(space, TableEvaluator(table, LABEL), parameters, ranker=ranker, folder=folder)


@every_strategy
def test_asks_for_new_valid_architectures_with_a_reason(name):
    asking, seen = strategy(name), set()
    for count in (10, 1, 5, 3):
        proposals = asking.ask(count)
        names = [proposal.architecture for proposal in proposals]
        assert len(set(names)) == count
        assert not seen & set(names)
        assert all(proposal.reason for proposal in proposals)
        for architecture in names:
            asking.space.validate(architecture)
        seen |= set(names)
        asking.tell(answers(proposals))


@every_strategy
def test_same_seed_same_questions(name):
    courses = []
    for seed in (3, 3, 4):
        asking, course = strategy(name, seed), []
        for count in (8, 4, 4):
            proposals = asking.ask(count)
            course += proposals
            asking.tell(answers(proposals))
        courses.append(course)
    assert courses[0] == courses[1] != courses[2]


@every_strategy
def test_takes_answers_to_questions_of_others(name):
    asking = strategy(name)
    others = TABLE["architecture"].iloc[::40]
    asking.tell([Evaluation(other, TRUTH[other], "looked_up") for other in others])
    proposals = asking.ask(10)
    assert not {proposal.architecture for proposal in proposals} & set(others)


@every_strategy
def test_survives_failures(name):
    asking = strategy(name)
    for _ in range(4):
        proposals = asking.ask(6)
        assert len(proposals) == 6
        asking.tell(
            [
                Evaluation(proposal.architecture, float("nan") if number % 2 else 50.0 + number, "trained")
                for number, proposal in enumerate(proposals)
            ]
        )
    assert len(asking.labels) == 12


@every_strategy
def test_exhausts_a_small_space(name):
    members = TABLE["architecture"].iloc[::32].tolist()
    pool = Pool(ToySpace(), members)
    parameters = SearchParameters(strategy=name, queries=50, **QUICK)
    result = run_search(pool, TableEvaluator(TABLE, LABEL), parameters, ranker=quadratic(pool))
    assert sorted(result.history["architecture"]) == sorted(members)
    assert result.best_accuracy == TRUTH[members].max()


@every_strategy
def test_reads_no_accuracy_but_through_the_ledger(name):
    honest = search(name)
    bought = TABLE["architecture"].isin(honest.history["architecture"])
    poisoned = TABLE.assign(**{LABEL: np.where(bought, TABLE[LABEL], 1e6)})
    pd.testing.assert_frame_equal(search(name, poisoned).history, honest.history)


@every_strategy
def test_respects_limits(name):
    costs = TABLE[["architecture"]].assign(latency=TABLE["architecture"].map(digit_sum))
    result = run_limited(name, costs, {"latency": 4.0})
    assert result.history["architecture"].map(digit_sum).max() <= 4
    assert len(result.history) == 25


@every_strategy
def test_several_objectives(name):
    costs = TABLE[["architecture"]].assign(latency=TABLE["architecture"].map(digit_sum))
    history = run_limited(name, costs, {"latency": 9.0}, objectives=["latency"]).history
    assert history["hypervolume"].is_monotonic_increasing
    assert 0 < history["hypervolume"].iloc[-1] < 1
    front = history[history["on_front"]].sort_values("latency")
    assert front["accuracy"].is_monotonic_increasing
    assert front["latency"].is_unique


def digit_sum(name: str) -> float:
    return float(sum(map(int, name.split("-"))))


def run_limited(name: str, costs: pd.DataFrame, limits: dict[str, float], **changes):
    space = ToySpace()
    settings = {"strategy": name, "queries": 25, "limits": limits} | QUICK | changes
    parameters = SearchParameters(**settings)
    evaluator = TableEvaluator(TABLE, LABEL)
    return run_search(space, evaluator, parameters, ranker=quadratic(space), cost_table=costs)


@pytest.mark.parametrize(
    ("size", "name"), [(960, "exhaustive"), (10**6, "sampled"), (10**12, "evolution")], ids=str
)
def test_the_default_goes_by_the_size_of_the_space(size: int, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ToySpace, "size", size)
    columns = ["architecture", "accuracy", "reason"]
    for unsure in (False, True):
        default, chosen = (search(one, unsure=unsure).history[columns] for one in ("default", name))
        pd.testing.assert_frame_equal(default, chosen)
