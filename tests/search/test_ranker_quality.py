"""What a report says of the ranker that guided a search, beside a count by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

import contrastive_nas.search.ranker_quality as module
from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_parameters
from contrastive_nas.ranking.space_ranker import create_space_ranker
from contrastive_nas.search.ranker_quality import ranker_quality
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.wrapped.pool import Pool

SPACE = load_space("nasbench201")
NAMES = list(dict.fromkeys(SPACE.sample(np.random.default_rng(0), 120)))
POOL = Pool(SPACE, NAMES)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    costs = graph_multiply_accumulates(SPACE.graphs(NAMES)).astype(float)
    truth = np.log1p(costs) + np.random.default_rng(1).normal(size=len(NAMES))
    return pd.DataFrame({"architecture": NAMES, "test": truth})


@pytest.fixture(scope="module")
def history(table: pd.DataFrame) -> pd.DataFrame:
    # One query failed.
    found = table.head(12).rename(columns={"test": "accuracy"})
    return found.assign(accuracy=found["accuracy"].where(found.index != 3))


def test_what_was_queried_does_not_count(table: pd.DataFrame, history: pd.DataFrame) -> None:
    ranker = create_space_ranker("macs", POOL, seed=0)
    found = ranker_quality(ranker, history, table, "test", seed=0)
    queried = history.dropna(subset="accuracy")["architecture"]
    rest = table[~table["architecture"].isin(queried)]
    assert found.metrics["labels"] == 11
    assert found.metrics["ranked"] == len(rest) == len(found.scores)
    graphs = SPACE.graphs(rest["architecture"].tolist())
    for prefix, costs in (
        ("macs_", graph_multiply_accumulates(graphs)),
        ("parameters_", graph_parameters(graphs)),
    ):
        tau = kendalltau(np.log1p(costs.astype(np.float64)).astype(np.float32), rest["test"]).statistic
        # Statistics are of the canonical graph, whose costs may be lower.
        assert found.metrics[f"{prefix}kendall_tau"] == pytest.approx(tau, abs=0.15)
    assert found.metrics["kendall_tau"] == pytest.approx(
        kendalltau(found.scores, rest["test"]).statistic, abs=1e-9
    )
    np.testing.assert_array_equal(found.truth, rest["test"])


def test_win_probabilities_are_those_of_all_pairs(table: pd.DataFrame, history: pd.DataFrame) -> None:
    ranker = create_space_ranker("gaussian_process", POOL, seed=0)
    found = ranker_quality(ranker, history, table, "test", seed=0)
    names = table[~table["architecture"].isin(history["architecture"].where(history["accuracy"].notna()))]
    wins = ranker.probability(names["architecture"].tolist(), names["architecture"].tolist())
    misses = [
        (wins[one, other] - float(names["test"].iloc[one] > names["test"].iloc[other])) ** 2
        for one in range(len(names))
        for other in range(one)
    ]
    assert found.wins.pairs.sum() == len(misses)
    assert found.metrics["brier_score"] == pytest.approx(np.mean(misses))


def test_nothing_is_said_where_nothing_is_known(table: pd.DataFrame, history: pd.DataFrame) -> None:
    ranker = create_space_ranker("macs", POOL, seed=0)
    unknown = table.assign(test=np.nan)
    alike = history.assign(accuracy=50.0)
    for given in (
        ranker_quality(None, history, table, "test", seed=0),
        ranker_quality(ranker, history, unknown, "test", seed=0),
        ranker_quality(ranker, alike, table, "test", seed=0),
    ):
        assert given.metrics["kendall_tau"] is None
        assert given.metrics["brier_score"] is None
        assert len(given.scores) == 0


def test_of_a_large_table_a_part_is_ranked(
    table: pd.DataFrame, history: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MEASURED", 30)
    ranker = create_space_ranker("macs", POOL, seed=0)
    first, second = (ranker_quality(ranker, history, table, "test", seed=1) for _ in range(2))
    assert first.metrics["ranked"] == 30
    np.testing.assert_array_equal(first.scores, second.scores)
