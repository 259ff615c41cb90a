import logging
import math
import re
import time

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from tests.search.toy import ToySpace, quadratic, toy_table

from contrastive_nas import progress
from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation
from contrastive_nas.evaluators.table import TableEvaluator
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import SearchResult, run_search

LABEL = "toy_valid_accuracy"
SMALL = {"queries": 30, "initial": 10, "batch": 10, "curriculum": {"steps": 8, "samples": 64}}


def search(table: pd.DataFrame, folder=None, **changes) -> SearchResult:
    space = ToySpace()
    parameters = SearchParameters(**(SMALL | changes))
    return run_search(space, TableEvaluator(table, LABEL), parameters, ranker=quadratic(space), folder=folder)


def test_best_of_the_history_is_returned():
    result = search(toy_table())
    best = result.history.sort_values("accuracy").iloc[-1]
    assert (result.best_architecture, result.best_accuracy) == (best["architecture"], best["accuracy"])
    assert len(result.history) == 30
    assert result.history["architecture"].is_unique
    assert result.origins == {"looked_up": 30}


def test_same_seed_same_history():
    first, second, other = (search(toy_table(), seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.history, second.history)
    pd.testing.assert_frame_equal(first.trace, second.trace)
    assert not first.history["architecture"].equals(other.history["architecture"])


def test_while_it_searches_it_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(progress, "_watch", progress._Watch())
    caplog.set_level(logging.INFO, "contrastive_nas")
    table = toy_table().set_index("architecture")[LABEL]

    def slow(architecture: str) -> float:
        time.sleep(0.03)
        return float(table[architecture])

    parameters = SearchParameters(strategy="random", queries=12, initial=4, batch=4)
    history = run_search(ToySpace(), slow, parameters, identity="table").history
    said = re.findall(r"(\d+) of 12 networks trained, best accuracy ([\d.]+) % so far", caplog.text)
    assert re.search(r"so far, about \S+ s left", caplog.text)
    assert len({number for number, _ in said}) >= 6
    best = history.set_index("query")["best_accuracy"]
    assert all(float(accuracy) == pytest.approx(best[int(number)], abs=0.005) for number, accuracy in said)


def test_nothing_but_bought_labels_is_read():
    table = toy_table()
    honest = search(table)
    bought = table["architecture"].isin(honest.history["architecture"])
    poisoned = table.assign(**{LABEL: np.where(bought, table[LABEL], 1e6)})
    pd.testing.assert_frame_equal(search(poisoned).history, honest.history)


def test_curriculum_beats_random():
    def mean_best(strategy: str) -> float:
        return float(
            np.mean([search(toy_table(), strategy=strategy, seed=s).best_accuracy for s in range(5)])
        )

    assert mean_best("curriculum") > mean_best("random") + 2


class Killed(TableEvaluator):
    """Dies at its n-th answer, as a killed process would."""

    def __init__(self, table: pd.DataFrame, answers: int) -> None:
        super().__init__(table, LABEL)
        self.left = answers
        self.given = 0

    def evaluate(self, architectures) -> list[Evaluation]:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.given += 1
        return super().evaluate(architectures)


@pytest.mark.parametrize("killed_after", [4, 10, 17])
def test_killed_search_resumes_to_the_same_bits(tmp_path, killed_after):
    space, parameters = ToySpace(), SearchParameters(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        run_search(
            space, Killed(toy_table(), killed_after), parameters, ranker=quadratic(space), folder=tmp_path
        )
    rest = Killed(toy_table(), 1000)
    resumed = run_search(space, rest, parameters, ranker=quadratic(space), folder=tmp_path)
    assert rest.given == 30 - killed_after
    pd.testing.assert_frame_equal(resumed.history, search(toy_table()).history)


def test_larger_budget_continues(tmp_path):
    first = search(toy_table(), tmp_path, queries=20)
    evaluator = Killed(toy_table(), 1000)
    space = ToySpace()
    longer = run_search(space, evaluator, SearchParameters(**SMALL), ranker=quadratic(space), folder=tmp_path)
    assert evaluator.given == 10
    pd.testing.assert_frame_equal(longer.history.head(20), first.history)


def test_changed_search_starts_anew(tmp_path):
    search(toy_table(), tmp_path)
    search(toy_table(), tmp_path, seed=1)
    assert len(list(tmp_path.glob("ledger-*.jsonl"))) == 2


@pytest.mark.parametrize("strategy", ["curriculum", "random"])
def test_table_that_covers_half_the_space(strategy):
    half = toy_table().iloc[::2]
    result = search(half, strategy=strategy)
    failed = result.history["accuracy"].isna()
    assert failed.any()
    (error,) = set(result.history.loc[failed, "error"])
    assert error.startswith("not in the table (search.pool: true ")
    assert len(result.history) == 30
    assert math.isfinite(result.best_accuracy)


def test_table_of_another_space():
    with pytest.raises(InputError, match=r"no architecture could be evaluated.*not in the table"):
        search(toy_table().assign(architecture=lambda frame: "x" + frame["architecture"]))


def test_first_labels_within_budget_and_limits():
    table = toy_table()
    space, evaluator = ToySpace(), TableEvaluator(table, LABEL)
    paid = evaluator.evaluate(table["architecture"].iloc[:5].tolist())
    with pytest.raises(InputError, match="budget of 4 queries is smaller than the 5 first labels"):
        run_search(space, evaluator, SearchParameters(strategy="random", queries=4), paid=paid)
    costs = table[["architecture"]].assign(latency=[9.0, *[1.0] * (len(table) - 1)])
    limited = SearchParameters(strategy="random", queries=6, limits={"latency": 2.0})
    with pytest.raises(
        InputError, match=f"{paid[0].architecture} has a label already, but it exceeds the limits"
    ):
        run_search(space, evaluator, limited, cost_table=costs, paid=paid)
    result = run_search(space, evaluator, limited, cost_table=costs, paid=paid[1:])
    assert result.history["architecture"].iloc[:4].tolist() == [answer.architecture for answer in paid[1:]]


@pytest.mark.parametrize("strategy", ["curriculum", "random"])
def test_small_space_is_exhausted_without_repeats(strategy):
    table = toy_table()
    result = search(table, strategy=strategy, queries=1000, initial=500, batch=300)
    assert len(result.history) == len(table)


def test_s17_a_table_and_random_search_of_one_seed_are_drawn_apart():
    space = ToySpace()
    table = toy_table()
    for seed in range(3):
        drawn = list(dict.fromkeys(space.sample(np.random.default_rng(seed), 10)))
        asked = search(table, strategy="random", queries=10, seed=seed).history["architecture"]
        assert len(set(asked) & set(drawn)) < 3


def test_labels_bought_before_take_the_place_of_the_initial_design():
    """Two stages, one of which buys the initial design, go the way of one search."""
    whole = search(toy_table(), strategy="exhaustive")
    table, space = toy_table(), ToySpace()
    evaluator = TableEvaluator(table, LABEL)
    first = SearchParameters(**SMALL | {"strategy": "exhaustive", "queries": 10})
    design = run_search(space, evaluator, first, ranker=quadratic(space)).history
    paid = evaluator.evaluate(design["architecture"].tolist())
    rest = SearchParameters(**SMALL | {"strategy": "exhaustive"})
    found = run_search(space, evaluator, rest, ranker=quadratic(space), paid=paid)
    pd.testing.assert_frame_equal(found.history, whole.history)


def test_a_function_of_the_users_own_and_a_ranker_by_name():
    truth = toy_table().set_index("architecture")[LABEL]

    def accuracy(architecture: str) -> float:
        if architecture.startswith("0"):
            raise ValueError("no memory for this one")
        return float(truth[architecture])

    parameters = SearchParameters(queries=20, strategy="exhaustive")
    found = run_search(ToySpace(), accuracy, parameters, ranker="gaussian_process")
    failed = found.history["architecture"].str.startswith("0")
    assert failed.any()
    assert (found.history.loc[failed, "error"] == "ValueError: no memory for this one").all()
    assert found.best_accuracy == truth[found.best_architecture]


def test_the_result_says_how_the_first_networks_were_found():
    evaluator = TableEvaluator(toy_table(), LABEL)

    def basis(ranker, **changes):
        parameters = SearchParameters(queries=5, initial=5, **changes)
        return run_search(ToySpace(), evaluator, parameters, ranker=ranker).basis

    found = basis("transfer")
    assert found["initial_design"] == "promising"
    assert found["similarity"]
    # Ranked by a count, without what other spaces taught; and a ranker that is never asked rests on nothing.
    assert basis("macs") == {"initial_design": "promising"}
    assert basis("transfer", design="random") == {"initial_design": "random"}
    assert basis("gaussian_process") == basis("transfer", strategy="random") == {"initial_design": "random"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"strategy": "magic"},
            "strategy 'magic' is unknown: choose from asha, curriculum, default",
        ),
        ({"queries": 5}, "budget of 5 queries is smaller than the initial design of 10"),
        ({"queries": 0}, "greater than or equal to 1"),
        ({"curriculum": {"learning_rate": -1}}, "greater than 0"),
        ({"spend": 5}, "Extra inputs are not permitted"),
    ],
)
def test_bad_parameters(changes, message):
    with pytest.raises(ValidationError, match=message):
        SearchParameters(**(SMALL | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": None}, "space is None, not a SearchSpace"),
        ({"space": ToySpace}, "space is <class .*, not a SearchSpace"),
        ({"evaluate": "my.py:train"}, "evaluate is 'my.py:train', not an Evaluator or a function"),
        ({"evaluate": TableEvaluator}, "evaluate is <class .*, not an Evaluator or a function"),
        ({"evaluate": 90.0}, "evaluate is 90.0, not an Evaluator or a function"),
        ({"parameters": {"queries": 5}}, "parameters is .*, not SearchParameters"),
        ({"ranker": ToySpace}, "ranker is <class .*, not a ranker or the name of one"),
    ],
)
def test_arguments_of_another_kind_are_refused_before_anything_is_paid(changes, message):
    given = {"space": ToySpace(), "evaluate": quadratic, "parameters": None, "ranker": "transfer"}
    space, evaluate, parameters, ranker = (given | changes).values()
    with pytest.raises(InputError, match=f"run_search: {message}"):
        run_search(space, evaluate, parameters, ranker=ranker)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"network": ["a"], "latency": [1.0]}, "no column 'architecture'; it has network, latency"),
        ({"architecture": ["a"], "latency": ["fast"]}, "cost 'latency' of a is not a number: 'fast'"),
        ({"architecture": ["a", "b", "a"], "latency": [1, 2, 3]}, "'latency' of a is there twice, 1 and 3"),
    ],
)
def test_tables_of_costs_that_cannot_be_used(table, message):
    parameters = SearchParameters(queries=5, strategy="random", limits={"latency": 2.0})
    with pytest.raises(InputError, match=message):
        run_search(ToySpace(), quadratic, parameters, cost_table=pd.DataFrame(table))


def test_a_cost_that_no_column_holds_is_named():
    parameters = SearchParameters(queries=5, strategy="random", limits={"watts": 2.0})
    table = pd.DataFrame({"architecture": ["a"], "delay": [1.0]})
    with pytest.raises(InputError, match="cost 'watts' is unknown: choose from macs, parameters, delay"):
        run_search(ToySpace(), quadratic, parameters, cost_table=table)


def test_the_nearest_strategy_is_named():
    with pytest.raises(ValidationError, match="did you mean 'evolution'"):
        SearchParameters(strategy="evolutoin")
