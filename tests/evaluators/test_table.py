import math

import pandas as pd
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.table import TableEvaluator

TABLE = pd.DataFrame({"architecture": ["a", "b", "c"], "x_valid_accuracy": [90.0, 80.5, float("nan")]})


def test_looks_up_by_string():
    first, second = TableEvaluator(TABLE, "x_valid_accuracy").evaluate(["b", "a"])
    assert (first.architecture, first.accuracy, first.origin, first.error) == ("b", 80.5, "looked_up", "")
    assert second.accuracy == 90.0


@pytest.mark.parametrize(
    ("architecture", "error"),
    [
        ("d", "not in the table (search.pool: true searches the networks of the table alone)"),
        ("c", "the table has no x_valid_accuracy"),
    ],
)
def test_uncovered_architecture_is_a_recorded_failure(architecture, error):
    (evaluation,) = TableEvaluator(TABLE, "x_valid_accuracy").evaluate([architecture])
    assert math.isnan(evaluation.accuracy)
    assert evaluation.error == error


def test_missing_column():
    with pytest.raises(InputError, match="no column 'y'"):
        TableEvaluator(TABLE, "y")


def test_label_that_is_no_number():
    with pytest.raises(InputError, match="not numeric"):
        TableEvaluator(TABLE.astype({"x_valid_accuracy": str}), "x_valid_accuracy")


def test_duplicate_architecture():
    with pytest.raises(InputError, match="row 3 of the table repeats architecture 'a'"):
        TableEvaluator(pd.concat([TABLE, TABLE.head(1)]), "x_valid_accuracy")
