"""Searches that buy short trainings beside full ones, on toys whose short trainings are noisy."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy import ToySpace, quadratic, toy_table

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator, Fidelity
from contrastive_nas.evaluators.function import FunctionEvaluator
from contrastive_nas.evaluators.table import TableEvaluator
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.graph_source import SpaceSource
from contrastive_nas.ranking.space_ranker import SpaceRanker
from contrastive_nas.ranking.transfer.ranker import TransferRanker
from contrastive_nas.ranking.transfer.weights import load_transfer
from contrastive_nas.search.budget import Budget
from contrastive_nas.search.ledger import BudgetExceededError, Ledger, Proposal
from contrastive_nas.search.parameters import BudgetParameters, SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.search.strategy_registry import WITH_HALVING

FULL, SHORT, MIDDLE = "toy_valid_accuracy", "short", "middle"
OFFERED = {Fidelity("short", 0.1): SHORT, Fidelity("middle", 0.3): MIDDLE}


def table_of_three() -> pd.DataFrame:
    table, rng = toy_table(), np.random.default_rng(1)
    full = table[FULL].to_numpy()
    return table.assign(
        short=full / 2 + rng.normal(0, 4, len(full)), middle=full / 1.5 + rng.normal(0, 1, len(full))
    )


def evaluator() -> TableEvaluator:
    return TableEvaluator(table_of_three(), FULL, None, OFFERED)


def parameters(strategy: str, trainings: float = 6, **options) -> SearchParameters:
    return SearchParameters(strategy=strategy, budget=BudgetParameters(trainings=trainings), **options)


def test_ledger_counts_costs_and_tells_fidelities_apart():
    ledger = Ledger(evaluator(), Budget(1.4, "trainings"))
    answers = ledger.buy([Proposal("0-0-0-0-1", "a", "short"), Proposal("0-0-0-0-1", "b")], round=0)
    known = table_of_three().set_index("architecture").loc["0-0-0-0-1"]
    assert [answer.accuracy for answer in answers] == [known[SHORT], known[FULL]]
    assert [answer.fidelity for answer in answers] == ["short", "full"]
    history = ledger.history()
    assert history["cost"].tolist() == [0.1, 1.0]
    assert np.array_equal(history["best_accuracy"], [math.nan, known[FULL]], equal_nan=True)
    assert ledger.spent == pytest.approx(1.1)
    with pytest.raises(BudgetExceededError, match=r"0\.3 of 1\.4 trainings left"):
        ledger.buy([Proposal("0-0-0-0-2", "c")], round=1)
    ledger.buy([Proposal("0-0-0-0-1", "again", "short"), Proposal("0-0-0-0-2", "c", "middle")], round=1)
    assert len(ledger) == 3


def test_without_fidelities_files_and_histories_have_no_word_of_them(tmp_path: Path):
    ledger = Ledger(TableEvaluator(toy_table(), FULL), 3, tmp_path / "ledger.jsonl")
    ledger.buy([Proposal("0-0-0-0-1", "a")], round=0)
    record = json.loads((tmp_path / "ledger.jsonl").read_text().splitlines()[1])
    assert list(record) == [
        "number", "round", "reason", "architecture", "accuracy", "origin", "seconds", "error",
        "machine_fault",
    ]  # fmt: skip
    assert not {"fidelity", "cost"} & set(ledger.history().columns)


@pytest.mark.parametrize("strategy", WITH_HALVING)
def test_strategies_that_halve_stay_within_the_budget_and_promote_what_was_measured(strategy: str):
    history = run_search(ToySpace(), evaluator(), parameters(strategy)).history
    assert history["cost"].sum() <= 6 + 1e-9
    # Nothing affordable is left over but what the rung or plan asked for.
    assert history["cost"].sum() > 4.5
    assert (history["fidelity"] == "full").any()
    measured: dict[str, set[str]] = {"short": set(), "middle": set(), "full": set()}
    for name, fidelity, reason in history[["architecture", "fidelity", "reason"]].to_numpy():
        if reason == "promoted":
            assert name in measured["short"] | measured["middle"]
        measured[fidelity].add(name)
    assert not history.duplicated(["architecture", "fidelity"]).any()


def test_brackets_of_successive_halving_spend_the_same_on_every_rung():
    history = run_search(ToySpace(), evaluator(), parameters("successive_halving", 3.2)).history
    # m c_full / c_i networks with m = 1: 10, 4 (rounded up) and 1.
    assert history["fidelity"].value_counts().to_dict() == {"short": 10, "middle": 4, "full": 1}
    short = history[history["fidelity"] == "short"].nlargest(4, "accuracy")["architecture"]
    assert set(history[history["fidelity"] == "middle"]["architecture"]) == set(short)


def test_hyperband_begins_each_bracket_one_rung_higher():
    history = run_search(ToySpace(), evaluator(), parameters("hyperband", 20)).history
    random = history[history["reason"] == "random"].drop_duplicates("round")
    assert random["fidelity"].tolist()[:4] == ["short", "middle", "full", "short"]


def test_asha_promotes_what_is_in_the_best_third_of_its_rung():
    history = run_search(ToySpace(), evaluator(), parameters("asha", 8)).history
    below = {"middle": "short", "full": "middle"}
    for place, query in history[history["fidelity"] != "short"].iterrows():
        rung = history[:place]
        rung = rung[rung["fidelity"] == below[query["fidelity"]]]
        assert query["architecture"] in rung.nlargest(len(rung) // 3, "accuracy")["architecture"].tolist()


def test_random_then_best_trains_the_best_tenth():
    history = run_search(ToySpace(), evaluator(), parameters("random_then_best", 4)).history
    short = history[history["fidelity"] == "short"]
    assert len(short) == 20
    best = short.nlargest(2, "accuracy")["architecture"].tolist()
    assert history[history["fidelity"] == "full"]["architecture"].tolist() == best


@pytest.fixture(scope="module")
def guide() -> Callable[[], SpaceRanker]:
    """The default ranker, afresh; graphs and what the encoder says of them are made once."""
    source, features, model = SpaceSource(ToySpace()), EncoderFeatures(), load_transfer()
    return lambda: SpaceRanker(TransferRanker(model, features), ToySpace(), source=source)


class Killed(Evaluator):
    """Answers from a table until it has answered so many, then dies."""

    origin = "looked_up"

    def __init__(self, inner: Evaluator, answers: list[int]) -> None:
        self._inner, self._answers = inner, answers

    @property
    def identity(self):
        return self._inner.identity

    @property
    def fidelities(self):
        return self._inner.fidelities

    def at(self, fidelity: str) -> Evaluator:
        return Killed(self._inner.at(fidelity), self._answers)

    def evaluate(self, architectures) -> list[Evaluation]:
        self._answers[0] -= len(architectures)
        if self._answers[0] < 0:
            raise KeyboardInterrupt
        return self._inner.evaluate(architectures)


@pytest.mark.parametrize("strategy", [*WITH_HALVING, "fidelities"])
def test_a_killed_search_ends_in_the_same_history(
    strategy: str, tmp_path: Path, guide: Callable[[], SpaceRanker]
):
    small = parameters(strategy, 3)
    whole = run_search(ToySpace(), evaluator(), small, ranker=guide()).history
    for answers in (3, 2):
        dying = Killed(evaluator(), [answers])
        with pytest.raises(KeyboardInterrupt):
            run_search(ToySpace(), dying, small, ranker=guide(), folder=tmp_path)
    again = run_search(ToySpace(), evaluator(), small, ranker=guide(), folder=tmp_path).history
    pd.testing.assert_frame_equal(again, whole)


def test_ours_buys_cheap_labels_first_and_finds_more_than_full_trainings_alone(
    guide: Callable[[], SpaceRanker],
):
    found, alone = [], []
    for seed in range(2):
        own = parameters("default", 6, seed=seed)
        history = run_search(ToySpace(), evaluator(), own, ranker=guide()).history
        assert history["cost"].sum() <= 6 + 1e-9
        assert set(history["fidelity"][:5]) == {"short"}
        assert (history["fidelity"] == "full").any()
        found.append(history["best_accuracy"].max())
        only = TableEvaluator(table_of_three(), FULL)
        alone.append(run_search(ToySpace(), only, own, ranker=guide()).best_accuracy)
    assert np.mean(found) >= np.mean(alone)


def test_a_budget_below_the_cheapest_request_is_refused():
    with pytest.raises(InputError, match=r"budget of 0.05 trainings is below .* 'short' costs 0.1"):
        run_search(ToySpace(), evaluator(), parameters("asha", 0.05))


def test_a_fidelity_that_the_table_lacks_is_refused():
    with pytest.raises(InputError, match="fidelity '4 epochs': table has no column 'absent'"):
        TableEvaluator(toy_table(), FULL, None, {Fidelity("4 epochs", 0.1): "absent"})


@pytest.mark.parametrize(("fidelity", "reason"), [(("full", 0.5), "rename"), (("half", 1.0), "less than 1")])
def test_fidelities_that_make_no_sense_are_refused(fidelity: tuple[str, float], reason: str):
    with pytest.raises(InputError, match=reason):
        TableEvaluator(table_of_three(), FULL, None, {Fidelity(*fidelity): SHORT})


def test_hours_without_trainings_are_refused():
    hours = SearchParameters(budget=BudgetParameters(hours=1))
    with pytest.raises(InputError, match="give it in trainings"):
        run_search(ToySpace(), evaluator(), hours)


def test_rankers_and_strategies_that_know_one_fidelity_are_refused():
    with pytest.raises(InputError, match="does not learn from fidelities"):
        run_search(ToySpace(), evaluator(), parameters("fidelities"), ranker=quadratic(ToySpace()))
    for strategy in ("asha", "fidelities"):
        with pytest.raises(InputError, match=r"needs evaluator\.fidelities"):
            run_search(ToySpace(), TableEvaluator(toy_table(), FULL), parameters(strategy))


def test_functions_are_told_the_fidelity():
    asked = []

    def accuracy(architecture: str, fidelity: str) -> float:
        asked.append(fidelity)
        return 50.0 + len(asked)

    source = FunctionEvaluator(accuracy, "counted", [Fidelity("quick", 0.25)])
    history = run_search(ToySpace(), source, parameters("successive_halving", 2)).history
    assert asked == history["fidelity"].tolist() == ["quick"] * 4 + ["full"]
