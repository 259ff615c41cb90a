"""A folder beside the results: given to nodes, hidden where results are verified, of no weight in a run."""

from pathlib import Path

import pytest
from kedro.io import DatasetError

from contrastive_nas.execution.datasets import KeptFolder


def test_gives_its_path_and_can_be_hidden(tmp_path: Path) -> None:
    kept = KeptFolder(str(tmp_path / "labels"))
    assert kept.exists()
    assert kept.load() == tmp_path / "labels"
    with kept.hidden():
        assert kept.load() is None
    assert kept.load() == tmp_path / "labels"
    assert not (tmp_path / "labels").exists()
    with pytest.raises(DatasetError, match="not allowed"):
        kept.save(None)
