"""The page of two searches says what each found and what was different, and nothing that does not follow."""

import numpy as np
import pytest
from tests.reporting.made_up import searched_run
from tests.reporting.test_pages import Reader

from contrastive_nas.reporting.comparison_figures import Course, draw_courses, draw_regrets
from contrastive_nas.reporting.comparison_page import SearchedRun, comparison_page


def text(first: SearchedRun, second: SearchedRun) -> str:
    return " ".join(Reader(comparison_page(first, second)).text.split())


def course(run: SearchedRun) -> Course:
    return Course("A", run.history, run.random, run.summary)


def test_a_page_is_sound_and_alone() -> None:
    read = Reader(comparison_page(searched_run("one"), searched_run("two", seed=6)))
    assert read.opened == []
    assert len(read.identifiers) == len(set(read.identifiers))
    assert [link for link in read.links if not link.startswith("data:")] == []


def test_both_runs_and_what_differs_are_told() -> None:
    words = text(searched_run("one"), searched_run("two", seed=6))
    for part in ("A: one", "B: two", "search.seed56", "torch2.52.6", "kedro run --params seed=6"):
        assert part in words.replace(" ", "") or part in words
    assert "search_summary.queries1718" in words.replace(" ", "")
    assert "search.queries" not in words.replace("search_summary.queries", "")
    assert "1 min 1 s" in words


@pytest.mark.parametrize(
    ("accuracies", "deviations", "said"),
    [
        ((94.0, 95.0), (0.3, 0.3), "B is 1.00 percentage points more accurate, more than repeated trainings"),
        ((95.0, 94.0), (3.0, 3.0), "A is 1.00 percentage points more accurate, no more than repeated"),
        ((94.0, 94.0), (3.0, 3.0), "Both have the same accuracy."),
    ],
)
def test_a_difference_is_set_beside_its_error(
    accuracies: tuple[float, float], deviations: tuple[float, float], said: str
) -> None:
    pair = [
        searched_run(name, best_test_accuracy=accuracy, final_deviation=deviation)
        for name, accuracy, deviation in zip("ab", accuracies, deviations, strict=True)
    ]
    words = text(*pair)
    assert said in words
    assert "Each is one search" in words


def test_accuracies_of_different_tasks_are_not_compared() -> None:
    other = searched_run("two", seed=6)
    other.record["parameters"]["target"]["label"] = "other"
    words = text(searched_run("one"), other)
    assert "different parameters target" in words
    assert "more accurate" not in words


def test_regret_is_the_distance_to_the_highest_known_label() -> None:
    run = searched_run("one", regret=2.0)
    (drawn,) = draw_regrets([course(run), course(searched_run("two", regret=None))]).data
    best = np.maximum.accumulate(run.history["accuracy"].fillna(0).to_numpy())
    np.testing.assert_allclose(drawn.y, best.max() + 2.0 - best)
    assert drawn.y[-1] == pytest.approx(2.0)
    assert not draw_regrets([course(searched_run(name, regret=None)) for name in "ab"]).data


def test_each_search_has_its_own_random_search_and_colour() -> None:
    one, other = searched_run("one"), searched_run("two", seed=6)
    short = SearchedRun(**{**vars(other), "random": other.random.head(0)})
    drawn = draw_courses([course(one), course(short)]).data
    assert len(drawn) == 3
    assert drawn[0].line.color == drawn[1].line.color != drawn[2].line.color
    assert drawn[1].line.dash != drawn[2].line.dash
