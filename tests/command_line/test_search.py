"""``contrastive-nas search``: a search without Kedro, and what it refuses before anything is trained."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from contrastive_nas.command_line.main import app
from contrastive_nas.command_line.searching import _find_data, _training
from contrastive_nas.errors import InputError
from contrastive_nas.spaces import load_space


def run(*arguments: object):
    return CliRunner().invoke(app, ["search", *map(str, arguments)])


def write_images(path: Path, count: int = 40) -> Path:
    """Grey noise of ten classes as Parquet."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count):
        stream = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(stream, "png")
        rows.append({"image": stream.getvalue(), "label": number % 10})
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(path)
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compact_cn"], "compact_cn"),
        (["absent.py:Space"], "absent.py"),
        (["compact_cnn", "--data", "absent.parquet"], "--data: raw file absent.parquet is missing"),
        (["compact_cnn", "--data", "digits", "--test-data", "x"], "leave it out"),
        (["compact_cnn", "--limit", "macs"], "COST=NUMBER"),
        (["compact_cnn", "--limit", "macs=-1"], "COST=NUMBER"),
        (["compact_cnn", "--limit", "mcs=1e6"], "did you mean 'macs'?"),
        (["compact_cnn", "--limit", "macs=10"], "no architecture of compact_cnn was found"),
        (["compact_cnn", "--recipe", "nonsense"], "recipe 'nonsense' is unknown"),
        (["compact_cnn", "--recipe", "imagenet_darts"], "augments batches"),
        (["compact_cnn", "--valid-images", "5000"], "cannot be split"),
        (["compact_cnn", "--options", '{"classes": 7}'], "7 outputs"),
        (["compact_cnn", "--options", "{"], "not valid JSON"),
    ],
)
def test_what_cannot_be_searched_is_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = run(*arguments, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("compact_cnn", "--out", tmp_path / "file")
    assert done.exit_code == 2
    assert "--out" in done.stderr
    assert "cannot be written" in done.stderr


def test_files_that_are_no_images_are_refused(tmp_path: Path) -> None:
    text, broken = tmp_path / "text.txt", tmp_path / "broken.parquet"
    text.write_text("hello")
    broken.write_text("hello")
    for file, words in ((text, "neither a Parquet file"), (broken, "cannot be read as Parquet")):
        done = run("compact_cnn", "--data", file, "--test-data", file, "--out", tmp_path / "out")
        assert done.exit_code == 2
        assert words in done.stderr


def test_the_parts_of_a_data_set_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = write_images(tmp_path / "mine/train.parquet"), write_images(tmp_path / "mine/test.parquet")
    by_folder = _find_data(str(tmp_path / "mine"), None)
    assert (by_folder.kind, by_folder.name) == ("parquet", "mine")
    assert (by_folder.train, by_folder.test) == (str(train), str(test))
    by_files = _find_data(str(train), str(test))
    assert (by_files.train, by_files.test) == (str(train), str(test))
    with pytest.raises(InputError, match="--test-data"):
        _find_data(str(train), None)
    monkeypatch.setenv("CONTRASTIVE_NAS_DATA", str(tmp_path))
    assert _find_data("mine", None).train == str(train)
    for part in ("train", "val"):
        (tmp_path / "photos" / part / "cat").mkdir(parents=True)
    folders = _find_data(str(tmp_path / "photos"), None)
    assert (folders.kind, Path(folders.test).name) == ("folder", "val")
    with pytest.raises(InputError, match="different formats"):
        _find_data(str(train), str(tmp_path / "photos/val"))


def test_a_tenth_of_own_images_is_held_out_and_the_warm_up_keeps_its_share(tmp_path: Path) -> None:
    write_images(tmp_path / "train.parquet", 100)
    write_images(tmp_path / "test.parquet")
    data = _find_data(str(tmp_path), None)
    found = _training(load_space("compact_cnn"), data, None, 6, (None, None), 2, 1)
    assert (found.recipe, found.valid_images, found.seeds) == ("cifar10_fast", 10, (0, 1))
    assert found.overrides == {"epochs": 6, "schedule": {"warmup_epochs": 1.0}}


@pytest.mark.slow
def test_a_search_ends_with_its_results_and_goes_on_without_training_again(tmp_path: Path) -> None:
    given = ["compact_cnn", "--trainings", 3, "--epochs", 1, "--limit", "macs=1e6", "--workers", 1]
    first = run(*given, "--out", tmp_path)
    assert first.exit_code == 0, first.output
    history = pd.read_csv(tmp_path / "history.csv")
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert len(history) == summary["queries"] == 3
    best = history.loc[history["accuracy"].idxmax()]
    assert summary["best_architecture"] == best["architecture"]
    assert summary["best_valid_accuracy"] == best["accuracy"]
    assert summary["final_trainings"] == 3
    assert summary["best_macs"] <= 1e6
    assert best["architecture"] in first.stdout
    assert "3 queries (3 trained)" in first.stdout
    (labels,) = (tmp_path / "labels").iterdir()
    trained = labels.read_text()
    assert len(trained.splitlines()) == 1 + 3 + 3  # a header, the search's, and three fresh ones

    again = run(*given, "--out", tmp_path, "--json", "--quiet")
    assert again.exit_code == 0, again.output
    assert again.stderr == ""
    found = json.loads(again.stdout)
    assert {**found, "seconds": 0} == {**summary, "seconds": 0}
    assert labels.read_text() == trained

    longer = run("compact_cnn", "--trainings", 4, *given[3:], "--out", tmp_path)
    assert longer.exit_code == 0, longer.output
    assert (
        pd.read_csv(tmp_path / "history.csv")["architecture"][:3].tolist() == history["architecture"].tolist()
    )
