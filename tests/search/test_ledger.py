import json
import math
from collections.abc import Sequence

import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator
from contrastive_nas.search.ledger import BudgetExceededError, Ledger, Proposal


class Lengths(Evaluator):
    """The accuracy of a string is its length; counts what it was asked, dies or fails on command."""

    def __init__(self, *, die_at: str = "", raise_at: str = "", nan_at: str = "") -> None:
        self.asked: list[str] = []
        self.recalled: list[str] = []
        self.die_at, self.raise_at, self.nan_at = die_at, raise_at, nan_at

    def evaluate(self, architectures: Sequence[str]) -> list[Evaluation]:
        return [self._one(architecture) for architecture in architectures]

    def recall(self, evaluations: Sequence[Evaluation]) -> None:
        self.recalled += [evaluation.architecture for evaluation in evaluations]

    def _one(self, architecture: str) -> Evaluation:
        if architecture == self.die_at:
            raise KeyboardInterrupt
        self.asked.append(architecture)
        if architecture == self.raise_at:
            raise ValueError("diverged")
        accuracy = math.nan if architecture == self.nan_at else len(architecture) + 0.1
        return Evaluation(architecture, accuracy, "trained", seconds=1.5)


def proposals(*names: str) -> list[Proposal]:
    return [Proposal(name, "test") for name in names]


def test_counts_and_records_every_query():
    ledger = Ledger(Lengths(), budget=5)
    ledger.buy(proposals("a", "bbb"), round=0)
    ledger.buy([Proposal("cc", "best")], round=1)
    history = ledger.history()
    assert history["query"].tolist() == [1, 2, 3]
    assert history["architecture"].tolist() == ["a", "bbb", "cc"]
    assert history["accuracy"].tolist() == [1.1, 3.1, 2.1]
    assert history["best_accuracy"].tolist() == [1.1, 3.1, 3.1]
    assert history["reason"].tolist() == ["test", "test", "best"]
    assert history["round"].tolist() == [0, 0, 1]
    assert ledger.origins == {"trained": 3}
    assert ledger.remaining == 2


def test_repeated_architecture_costs_nothing():
    evaluator = Lengths()
    ledger = Ledger(evaluator, budget=2)
    first = ledger.buy(proposals("a", "a", "bb"), round=0)
    again = ledger.buy(proposals("bb", "a"), round=1)
    assert [evaluation.architecture for evaluation in first] == ["a", "bb"]
    assert [evaluation.accuracy for evaluation in again] == [2.1, 1.1]
    assert evaluator.asked == ["a", "bb"]


def test_budget_is_enforced_before_anything_is_evaluated():
    evaluator = Lengths()
    ledger = Ledger(evaluator, budget=2)
    ledger.buy(proposals("a"), round=0)
    with pytest.raises(BudgetExceededError, match="2 queries asked for, 1 of 2 left"):
        ledger.buy(proposals("a", "bb", "ccc"), round=1)
    assert evaluator.asked == ["a"]


def test_failures_are_recorded_and_the_rest_goes_on():
    ledger = Ledger(Lengths(raise_at="bb", nan_at="ccc"), budget=4)
    evaluations = ledger.buy(proposals("a", "bb", "ccc", "dddd"), round=0)
    assert [math.isnan(evaluation.accuracy) for evaluation in evaluations] == [False, True, True, False]
    history = ledger.history()
    assert history["error"].tolist() == ["", "ValueError: diverged", "accuracy is not a finite number", ""]
    assert history["best_accuracy"].tolist() == [1.1, 1.1, 1.1, 4.1]


def test_killed_and_resumed_pays_nothing_twice(tmp_path):
    path = tmp_path / "ledger.jsonl"
    killed = Lengths(die_at="ccc")
    with pytest.raises(KeyboardInterrupt):
        Ledger(killed, 5, path).buy(proposals("a", "bb", "ccc", "dddd"), round=0)
    resumed = Lengths()
    ledger = Ledger(resumed, 5, path)
    ledger.buy(proposals("a", "bb", "ccc", "dddd"), round=0)
    assert killed.asked == ["a", "bb"]
    assert resumed.asked == ["ccc", "dddd"]
    assert resumed.recalled == ["a", "bb"]
    whole = Ledger(Lengths(), 5, tmp_path / "whole.jsonl")
    whole.buy(proposals("a", "bb", "ccc", "dddd"), round=0)
    assert ledger.history().equals(whole.history())
    assert path.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_half_written_line_is_dropped(tmp_path):
    path = tmp_path / "ledger.jsonl"
    Ledger(Lengths(), 5, path).buy(proposals("a", "bb"), round=0)
    path.write_bytes(path.read_bytes()[:-7])
    evaluator = Lengths()
    ledger = Ledger(evaluator, 5, path)
    ledger.buy(proposals("a", "bb"), round=0)
    assert evaluator.asked == ["bb"]
    assert [json.loads(line)["architecture"] for line in path.read_text().splitlines()[1:]] == ["a", "bb"]


def test_other_course_keeps_what_was_paid(tmp_path):
    path = tmp_path / "ledger.jsonl"
    Ledger(Lengths(), 4, path).buy(proposals("a", "bb", "ccc"), round=0)
    evaluator = Lengths()
    ledger = Ledger(evaluator, 4, path)
    evaluations = ledger.buy(proposals("a", "dddd", "eeeee"), round=0)
    assert evaluator.asked == ["dddd"]
    assert [evaluation.architecture for evaluation in evaluations] == ["a", "dddd", "bb", "ccc"]
    assert ledger.history()["query"].tolist() == [1, 2, 3, 4]
    assert ledger.remaining == 0


def test_nan_survives_the_file(tmp_path):
    path = tmp_path / "ledger.jsonl"
    Ledger(Lengths(nan_at="a"), 2, path).buy(proposals("a"), round=0)
    evaluator = Lengths()
    (evaluation,) = Ledger(evaluator, 2, path).buy(proposals("a"), round=0)
    assert evaluator.asked == []
    assert math.isnan(evaluation.accuracy)


def test_file_of_another_search_is_refused(tmp_path):
    path = tmp_path / "ledger.jsonl"
    Ledger(Lengths(), 2, path, identity="one")
    with pytest.raises(InputError, match="records another search"):
        Ledger(Lengths(), 2, path, identity="two")


@pytest.mark.parametrize("line", ["{", "[]", '{"number": 1}', '{"accuracy": "x"}'])
def test_damaged_line_is_named(tmp_path, line):
    path = tmp_path / "ledger.jsonl"
    Ledger(Lengths(), 3, path).buy(proposals("a"), round=0)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=r"ledger\.jsonl line 3"):
        Ledger(Lengths(), 3, path)
