"""A function of the user's own as the source of accuracies."""

import math
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import partial

import numpy as np
import pytest
import torch
from tests.search.toy import ToySpace

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.function import AccuracyFunction, FunctionEvaluator, load_function
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import SearchResult, run_search

CALLS: list[str] = []


def total(architecture: str) -> float:
    """The sum of a toy's digits."""
    CALLS.append(architecture)
    return float(sum(map(int, architecture.split("-"))))


def other(architecture: str) -> float:
    return 1.0


def search(function: AccuracyFunction, folder=None, identity="", **changes) -> SearchResult:
    parameters = SearchParameters(**({"queries": 12, "strategy": "random", "batch": 4} | changes))
    return run_search(ToySpace(), FunctionEvaluator(function, identity), parameters, folder=folder)


def test_a_search_asks_a_function_and_goes_on_where_it_was(tmp_path):
    CALLS.clear()
    found = search(total, tmp_path)
    assert found.best_accuracy == max(total(name) for name in found.history["architecture"])
    assert found.origins == {"trained": 12}
    CALLS.clear()
    longer = search(total, tmp_path, queries=15)
    assert longer.history["architecture"].tolist()[12:] == CALLS
    # Another function has nothing to do with these answers.
    assert search(other, tmp_path).best_accuracy == 1.0


def failing(architecture: str) -> object:
    first = int(architecture[0])
    if first == 0:
        raise InputError("no such network")
    if first == 1:
        raise MemoryError
    return {2: math.inf, 3: "good"}.get(first)


@pytest.mark.parametrize(
    ("architecture", "reason", "fault"),
    [
        ("0-0-0-0-1", "InputError: no such network", False),
        ("1-0-0-0-1", "MemoryError: ", True),
        ("2-0-0-0-1", "the function returned inf, which is not a finite number", False),
        ("3-0-0-0-1", "the function returned 'good', which is not a finite number", False),
        ("4-0-0-0-1", "the function returned None, which is not a finite number", False),
    ],
)
def test_failures_have_their_reason(architecture, reason, fault):
    (answer,) = FunctionEvaluator(failing).evaluate([architecture])
    assert math.isnan(answer.accuracy)
    assert (answer.error, answer.machine_fault) == (reason, fault)
    with pytest.raises(InputError, match="has no accuracy: "):
        FunctionEvaluator(failing).final_accuracy(architecture)


def test_numbers_of_any_kind_are_taken():
    for number in (3, np.float32(3), np.int64(3)):
        (answer,) = FunctionEvaluator(lambda name, number=number: number).evaluate(["x"])
        assert (answer.accuracy, type(answer.accuracy)) == (3.0, float)


def test_a_search_in_which_all_fails_says_why():
    with pytest.raises(
        InputError, match=r"12 failed; the first, .*(no such network|MemoryError|not a finite number)"
    ):
        search(failing)


FACTOR: object = 1.0


def scaled(architecture: str) -> float:
    return sum(map(weighted, architecture.split("-")))


def weighted(digit: str) -> float:
    return FACTOR * int(digit)


def test_s4_a_variable_that_a_function_reads_begins_another_search(tmp_path, monkeypatch):
    first = search(scaled, tmp_path)
    monkeypatch.setitem(scaled.__globals__, "FACTOR", 2.0)
    assert search(scaled, tmp_path).best_accuracy == 2 * first.best_accuracy
    monkeypatch.setitem(scaled.__globals__, "FACTOR", np.ones(1))
    with pytest.raises(
        InputError, match=r"reads 'FACTOR', a ndarray whose value is not in its source code.*identity="
    ):
        search(scaled, tmp_path)


def test_what_a_text_does_not_show_needs_a_name(tmp_path):
    bound = 3.0
    for function in (partial(total), lambda name: bound):
        search(function)  # in memory nothing can be confused
        with pytest.raises(InputError, match=r"give it a name, .*identity="):
            search(function, tmp_path)
        search(function, tmp_path, identity="total, version 1")


@pytest.mark.parametrize(
    "answer",
    [
        torch.tensor(55.5),
        torch.tensor([[55.5]]),
        np.array(55.5),
        np.array([55.5]),
        np.float32(55.5),
        Decimal("55.5"),
    ],
)
def test_one_number_in_another_form_is_a_number(answer: object):
    (found,) = FunctionEvaluator(lambda _: answer).evaluate(["0-0-0-0-1"])
    assert (found.accuracy, found.error) == (55.5, "")


@pytest.mark.parametrize("answer", [torch.ones(2), np.array([]), (91.0, 1), {"accuracy": 91}, Decimal("nan")])
def test_what_is_no_single_number_is_a_failure(answer: object):
    (found,) = FunctionEvaluator(lambda _: answer).evaluate(["0-0-0-0-1"])
    assert math.isnan(found.accuracy)
    assert "not a finite number" in found.error


def test_a_function_that_ends_the_process_has_failed_and_an_interruption_ends_the_search():
    def leaves(architecture: str) -> float:
        return sys.exit(3) if int(architecture[0]) % 2 else total(architecture)

    history = search(leaves).history
    assert history["error"][history["accuracy"].isna()].unique().tolist() == ["SystemExit: 3"]

    def stops(_: str) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(stops)


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (lambda value: value / 100, "returned nothing above 1"),
        (lambda value: -value, "accuracies must be from 0 to 100 percent"),
        (
            lambda value: 60 + value if value % 2 else 0.6 + value / 100,
            "is one a fraction in place of percent?",
        ),
        (lambda value: 60 + value, None),
        (lambda value: 1.0 if value < 9 else 30 + value, None),
    ],
)
def test_accuracies_on_another_scale_are_said(
    scale: Callable[[float], float], message: str | None, caplog: pytest.LogCaptureFixture
):
    search(lambda architecture: scale(total(architecture) + 1))
    assert message is None or message in caplog.text
    assert message is not None or not caplog.messages


def test_a_file_that_ends_the_process_is_one_error(tmp_path):
    (tmp_path / "mine.py").write_text("raise SystemExit(2)")
    with pytest.raises(InputError, match=r"mine\.py cannot be run: SystemExit: 2"):
        load_function(f"{tmp_path / 'mine.py'}:train")
