"""Tables of several spaces, a user's own and lists of models among them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.ranking.transfer.labelled_tables import open_tables
from contrastive_nas.ranking.transfer.model import fit_transfer
from contrastive_nas.spaces import load_space

OWN = """
from contrastive_nas.spaces.compact_cnn import CompactCNN
class Mine(CompactCNN):
    name = "mine"
"""
MODELS = ("resnet10t", "resnet18", "resnet14t", "mobilenetv3_small_050", "mobilenetv3_small_075")


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    """A list of two tables of the same networks, in a space by its name and in one from a file."""
    (tmp_path / "mine.py").write_text(OWN)
    names = load_space("compact_cnn").sample(np.random.default_rng(0), 20)
    table = pd.DataFrame({"architecture": names, "own_test_accuracy": np.linspace(50, 90, len(names))})
    table["other_test_accuracy"] = table["own_test_accuracy"][::-1].where(lambda values: values > 60)
    table.to_csv(tmp_path / "table.csv", index=False)
    listed = {
        "space": ["compact_cnn", f"{tmp_path}/mine.py:Mine"],
        "file": "table.csv",
        "column": "own_test_accuracy",
    }
    pd.DataFrame(listed).to_csv(tmp_path / "tables.csv", index=False)
    return tmp_path / "tables.csv"


def change(listing: Path, **columns: object) -> None:
    pd.read_csv(listing).assign(**columns).to_csv(listing, index=False)


def test_a_space_from_a_file_is_one_as_any_other(listing: Path, tmp_path: Path) -> None:
    first, own = open_tables(listing, tmp_path)
    assert first.space is not None
    assert own.space is not None
    assert (first.name, own.name) == (first.space.name, own.space.name) == ("compact_cnn", "mine")
    np.testing.assert_array_equal(first.labels, own.labels)
    np.testing.assert_array_equal(first.graphs.statistics, own.graphs.statistics)


def test_columns_of_one_space_are_its_tasks(listing: Path, tmp_path: Path) -> None:
    """Opposite tasks say nothing together; what is missing of one counts in the other."""
    change(listing, space="compact_cnn", column=["own_test_accuracy", "other_test_accuracy"])
    (table,) = open_tables(listing, tmp_path)
    assert table.columns == ("own_test_accuracy", "other_test_accuracy")
    assert np.isfinite(table.labels).mean(axis=0) == pytest.approx([1, 0.75])
    learned = table.functions()
    both = fit_transfer([learned]).trends
    apart = [
        fit_transfer([type(learned)("one", learned.statistics, task)]).trends for task in learned.tasks()
    ]
    np.testing.assert_allclose(both, np.mean(apart, axis=0), atol=1e-6)


def test_a_space_that_is_named_twice(listing: Path, tmp_path: Path) -> None:
    change(listing, space="compact_cnn", file=["table.csv", "another.csv"])
    with pytest.raises(
        InputError, match=r"several files of the space compact_cnn: table.csv and another.csv"
    ):
        open_tables(listing, tmp_path)


def test_a_column_that_is_not_there(listing: Path, tmp_path: Path) -> None:
    change(listing, groups="recipe")
    with pytest.raises(InputError, match=r"table.csv has no column recipe"):
        open_tables(listing, tmp_path)


@pytest.mark.slow
def test_models_of_a_library_are_compared_where_they_were_trained_alike(tmp_path: Path) -> None:
    """The first recipe gives ten points more to whatever it trains."""
    rows = pd.DataFrame({"model": [*MODELS, *MODELS], "recipe": ["a"] * 5 + ["b"] * 5})
    rows["family"] = [name[:6] for name in rows["model"]]
    rows["imagenet_top1_accuracy"] = [70, 72, 71, 60, 62, 60, 62, 61, 50, 52]
    rows.to_csv(tmp_path / "models.csv", index=False)
    listed = {"space": ["timm"], "file": "models.csv", "column": "imagenet_top1_accuracy"}
    pd.DataFrame(listed).assign(groups="recipe", families="family").to_csv(tmp_path / "list.csv", index=False)
    (table,) = open_tables(tmp_path / "list.csv", tmp_path)
    assert table.space is None
    assert table.name == "timm"
    assert table.families is not None
    assert table.graphs.function_ids[:5].tolist() == table.graphs.function_ids[5:].tolist()
    learned = table.functions()
    assert len(learned.labels) == 10
    assert [part.tolist() for part in learned.comparable()] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    once = type(learned)("once", learned.statistics[:5], learned.labels[:5])
    np.testing.assert_allclose(fit_transfer([learned]).trends, fit_transfer([once]).trends, atol=1e-6)
