import json
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator
from contrastive_nas.evaluators.table import TableEvaluator
from contrastive_nas.search.ledger import BudgetExceededError, Ledger, Proposal
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.spaces import load_space


class Lengths(Evaluator):
    """The accuracy of a string is its length; counts what it was asked, dies or fails on command."""

    origin = "trained"

    def __init__(
        self,
        *,
        die_at: str = "",
        raise_at: str = "",
        nan_at: str = "",
        fault_at: str = "",
        unit: str = "letters",
    ) -> None:
        self.asked: list[str] = []
        self.recalled: list[str] = []
        self.die_at, self.raise_at, self.nan_at, self.fault_at = die_at, raise_at, nan_at, fault_at
        self.unit = unit

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "lengths", "data": {"unit": self.unit}}

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
        if architecture == self.fault_at:
            raise MemoryError
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
    Ledger(Lengths(), 2, path, {"seed": 1, "sizes": (1, 2)})
    Ledger(Lengths(), 2, path, {"seed": 1, "sizes": (1, 2)})
    with pytest.raises(InputError, match=r"another search \(search.seed is 1 there and 2 here\)"):
        Ledger(Lengths(), 2, path, {"seed": 2, "sizes": (1, 2)})


def test_file_of_another_evaluator_is_refused(tmp_path):
    path = tmp_path / "ledger.jsonl"
    Ledger(Lengths(), 2, path)
    with pytest.raises(InputError, match=r"evaluator\.data\.unit is 'letters' there and 'bytes' here"):
        Ledger(Lengths(unit="bytes"), 2, path)


def test_a_folder_keeps_searches_and_evaluators_apart(tmp_path):
    for unit, seed in (("letters", 1), ("letters", 2), ("bytes", 1), ("letters", 1)):
        Ledger.in_folder(Lengths(unit=unit), 2, tmp_path, {"seed": seed})
    assert len(list(tmp_path.iterdir())) == 3


def ask(path, evaluator, *names):
    """The ledger of a search that asks for these, one after another."""
    ledger = Ledger(evaluator, 9, path)
    for round, name in enumerate(names):
        ledger.buy(proposals(name), round)
    return ledger


def test_a_fault_of_the_machine_is_asked_again(tmp_path):
    path, names = tmp_path / "ledger.jsonl", ("a", "bb", "ccc", "dddd")
    faulty = ask(path, Lengths(fault_at="bb"), *names)
    assert faulty.history()["error"].tolist() == ["", "MemoryError: ", "", ""]
    again = Lengths()
    whole = ask(path, again, *names)
    assert again.asked == ["bb"]
    assert again.recalled == ["a", "ccc", "dddd"]
    assert whole.history().equals(ask(None, Lengths(), *names).history())
    # And it stays answered.
    third = Lengths()
    assert ask(path, third, *names).history().equals(whole.history())
    assert third.asked == []


def test_a_fault_in_the_middle_of_a_batch_keeps_the_course(tmp_path):
    path, names = tmp_path / "ledger.jsonl", ("a", "bb", "ccc", "dddd")
    Ledger(Lengths(fault_at="bb"), 9, path).buy(proposals(*names), round=0)
    again = Lengths()
    ledger = Ledger(again, 9, path)
    assert [one.accuracy for one in ledger.buy(proposals(*names), round=0)] == [1.1, 2.1, 3.1, 4.1]
    assert again.asked == ["bb"]


def test_what_leaves_the_course_takes_no_fault_along(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ask(path, Lengths(fault_at="bb"), "a", "bb", "ccc")
    ledger = ask(path, Lengths(), "eeeee")
    assert ledger.history()["architecture"].tolist() == ["a", "ccc", "eeeee"]
    assert ledger.history()["query"].tolist() == [1, 2, 3]


def test_u8_the_first_reason_is_named():
    ledger = Ledger(Lengths(raise_at="a", nan_at="bb"), 3)
    ledger.check_answers()
    ledger.buy(proposals("a", "bb"), round=0)
    with pytest.raises(InputError, match="2 failed; the first, a: ValueError: diverged"):
        ledger.check_answers()
    ledger.buy(proposals("ccc"), round=1)
    ledger.check_answers()


def test_s4_a_folder_answers_for_one_label_only(tmp_path):
    space, rng = load_space("nasbench201"), np.random.default_rng(0)
    names = list(space.enumerate())
    labels = {"first": rng.uniform(50, 94, len(names)), "second": rng.uniform(10, 74, len(names))}
    table = pd.DataFrame({"architecture": names, **labels})
    parameters = SearchParameters(queries=10, strategy="random")
    for label in labels:
        found = run_search(space, TableEvaluator(table, label), parameters, folder=tmp_path)
        assert found.best_accuracy == table.set_index("architecture").loc[found.best_architecture, label]
    changed = table.assign(second=table["second"] / 2)
    found = run_search(space, TableEvaluator(changed, "second"), parameters, folder=tmp_path)
    assert found.best_accuracy == changed.set_index("architecture").loc[found.best_architecture, "second"]
    # Nor for other options of the space.
    wider = load_space("nasbench201", channels=32)
    run_search(wider, TableEvaluator(changed, "second"), parameters, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("line", ["{", "[]", '{"number": 1}', '{"accuracy": "x"}'])
def test_damaged_line_is_named(tmp_path, line):
    path = tmp_path / "ledger.jsonl"
    Ledger(Lengths(), 3, path).buy(proposals("a"), round=0)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=r"ledger\.jsonl line 3"):
        Ledger(Lengths(), 3, path)


@pytest.mark.parametrize(
    "change",
    [
        {"accuracy": True},
        {"accuracy": "high"},
        {"accuracy": math.inf},
        {"architecture": ["a"]},
        {"architecture": None},
        {"colour": "red"},
    ],
)
def test_a_line_that_is_no_query_is_named(tmp_path, change):
    path = tmp_path / "ledger.jsonl"
    Ledger(Lengths(), 3, path).buy(proposals("a", "bb"), round=0)
    first, second, third = path.read_text().splitlines()
    path.write_text("\n".join([first, json.dumps(json.loads(second) | change), third, ""]))
    with pytest.raises(InputError, match=r"ledger\.jsonl line 2 is not a query: .*delete the file to repeat"):
        Ledger(Lengths(), 3, path)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_bytes_that_are_no_text_are_named(tmp_path, number):
    path = tmp_path / "ledger.jsonl"
    Ledger(Lengths(), 3, path).buy(proposals("a", "bb"), round=0)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[: number - 1], b"\xff\xfe\n", *lines[number - 1 :]]))
    with pytest.raises(InputError, match=rf"ledger\.jsonl line {number} is damaged: not UTF-8"):
        Ledger(Lengths(), 3, path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"file/ledger-.*: the ledger cannot be written: File exists"):
        Ledger.in_folder(Lengths(), 3, tmp_path / "file", {})
    (tmp_path / "ledger.jsonl").mkdir()
    with pytest.raises(InputError, match=r"ledger.jsonl: the ledger cannot be written: Is a directory"):
        Ledger(Lengths(), 3, tmp_path / "ledger.jsonl")


OTHER_PROCESS = """
import sys
from pathlib import Path
from tests.search.test_ledger import Ledger, Lengths, proposals
ledger = Ledger(Lengths(), 3, Path(sys.argv[1]))
ledger.buy(proposals("a"), round=0)
print("open", flush=True)
sys.stdin.read()
"""


def test_one_file_serves_one_process_at_a_time(tmp_path):
    """Else both would pay for the same networks, and one would cut off an unfinished line of the other."""
    path = tmp_path / "ledger.jsonl"
    command = [sys.executable, "-c", OTHER_PROCESS, str(path)]
    root = Path(__file__).parents[2]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=root) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(InputError, match="another process is running this search"):
            Ledger(Lengths(), 3, path)
        other.kill()
    evaluator = Lengths()
    Ledger(evaluator, 3, path).buy(proposals("a", "bb"), round=0)
    assert evaluator.asked == ["bb"]
