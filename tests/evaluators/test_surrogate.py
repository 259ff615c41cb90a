import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.surrogate import SurrogateEvaluator
from contrastive_nas.graphs.costs import graph_multiply_accumulates
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.spaces import load_space

LABEL = "x_valid_accuracy"
SPACE = load_space("compact_cnn")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """An accuracy that grows with the costs and prefers an option of the first choice."""
    rng = np.random.default_rng(0)
    names = list(dict.fromkeys(SPACE.sample(rng, 400)))
    costs = np.log(graph_multiply_accumulates(SPACE.graphs(names)))
    first = np.array([SPACE.encode(name)[0] for name in names])
    accuracy = 40 + 3 * costs + 4 * (first == 1) + rng.normal(0, 0.3, len(names))
    return pd.DataFrame({"architecture": names, LABEL: accuracy})


def test_predicts_what_it_has_not_seen(table):
    evaluator = SurrogateEvaluator(SPACE, table.iloc[:300], LABEL)
    unseen = table.iloc[300:]
    evaluations = evaluator.evaluate(unseen["architecture"].tolist())
    assert {evaluation.origin for evaluation in evaluations} == {"predicted"}
    predicted = np.array([evaluation.accuracy for evaluation in evaluations])
    tau = kendall_tau(predicted, unseen[LABEL].to_numpy())
    assert tau > 0.8
    # What it states about itself is what it does.
    quality = evaluator.cross_validated(LABEL)
    assert quality.rows == 300
    assert quality.kendall_tau == pytest.approx(tau, abs=0.08)
    assert quality.noise == pytest.approx(np.std(predicted - unseen[LABEL]), rel=0.4)


def test_noise_is_of_the_models_error_and_repeats(table):
    quiet = SurrogateEvaluator(SPACE, table, LABEL)
    noisy = SurrogateEvaluator(SPACE, table, LABEL, noisy=True)
    names = table["architecture"].tolist()
    first, again = ([evaluation.accuracy for evaluation in noisy.evaluate(names)] for _ in range(2))
    assert first == again
    difference = np.array(first) - quiet.predict(names, LABEL)
    assert difference.std() == pytest.approx(quiet.cross_validated(LABEL).noise, rel=0.15)


def test_a_column_is_fitted_once(table, monkeypatch):
    fits = []
    fit = HistGradientBoostingRegressor.fit
    monkeypatch.setattr(HistGradientBoostingRegressor, "fit", lambda *given: fits.append(1) or fit(*given))
    names = table["architecture"].tolist()
    evaluator = SurrogateEvaluator(SPACE, table, LABEL, LABEL)
    evaluator.evaluate(names[:3])
    evaluator.reference(table, [LABEL, LABEL])
    assert evaluator.final_accuracy(names[0]) == evaluator.evaluate(names[:1])[0].accuracy
    assert len(fits) == 1
    two = SurrogateEvaluator(SPACE, table.assign(y=table[LABEL] + 1), LABEL, "y")
    two.reference(table, [LABEL, "y"])
    two.final_accuracy(names[0])
    assert len(fits) == 3


def test_bad_tables(table):
    with pytest.raises(InputError, match="no column 'y'"):
        SurrogateEvaluator(SPACE, table, "y")
    with pytest.raises(InputError, match=r"5 rows .* too few"):
        SurrogateEvaluator(SPACE, table.iloc[:5], LABEL)
    with pytest.raises(InputError):
        SurrogateEvaluator(SPACE, table.assign(architecture="nonsense"), LABEL)
