"""Tables of several spaces, a user's own among them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.ranking.transfer.labelled_tables import open_tables
from contrastive_nas.spaces import load_space

OWN = """
from contrastive_nas.spaces.compact_cnn import CompactCNN
class Mine(CompactCNN):
    name = "mine"
"""


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    """A list of two tables of the same networks, in a space by its name and in one from a file."""
    (tmp_path / "mine.py").write_text(OWN)
    names = load_space("compact_cnn").sample(np.random.default_rng(0), 20)
    table = pd.DataFrame({"architecture": names, "own_test_accuracy": np.linspace(50, 90, len(names))})
    table.to_csv(tmp_path / "table.csv", index=False)
    listed = {
        "space": ["compact_cnn", f"{tmp_path}/mine.py:Mine"],
        "file": "table.csv",
        "column": "own_test_accuracy",
    }
    pd.DataFrame(listed).to_csv(tmp_path / "tables.csv", index=False)
    return tmp_path / "tables.csv"


def test_a_space_from_a_file_is_one_as_any_other(listing: Path, tmp_path: Path) -> None:
    first, own = open_tables(listing, tmp_path)
    assert (first.space.name, own.space.name) == ("compact_cnn", "mine")
    np.testing.assert_array_equal(first.truth, own.truth)
    np.testing.assert_array_equal(first.store.statistics, own.store.statistics)


def test_a_space_that_is_named_twice(listing: Path, tmp_path: Path) -> None:
    listed = pd.read_csv(listing)
    listed["space"] = "compact_cnn"
    listed.to_csv(listing, index=False)
    with pytest.raises(InputError, match="names the space compact_cnn twice"):
        open_tables(listing, tmp_path)
