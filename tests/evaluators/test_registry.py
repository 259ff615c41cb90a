"""Every kind of evaluator that parameters can ask for, and what it says of a choice."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluator
from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.evaluators.registry import open_evaluator
from contrastive_nas.graphs.costs import graph_multiply_accumulates
from contrastive_nas.spaces import load_space

SPACE = load_space("compact_cnn")
LABEL, TEST = "x_valid_accuracy", "x_test_accuracy"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Accuracies that follow costs, with some noise."""
    rng = np.random.default_rng(0)
    names = list(dict.fromkeys(SPACE.sample(rng, 120)))
    accuracy = 3 * np.log(graph_multiply_accumulates(SPACE.graphs(names)))
    noise = rng.normal(0, 2, len(names))
    return pd.DataFrame({"architecture": names, LABEL: accuracy + noise, TEST: accuracy + noise / 2 + 1})


@pytest.fixture
def function(tmp_path: Path) -> str:
    file = tmp_path / "own.py"
    file.write_text("def train(architecture):\n    return 10.0 + len(architecture)\n")
    return f"{file}:train"


def evaluator(table: pd.DataFrame, kind: str = "table", **settings: Any) -> Evaluator:
    parameters = EvaluatorParameters.model_validate({"kind": kind, **settings})
    return open_evaluator(parameters, "compact_cnn", {}, table, LABEL, TEST)


def test_what_answers_are_and_their_identity(table: pd.DataFrame, function: str) -> None:
    opened = [
        evaluator(table),
        evaluator(table, "surrogate"),
        evaluator(table, "function", function=function),
        evaluator(table, "training"),
    ]
    assert [one.origin for one in opened] == ["looked_up", "predicted", "trained", "trained"]
    texts = [json.dumps(one.identity, sort_keys=True) for one in opened]
    assert len(set(texts)) == 4


def test_identity_changes_with_what_decides_answers(table: pd.DataFrame, function: str) -> None:
    for kind in ("table", "surrogate"):
        same, again = (evaluator(table.copy(), kind).identity for _ in range(2))
        assert same == again
        first = table.copy()
        first.loc[0, LABEL] += 1
        assert evaluator(first, kind).identity != same
        assert evaluator(table.assign(other=0), kind).identity == same
    assert evaluator(table, "surrogate", surrogate={"seed": 1}).identity != same
    plain = evaluator(table, "training").identity
    for changed in (
        {"seeds": [0]},
        {"overrides": {"epochs": 1}},
        {"recipe": "digits"},
        {"valid_images": 400},
        {"data": {"kind": "digits", "name": "digits", "mean": [1], "std": [1]}},
    ):
        assert evaluator(table, "training", training=changed).identity != plain
    assert evaluator(table, "training", training={"workers": 7}).identity == plain
    before = evaluator(table, "function", function=function).identity
    Path(function.partition(":")[0]).write_text("def train(architecture):\n    return 11.0\n")
    assert evaluator(table, "function", function=function).identity != before


def test_a_table_says_what_is_in_it(table: pd.DataFrame) -> None:
    known = evaluator(table)
    first = table.iloc[0]
    assert known.final_accuracy(first["architecture"]) == first[TEST]
    assert known.reference(table, [LABEL, TEST]) is table
    assert known.quality() == {}
    with pytest.raises(InputError, match="the table has no x_test_accuracy for nothing"):
        known.final_accuracy("nothing")


def test_a_surrogate_answers_for_the_whole_space(table: pd.DataFrame) -> None:
    known = set(table["architecture"])
    new = [name for name in SPACE.sample(np.random.default_rng(1), 40) if name not in known]
    with evaluator(table, "surrogate") as surrogate:
        answers = surrogate.evaluate(new)
        assert {answer.origin for answer in answers} == {"predicted"}
        assert np.isfinite([answer.accuracy for answer in answers]).all()
        assert abs(surrogate.final_accuracy(new[0]) - 1 - answers[0].accuracy) < 5
        assert surrogate.evaluate([]) == []


def test_choices_are_ranked_on_the_surrogates_scale(table: pd.DataFrame) -> None:
    surrogate = evaluator(table, "surrogate")
    reference = surrogate.reference(table.iloc[10:], [LABEL, TEST])
    # A chosen row of the table has the rank among predictions that it has by its own prediction.
    accuracy = surrogate.final_accuracy(table["architecture"].iloc[10])
    assert reference[TEST].iloc[0] == pytest.approx(accuracy, abs=1e-9)
    assert (reference[TEST] != table[TEST].iloc[10:]).any()


def test_a_surrogate_states_how_good_it_is(table: pd.DataFrame) -> None:
    quality = evaluator(table, "surrogate").quality()
    assert 0.3 < quality["surrogate_kendall_tau"] < 1
    assert 0.5 < quality["surrogate_noise"] < 5


def test_a_function_of_a_file(table: pd.DataFrame, function: str) -> None:
    own = evaluator(table, "function", function=function)
    (answer,) = own.evaluate(["abc"])
    assert (answer.accuracy, answer.origin, answer.error) == (13.0, "trained", "")
    assert own.final_accuracy("abc") == 13.0
    assert own.reference(table, [LABEL, TEST])[[LABEL, TEST]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("none.py:train", "function file none.py does not exist"),
        ("math:nonsense", "math has no function 'nonsense'"),
        ("nonsense_module:train", "cannot be imported"),
    ],
)
def test_a_function_that_is_not_there(table: pd.DataFrame, function: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluator(table, "function", function=function)


def test_a_kind_and_its_function_belong_together() -> None:
    for settings in ({"kind": "function"}, {"function": "own.py:train"}):
        with pytest.raises(ValidationError, match="must be set for the kind"):
            EvaluatorParameters.model_validate(settings)
    with pytest.raises(ValidationError, match="pattern"):
        EvaluatorParameters.model_validate({"kind": "function", "function": "own.py"})
