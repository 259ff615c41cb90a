"""Figures show the numbers that they are given."""

import numpy as np
import pandas as pd

from contrastive_nas.ranking.calibration import favourites_reliability
from contrastive_nas.reporting.figures import (
    draw_front,
    draw_map,
    draw_milliseconds,
    draw_search_history,
    has_points,
)
from contrastive_nas.reporting.maps import principal_components
from contrastive_nas.reporting.ranking_figures import draw_ranks, draw_reliability, pseudo_labels_right
from contrastive_nas.reporting.training_figures import draw_confusion, draw_training_losses
from contrastive_nas.search.random_baseline import course_on_table


def test_the_search_figure_shows_ours_and_random() -> None:
    history = pd.DataFrame(
        {
            "query": [1, 2, 3],
            "reason": ["initial design", "random", "random"],
            "architecture": ["a", "b", "c"],
            "accuracy": [50.0, 70.0, 60.0],
            "best_accuracy": [50.0, 70.0, 70.0],
        }
    )
    labels = np.array([10.0, 20.0, 30.0])
    random = course_on_table(labels, labels, 3)
    summary = {"strategy": "curriculum", "space": "toy", "best_valid_accuracy": 70.0, "regret": 2.5}
    figure = draw_search_history(history, random, summary)
    traces = {trace.name: trace for trace in figure.data if trace.name}
    np.testing.assert_allclose(traces["this search (curriculum)"].y, [50, 70, 70])
    np.testing.assert_allclose(traces["random, mean"].y, [20, 80 / 3, 30])
    np.testing.assert_allclose(traces["first label"].y, [50])
    np.testing.assert_allclose(traces["highest known label"].y, [72.5, 72.5])


def test_labelled_rows_stand_out() -> None:
    scores, truth = np.array([1.0, 5.0, 3.0, 2.0, 4.0]), np.array([10.0, 40.0, 50.0, 20.0, np.nan])
    traces = {trace.name: trace for trace in draw_ranks(scores, truth, np.array([1, 3]), "accuracy").data}
    assert set(zip(traces["labelled"].x, traces["labelled"].y, strict=True)) == {(1, 2), (3, 3)}
    assert set(zip(traces["not labelled"].x, traces["not labelled"].y, strict=True)) == {(4, 4), (2, 1)}


def test_the_band_of_a_perfect_order_is_narrow_and_that_of_a_random_one_wide() -> None:
    truth = np.random.default_rng(0).permutation(2000).astype(float)
    widths = []
    for scores in (truth, np.random.default_rng(1).permutation(truth)):
        figure = draw_ranks(scores, truth, np.array([], dtype=int), "accuracy")
        high, low = figure.data[:2]
        widths.append(float(np.mean(np.asarray(high.y) - np.asarray(low.y))))
    assert widths[0] < 100  # a group of 100 neighbours spans 80 ranks
    assert 1400 < widths[1] < 1700  # 80 % of 2,000 ranks are 1,600


def test_the_reliability_diagram_shows_frequencies_beside_the_diagonal() -> None:
    found = favourites_reliability(np.array([0.65, 0.65, 0.95]), np.array([1.0, 0.0, 1.0]), bins=5)
    figure = draw_reliability(found)
    traces = {trace.name: trace for trace in figure.data}
    np.testing.assert_allclose(traces["comparator"].x[[1, 4]], [0.65, 0.95])
    np.testing.assert_allclose(traces["comparator"].y[[1, 4]], [0.5, 1.0])
    np.testing.assert_allclose(traces["calibrated"].x, traces["calibrated"].y)
    assert f"{found.brier_score:.3f}" in figure.layout.title.text


def test_the_front_is_told_from_the_rest() -> None:
    history = pd.DataFrame(
        {"accuracy": [90.0, 80.0, 85.0], "architecture": list("abc"), "macs": [30, 10, 40]}
    ).assign(on_front=[True, True, False])
    traces = {trace.name: trace for trace in draw_front(history, "macs", "multiply-accumulates").data}
    assert list(traces["on the front"].x) == [10, 30]
    assert list(traces["other"].y) == [85]


def test_measured_latencies_are_told_from_predicted_ones() -> None:
    history = pd.DataFrame(
        {
            "accuracy": [90.0, 80.0, 85.0, np.nan],
            "architecture": list("abcd"),
            "milliseconds": [3.0, 1.0, 4.0, 2.0],
            "milliseconds_predicted": [3.5, np.nan, 4.5, 2.0],
        }
    )
    figure = draw_milliseconds(history, limit=4.2)
    traces = {trace.name: trace for trace in figure.data}
    assert list(traces["measured"].x) == [3, 1, 4]
    assert list(traces["predicted before"].x)[::2] == [3.5, 4.5]
    assert list(traces["front, measured"].x) == [1, 3]
    assert figure.layout.shapes[0].x0 == 4.2


def test_a_map_marks_what_was_asked_and_chosen() -> None:
    asked = pd.DataFrame(
        {
            "query": [1, 2, 3],
            "reason": ["initial design", "x", "x"],
            "accuracy": [80.0, np.nan, 90.0],
            "architecture": list("abc"),
        }
    )
    places = np.arange(10.0).reshape(5, 2)
    traces = {trace.name: trace for trace in draw_map(places, np.array([50.0, 60.0]), asked, "accuracy").data}
    assert list(traces["known networks"].x) == [0, 2]
    assert list(traces["first labels"].x) == [4]
    assert list(traces["queried later"].x) == [6, 8]
    assert list(traces["chosen"].x) == [8]


def test_a_map_without_known_accuracies_is_empty() -> None:
    asked = pd.DataFrame({"query": [1], "reason": ["x"], "accuracy": [1.0], "architecture": ["a"]})
    assert not has_points(draw_map(np.zeros((0, 2)), np.zeros(0), asked, "accuracy"))


def test_principal_components_are_those_of_the_covariance() -> None:
    points = np.random.default_rng(0).normal(size=(50, 4)) * [5, 3, 1, 0.1]
    found = principal_components(points, 40)
    values, vectors = np.linalg.eigh(np.cov(points[:40].T))
    for column, direction in ((0, vectors[:, -1]), (1, vectors[:, -2])):
        expected = (points - points[:40].mean(0)) @ (
            direction * np.sign(direction[np.abs(direction).argmax()])
        )
        np.testing.assert_allclose(found[:, column], expected, atol=1e-9)
    assert values[-1] > values[-2]


def test_pseudo_labels_are_right_where_the_truth_agrees() -> None:
    pairs = pd.DataFrame({"better": [0, 1, 2], "worse": [1, 0, 0], "confidence": [0.9, 0.8, 0.7]})
    confidence, right = pseudo_labels_right(pairs, np.array([60.0, 50.0, np.nan]))
    assert confidence.tolist() == [0.9, 0.8]
    assert right.tolist() == [True, False]


def test_a_training_is_drawn_where_it_was_tested() -> None:
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [2.0, 1.0], "test_loss": [np.nan, 1.5]})
    traces = {trace.name: trace for trace in draw_training_losses(history).data}
    assert list(traces["training images"].y) == [2, 1]
    assert list(traces["test images"].x) == [2]


def test_confusions_are_shares_of_the_true_class() -> None:
    confusion = pd.DataFrame({"class": ["cat", "dog"], "cat": [3, 0], "dog": [1, 0]})
    np.testing.assert_allclose(draw_confusion(confusion).data[0].z, [[75, 25], [0, 0]])
