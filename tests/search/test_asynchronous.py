"""Searches with several queries under way; the clock of their trainings is a virtual one."""

import logging
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.search.toy import ToySpace, quadratic, toy_table

from contrastive_nas import progress
from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator, Fidelity
from contrastive_nas.evaluators.pending import LookUps, Pending
from contrastive_nas.evaluators.simulated import SimulatedTrainings
from contrastive_nas.evaluators.table import TableEvaluator
from contrastive_nas.ranking.space_ranker import SpaceRanker, create_space_ranker
from contrastive_nas.search.acquisition import bought_together
from contrastive_nas.search.asynchronous import AsynchronousLedger, spend_asynchronously
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.search.strategies.base import RankerStrategy, Setting
from contrastive_nas.search.strategy_registry import create_strategy

LABEL = "toy_valid_accuracy"
QUERIES = 15
SMALL: dict[str, Any] = {
    "queries": QUERIES,
    "initial": 5,
    "parallel": 4,
    "strategy": "exhaustive",
    "evolution": {"population": 10, "generations": 1},
}


@pytest.fixture(scope="module")
def timed() -> pd.DataFrame:
    """Toys whose trainings differ in time by a factor of five."""
    table = toy_table()
    seconds = np.random.default_rng(0).uniform(1, 5, len(table))
    return table.assign(seconds=seconds)


def search(evaluator: Evaluator, folder: Path | None = None, **changes: Any) -> pd.DataFrame:
    space = ToySpace()
    parameters = SearchParameters(**(SMALL | changes))
    return run_search(space, evaluator, parameters, ranker=quadratic(space), folder=folder).history


@pytest.mark.parametrize("workers", [2, 7])
def test_so_many_run_until_nothing_is_left_to_begin(timed: pd.DataFrame, workers: int) -> None:
    evaluator = SimulatedTrainings(timed, LABEL, workers=workers)
    history = search(evaluator, parallel=workers)
    assert len(history) == QUERIES
    begins, ends, names = map(list, zip(*evaluator.spans, strict=True))
    assert sorted(names) == sorted(history["architecture"])
    for moment in begins[workers - 1 :]:
        assert sum(begin <= moment < end for begin, end, _ in evaluator.spans) == workers
    # Answers are recorded in the order in which trainings end.
    times = dict(zip(names, ends, strict=True))
    assert all(times[a] <= times[b] for a, b in pairwise(history["architecture"]))
    assert evaluator.clock == max(ends)


def test_off_is_what_it_was(tmp_path: Path) -> None:
    table = toy_table()
    found = [
        search(TableEvaluator(table, LABEL), tmp_path / str(number), parallel=number) for number in (0, 1)
    ]
    pd.testing.assert_frame_equal(*found)
    (first,), (second,) = ((tmp_path / name).iterdir() for name in ("0", "1"))
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    assert "parallel" not in first.read_text()


def test_one_under_way_is_a_search_one_by_one() -> None:
    space, evaluator = ToySpace(), TableEvaluator(toy_table(), LABEL)
    parameters = SearchParameters(**(SMALL | {"parallel": 0, "batch": 1}))
    expected = run_search(space, evaluator, parameters, ranker=quadratic(space)).history
    rng = np.random.default_rng(0)
    strategy = create_strategy(Setting(space, rng, parameters, quadratic(space)))
    ledger = AsynchronousLedger(evaluator, QUERIES)
    spend_asynchronously(strategy, ledger, parameters, most=1)
    pd.testing.assert_frame_equal(ledger.history().drop(columns="round"), expected.drop(columns="round"))


@pytest.mark.parametrize("strategy", ["evolution", "random", "regularized_evolution", "tpe"])
def test_same_seed_and_order_give_the_same_choices(timed: pd.DataFrame, strategy: str) -> None:
    first, second = (search(SimulatedTrainings(timed, LABEL), strategy=strategy) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert first["architecture"].is_unique


class Killed(TableEvaluator):
    """Dies when it is asked for one more answer than it may give."""

    def __init__(self, table: pd.DataFrame, answers: int) -> None:
        super().__init__(table, LABEL)
        self.left, self.given = answers, []

    def evaluate(self, architectures: Sequence[str]) -> list[Evaluation]:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.given += architectures
        return super().evaluate(architectures)


@pytest.mark.parametrize("killed_after", [0, 3, 10])
def test_a_killed_search_goes_on_to_the_same_bits(tmp_path: Path, killed_after: int) -> None:
    whole = search(TableEvaluator(toy_table(), LABEL), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        search(Killed(toy_table(), killed_after), tmp_path / "killed")
    rest = Killed(toy_table(), 1000)
    pd.testing.assert_frame_equal(search(rest, tmp_path / "killed"), whole)
    assert rest.given == whole["architecture"].tolist()[killed_after:]
    (first,), (second,) = ((tmp_path / name).iterdir() for name in ("whole", "killed"))
    assert first.read_bytes() == second.read_bytes()


class KilledTrainings(SimulatedTrainings):
    """Dies in the middle of trainings."""

    left = -1

    def answer(self, architecture: str, end: float) -> Evaluation:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return super().answer(architecture, end)


@pytest.mark.parametrize("killed_after", [2, 9])
def test_what_was_under_way_is_begun_again_and_nothing_paid_twice(
    timed: pd.DataFrame, tmp_path: Path, killed_after: int
) -> None:
    whole = search(SimulatedTrainings(timed, LABEL, workers=4))
    killed = KilledTrainings(timed, LABEL, workers=4)
    killed.left = killed_after
    with pytest.raises(KeyboardInterrupt):
        search(killed, tmp_path)
    paid = whole["architecture"].tolist()[:killed_after]
    under_way = [name for _, _, name in killed.spans if name not in paid]
    assert len(under_way) == 4
    resumed = KilledTrainings(timed, LABEL, workers=4)
    history = search(resumed, tmp_path)
    begun = [name for _, _, name in resumed.spans]
    assert begun[:4] == under_way
    assert not set(begun) & set(paid)
    pd.testing.assert_frame_equal(history[:killed_after], whole[:killed_after])
    assert len(history) == QUERIES
    # The record of both runs leads to the same state once more, at no cost.
    again = KilledTrainings(timed, LABEL, workers=4)
    pd.testing.assert_frame_equal(search(again, tmp_path), history)
    assert again.spans == []


def test_answers_found_together_are_told_together(timed: pd.DataFrame, tmp_path: Path) -> None:
    table = timed.assign(seconds=1.0)
    history = search(SimulatedTrainings(table, LABEL, workers=4), tmp_path, queries=12)
    assert history["round"].value_counts().sort_index().tolist() == [4] * 3
    again = SimulatedTrainings(table, LABEL, workers=4)
    pd.testing.assert_frame_equal(search(again, tmp_path, queries=12), history)
    assert again.spans == []


def test_a_record_of_another_course_is_taken_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    search(TableEvaluator(toy_table(), LABEL), tmp_path)
    (file,) = tmp_path.iterdir()
    header, *lines = file.read_text().splitlines()
    # The search would have begun these after the others.
    file.write_text("\n".join([header, *lines[7:12]]) + "\n")
    evaluator = Killed(toy_table(), 1000)
    with caplog.at_level(logging.WARNING):
        history = search(evaluator, tmp_path)
    assert "it reuses 5 recorded queries" in caplog.text
    assert len(evaluator.given) == QUERIES - 5
    assert len(history) == history["architecture"].nunique() == QUERIES


@pytest.fixture(scope="module")
def fitted(timed: pd.DataFrame) -> tuple[SpaceRanker, dict[str, float]]:
    """A ranker that knows how its errors go together, and its labels."""
    ranker = create_space_ranker("gaussian_process", ToySpace(), seed=0)
    labels = timed.sample(12, random_state=1).set_index("architecture")[LABEL].to_dict()
    ranker.fit(list(labels), np.array(list(labels.values())))
    return ranker, labels


def test_what_is_under_way_is_believed(fitted: tuple[SpaceRanker, dict[str, float]]) -> None:
    ranker, labels = fitted

    def strategy() -> RankerStrategy:
        parameters = SearchParameters(strategy="exhaustive")
        made = create_strategy(Setting(ToySpace(), np.random.default_rng(0), parameters, ranker))
        assert isinstance(made, RankerStrategy)
        made.tell([Evaluation(name, label, "trained") for name, label in labels.items()])
        return made

    together = [proposal.architecture for proposal in strategy().ask(6)]
    one_by_one, believer = [], strategy()
    for _ in range(6):
        (proposal,) = believer.ask(1)
        one_by_one.append(proposal.architecture)
        believer.begin([proposal.architecture])
    assert one_by_one == together
    # Each for itself, others have most to gain.
    left = [name for name in ToySpace().enumerate() if name not in labels]
    order = np.argsort(-strategy().gains(left), kind="stable")[:6]
    assert {left[place] for place in order} != set(together)


def test_networks_of_one_score_under_way_do_no_harm(fitted: tuple[SpaceRanker, dict[str, float]]) -> None:
    ranker, labels = fitted
    left = [name for name in ToySpace().enumerate() if name not in labels]
    best = ranker.best_labelled
    once = bought_together(ranker, left[50:], best, 5, left[30:33])
    assert bought_together(ranker, left[50:], best, 5, [*left[30:33], left[31]]) == once


class Breaking(Evaluator):
    """Cannot begin some queries, and has no accuracy for others."""

    origin = "trained"

    def __init__(self, faulty: bool = False) -> None:
        self.faulty = faulty
        self.asked: list[str] = []

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "breaking"}

    def evaluate(self, architectures: Sequence[str]) -> list[Evaluation]:
        self.asked += architectures
        if architectures[0].startswith("2"):
            raise MemoryError if self.faulty else ValueError("diverged")
        accuracy = math.nan if architectures[0].startswith("3") else float(len(self.asked))
        return [Evaluation(architectures[0], accuracy, "trained", 1.0)]

    def pending(self) -> Pending:
        return _BreaksAtOnce(self)


class _BreaksAtOnce(LookUps):
    def begin(self, architecture: str) -> None:
        if architecture.startswith("0"):
            raise RuntimeError("no such layer")
        super().begin(architecture)


def test_what_fails_is_a_failed_query(tmp_path: Path) -> None:
    history = search(Breaking(), tmp_path, strategy="random", queries=40)
    assert len(history) == 40
    first = history["architecture"].str[0]
    expected = {
        "0": "RuntimeError: no such layer",
        "1": "",
        "2": "ValueError: diverged",
        "3": "accuracy is not a finite number",
    }
    assert history["error"].tolist() == first.map(expected).tolist()
    assert history["accuracy"].isna().tolist() == (first != "1").tolist()


def test_faults_of_the_machine_are_asked_again(tmp_path: Path) -> None:
    broken = search(Breaking(faulty=True), tmp_path, strategy="random")
    faults = broken["architecture"][broken["error"] == "MemoryError: "].tolist()
    assert faults
    healed = Breaking()
    history = search(healed, tmp_path, strategy="random")
    assert set(faults) <= set(healed.asked)
    assert (
        history["architecture"].tolist()[: history["architecture"].tolist().index(faults[0]) + 1]
        == (broken["architecture"].tolist()[: broken["architecture"].tolist().index(faults[0]) + 1])
    )
    assert "MemoryError: " not in set(history["error"])


def test_a_space_that_is_used_up_ends_the_search(caplog: pytest.LogCaptureFixture) -> None:
    history = search(TableEvaluator(toy_table(), LABEL), strategy="random", queries=2000, parallel=50)
    assert len(history) == ToySpace.size
    assert "No new architecture is left after 960 of 2000 queries" in caplog.text


def test_hours_run_over_by_what_is_under_way(timed: pd.DataFrame) -> None:
    evaluator = SimulatedTrainings(timed, LABEL, workers=4)
    history = search(evaluator, budget={"hours": 30 / 3600})
    before = history["seconds"].cumsum().searchsorted(30) + 1
    assert len(history) == before + 3


def test_limits_and_objectives_work(timed: pd.DataFrame) -> None:
    table = timed.assign(size=timed["architecture"].str.count("3") + 1.0)
    space = ToySpace()
    parameters = SearchParameters(**SMALL, limits={"size": 3}, objectives=("macs",))
    found = run_search(
        space,
        SimulatedTrainings(table, LABEL, workers=4),
        parameters,
        ranker=quadratic(space),
        cost_table=table,
    ).history
    assert (found["architecture"].str.count("3") <= 2).all()
    assert found["on_front"].any()


def test_refusals_say_what_to_do(timed: pd.DataFrame) -> None:
    space = ToySpace()
    with pytest.raises(InputError, match="FunctionEvaluator answers one query after another; set search"):
        run_search(space, lambda _: 1.0, SearchParameters(**SMALL), ranker=quadratic(space))
    cheap = TableEvaluator(timed, LABEL, fidelities={Fidelity("short", 0.1): LABEL})
    with pytest.raises(InputError, match=r"search\.parallel needs full trainings alone"):
        search(cheap, strategy="default", budget={"trainings": 5})
    with pytest.raises(InputError, match="latencies are not measured beside trainings"):
        search(TableEvaluator(timed, LABEL), limits={"latency": 3.0})


def test_progress_says_what_runs(
    timed: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def at_work(self: object) -> list[str]:
        return [f"process {number} on 0-1-2-3-0 for 00:0{number}" for number in range(6)]

    monkeypatch.setattr(LookUps, "at_work", at_work)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(progress, "_watch", progress._Watch())
    caplog.set_level(logging.INFO, "contrastive_nas")
    search(TableEvaluator(timed, LABEL))
    assert "at work: process 0 on 0-1-2-3-0 for 00:00; process 1 on" in caplog.text
    assert "process 3 on 0-1-2-3-0 for 00:03; 2 more" in caplog.text
