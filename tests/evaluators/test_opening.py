"""Every kind of evaluator that parameters can ask for, and what it says of a choice."""

import numpy as np
import pandas as pd
import pytest

from contrastive_nas.evaluators.final import final_test_accuracy, reference_table, surrogate_quality
from contrastive_nas.evaluators.opening import open_evaluator
from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.graphs.costs import graph_multiply_accumulates
from contrastive_nas.spaces import load_space

SPACE = load_space("compact_cnn")
LABEL, TEST = "x_valid_accuracy", "x_test_accuracy"
SURROGATE = EvaluatorParameters(kind="surrogate")
LOOK_UP = EvaluatorParameters(kind="table")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Accuracies that follow costs, with some noise."""
    rng = np.random.default_rng(0)
    names = list(dict.fromkeys(SPACE.sample(rng, 120)))
    accuracy = 3 * np.log(graph_multiply_accumulates(SPACE.graphs(names)))
    noise = rng.normal(0, 2, len(names))
    return pd.DataFrame({"architecture": names, LABEL: accuracy + noise, TEST: accuracy + noise / 2 + 1})


def test_a_surrogate_answers_for_the_whole_space(table):
    known = set(table["architecture"])
    new = [name for name in SPACE.sample(np.random.default_rng(1), 40) if name not in known]
    with open_evaluator(SURROGATE, "compact_cnn", {}, table, LABEL) as evaluator:
        answers = evaluator.evaluate(new)
    assert {answer.origin for answer in answers} == {"predicted"}
    assert np.isfinite([answer.accuracy for answer in answers]).all()
    found = final_test_accuracy(SURROGATE, "compact_cnn", {}, table, TEST, new[0], seeds=(1,))
    assert abs(found - 1 - answers[0].accuracy) < 5


def test_choices_are_ranked_on_the_evaluators_scale(table):
    columns = (LABEL, TEST)
    assert reference_table(LOOK_UP, "compact_cnn", {}, table, columns) is table
    reference = reference_table(SURROGATE, "compact_cnn", {}, table, columns)
    first = table["architecture"].iloc[0]
    # A chosen row of the table has the rank among predictions that it has by its own prediction.
    accuracy = final_test_accuracy(SURROGATE, "compact_cnn", {}, table, TEST, first, seeds=(1,))
    assert reference[TEST].iloc[0] == pytest.approx(accuracy, abs=1e-9)
    assert (reference[TEST] != table[TEST]).any()


def test_a_surrogate_states_how_good_it_is(table):
    assert surrogate_quality(LOOK_UP, "compact_cnn", {}, table, TEST) == {}
    quality = surrogate_quality(SURROGATE, "compact_cnn", {}, table, TEST)
    assert 0.3 < quality["surrogate_kendall_tau"] < 1
    assert 0.5 < quality["surrogate_noise"] < 5
