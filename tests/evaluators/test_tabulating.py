"""The committed table of trained networks, and how such tables are made."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.evaluators.parameters import TrainingParameters
from contrastive_nas.evaluators.tabulating import draw_functions, measure_all, repeatability, tabulate
from contrastive_nas.evaluators.training import TrainingEvaluator
from contrastive_nas.graphs.canonical_form.canonical import function_hashes
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.spaces import load_space

TABLE = Path(__file__).parents[2] / "data" / "01_raw" / "compact_cnn_digits.parquet"
QUICK = TrainingParameters(overrides={"epochs": 1, "schedule": {"warmup_epochs": 0}}, seeds=(0, 1), workers=2)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_parquet(TABLE)


def test_the_table_holds_distinct_functions(table: pd.DataFrame) -> None:
    space = load_space("compact_cnn")
    hashes = function_hashes(space.graphs(table["architecture"].tolist()))
    assert len(np.unique(hashes)) == len(table) >= 4000
    assert TABLE.stat().st_size < 1_000_000


def test_means_and_repeatability_of_the_table(table: pd.DataFrame) -> None:
    for part in ("valid", "test"):
        singles = table[[f"{part}_{number}" for number in range(3)]].to_numpy(dtype=float)
        means = table[f"digits_{part}_accuracy"].to_numpy()
        np.testing.assert_allclose(singles.mean(axis=1), means, atol=1e-4)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        tau = kendall_tau(table[f"test_{first}"].to_numpy(), table[f"test_{second}"].to_numpy())
        assert tau >= 0.8


@pytest.mark.slow
def test_rows_can_be_trained_again(table: pd.DataFrame) -> None:
    rows = table.iloc[:: len(table) // 8]
    with TrainingEvaluator("compact_cnn", TrainingParameters()) as evaluator:
        measured = list(evaluator.measure(rows["architecture"].tolist()))
    found = np.array([one.test_accuracy for one in measured])
    assert np.abs(found - rows["digits_test_accuracy"].to_numpy()).max() <= 1.5


def test_a_killed_benchmark_continues(tmp_path: Path) -> None:
    space = load_space("compact_cnn")
    names = draw_functions(space, 4, seed=3)
    assert len(set(names)) == 4
    assert names == draw_functions(space, 4, seed=3)
    checkpoints = Checkpoints(tmp_path, seconds=0)
    with TrainingEvaluator("compact_cnn", QUICK) as evaluator:
        first = measure_all(evaluator, names[:2], checkpoints)
        rest = measure_all(evaluator, names, checkpoints)
        assert rest[:2] == first  # with their seconds: they were not trained again
        repeated = list(evaluator.measure(names[:2]))
    frame = tabulate(space, "digits", rest)
    assert frame["digits_test_accuracy"].tolist() == [one.test_accuracy for one in rest]
    assert (frame["macs"] > 0).all()
    report = repeatability(rest, repeated)
    assert report["networks"] == 4
    assert report["tau_between_means"] == pytest.approx(1.0)  # the same seeds
