from pathlib import Path

import pytest

from contrastive_nas.execution.datasets.raw_file import MissingRawFile, RawFile


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONTRASTIVE_NAS_DATA", raising=False)
    folder = tmp_path / "data/01_raw"
    folder.mkdir(parents=True)
    return folder


def test_a_preferred_file_is_taken_where_it_is_there(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = RawFile("data/01_raw/part.parquet", preferred=["data/01_raw/a.bin", "data/01_raw/b.bin"])
    assert not dataset.exists()
    with pytest.raises(MissingRawFile, match=r"part\.parquet is missing"):
        dataset.load()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("CONTRASTIVE_NAS_DATA", str(elsewhere))
    for path in (raw / "part.parquet", elsewhere / "b.bin", raw / "b.bin", elsewhere / "a.bin"):
        path.touch()
        assert dataset.exists()
        assert dataset.load().resolve() == path
