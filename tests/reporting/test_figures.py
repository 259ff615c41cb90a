"""Figures show the numbers that they are given."""

import numpy as np
import pandas as pd

from contrastive_nas.ranking.calibration import favourites_reliability
from contrastive_nas.reporting.figures import draw_reliability, draw_scores, draw_search_history
from contrastive_nas.reporting.page import write_page
from contrastive_nas.search.random_baseline import course_on_table


def test_the_search_figure_shows_ours_and_random() -> None:
    history = pd.DataFrame(
        {"query": [1, 2, 3], "accuracy": [50.0, 70.0, 60.0], "best_accuracy": [50.0, 70.0, 70.0]}
    )
    labels = np.array([10.0, 20.0, 30.0])
    random = course_on_table(labels, labels, 3)
    figure = draw_search_history(history, random, {"strategy": "curriculum", "space": "toy"})
    traces = {trace.name: trace for trace in figure.data if trace.name}
    np.testing.assert_allclose(traces["curriculum"].y, [50, 70, 70])
    np.testing.assert_allclose(traces["random, mean"].y, [20, 80 / 3, 30])


def test_labelled_rows_stand_out() -> None:
    figure = draw_scores(np.arange(5.0), np.arange(5.0), np.array([1, 3]), "accuracy")
    assert [len(trace.x) for trace in figure.data] == [3, 2]


def test_the_reliability_diagram_shows_frequencies_beside_the_diagonal() -> None:
    found = favourites_reliability(np.array([0.65, 0.65, 0.95]), np.array([1.0, 0.0, 1.0]), bins=5)
    figure = draw_reliability(found)
    traces = {trace.name: trace for trace in figure.data}
    np.testing.assert_allclose(traces["comparator"].x[[1, 4]], [0.65, 0.95])
    np.testing.assert_allclose(traces["comparator"].y[[1, 4]], [0.5, 1.0])
    np.testing.assert_allclose(traces["calibrated"].x, traces["calibrated"].y)
    assert f"{found.brier_score:.3f}" in figure.layout.title.text


def test_the_page_escapes_what_it_shows() -> None:
    page = write_page("a < b", {"One & two": {"key_name": "<script>", "number": 0.123456}}, {})
    assert "a &lt; b" in page
    assert "&lt;script&gt;" in page
    assert "key name" in page
    assert "0.1235" in page
