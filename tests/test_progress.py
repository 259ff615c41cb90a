"""Long work is never silent, and what is said of it is true."""

import itertools
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from contrastive_nas import progress as module
from contrastive_nas.progress import Progress, progress, working

LOOK, LINE = 0.02, 0.1


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is said, with lines as often as LINE allows."""
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", LINE)
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_LOOKS", LOOK)
    # The thread of an earlier test may still sleep for the usual time.
    monkeypatch.setattr(module, "_watch", module._Watch())
    caplog.set_level(logging.INFO, "contrastive_nas")
    return caplog


def test_work_that_waits_is_not_silent(said: pytest.LogCaptureFixture) -> None:
    started = time.time()
    with working("a step"):
        time.sleep(8 * LINE)
        ended = time.time()
    moments = [started, *(record.created for record in said.records), ended]
    # A busy machine may look a little late.
    assert max(later - earlier for earlier, later in itertools.pairwise(moments)) < 4 * LINE
    assert all(re.fullmatch(r"a step: running for \d\.\d s", line) for line in said.messages)
    time.sleep(3 * LINE)
    assert len(said.records) == len(moments) - 2


def test_quick_work_says_nothing(said: pytest.LogCaptureFixture) -> None:
    assert list(progress([1, 2, 3], "counting")) == [1, 2, 3]
    assert said.messages == []


def test_a_line_says_how_many_are_done_and_how_long_the_rest_takes() -> None:
    with Progress("searching toy", 40, unit="networks trained", done=10) as shown:
        assert shown.line() == "searching toy: 10 of 40 networks trained, running for 0.0 s"
        time.sleep(0.2)
        shown.update(11, "best accuracy 91.00 % so far")
        assert " left" not in shown.line()
        shown.update(12, "best accuracy 92.00 % so far")
        shown.update(13, "best accuracy 93.50 % so far")
        # Three took 0.2 s, so that 27 take 1.8 s; waiting for the next one does not make it more.
        time.sleep(0.4)
        start, left = shown.line().rsplit(", ", 1)
        assert start == "searching toy: 13 of 40 networks trained, best accuracy 93.50 % so far"
        found = re.fullmatch(r"about (\S+) s left", left)
        assert found is not None
        assert 1.7 < float(found[1]) < 3


def test_lines_are_about_the_outermost_that_counts(said: pytest.LogCaptureFixture) -> None:
    with working("a step"):
        for _ in progress(range(2), "settings"):
            for _ in progress(range(2), "queries"):
                time.sleep(1.5 * LINE)
    assert said.messages
    assert all(line.startswith("settings: ") for line in said.messages)


def test_work_in_several_threads_ends_in_any_order(said: pytest.LogCaptureFixture) -> None:
    def work(number: int) -> None:
        with working(f"step {number}"):
            time.sleep(LINE * number)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, [4, 1, 3, 2]))
    assert said.messages
    assert module._watch._shown == []
