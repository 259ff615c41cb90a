"""What a node is given beside its inputs: kept folders, and parts of what it made before, only from that."""

import json
from pathlib import Path

import pytest
from kedro.io import DatasetError
from tiny_project import TinyProject

from contrastive_nas.execution.datasets import KeptFolder
from contrastive_nas.execution.runner import CachingRunner

Capture = pytest.CaptureFixture[str]
RAW = "data/01_raw/numbers.txt"
SQUARES = "data/04_feature/base/squares.json"


@pytest.fixture
def grown(tiny: TinyProject, capsys: Capture) -> TinyProject:
    """Has the squares of 1 2 3 4; the raw file now has more numbers."""
    assert squared(tiny, capsys) == ["1 2 3 4"]
    tiny.path(RAW).write_text("5 1 2 3 4 6\n")
    return tiny


def squared(tiny: TinyProject, capsys: Capture, **options: object) -> list[str]:
    """What was really computed in a run."""
    capsys.readouterr()
    tiny.session(pipeline_names=["growing"], **options)
    printed = capsys.readouterr().out.splitlines()
    return [line.removeprefix("squared ") for line in printed if line.startswith("squared ")]


def test_only_what_is_new_is_computed(grown: TinyProject, capsys: Capture) -> None:
    assert squared(grown, capsys) == ["5 6"]
    assert json.loads(grown.path(SQUARES).read_text()) == {str(n): n * n for n in (5, 1, 2, 3, 4, 6)}
    node = next(node for node in grown.record()["nodes"] if node["name"] == "squares")
    assert node["took_over"]["squares"].startswith("data/04_feature/base/.versions/squares.json/")
    # The newest version serves, not the first one.
    grown.path(RAW).write_text("5 6 7\n")
    assert squared(grown, capsys) == ["7"]
    # And nothing is computed to go back.
    grown.path(RAW).write_text("1 2 3 4\n")
    assert squared(grown, capsys) == []


def test_changed_code_makes_everything_anew(grown: TinyProject, capsys: Capture) -> None:
    code = grown.path("src/tiny/growing.py")
    code.write_text(code.read_text().replace("int(value) ** 2", "2 * int(value)"))
    assert squared(grown, capsys) == ["5 1 2 3 4 6"]


def test_a_damaged_version_is_not_used(grown: TinyProject, capsys: Capture) -> None:
    grown.path(SQUARES).write_text('{"1": 7}')
    assert squared(grown, capsys) == ["5 1 2 3 4 6"]


def test_whoever_forces_or_verifies_wants_it_anew(grown: TinyProject, capsys: Capture) -> None:
    assert squared(grown, capsys) == ["5 6"]
    assert squared(grown, capsys, runner=CachingRunner(verify=True)) == ["5 1 2 3 4 6"]
    assert squared(grown, capsys, runner=CachingRunner(force="squares")) == ["5 1 2 3 4 6"]


def test_without_the_caching_runner_there_is_nothing_earlier(grown: TinyProject, capsys: Capture) -> None:
    from kedro.runner import SequentialRunner

    assert squared(grown, capsys, runner=SequentialRunner()) == ["5 1 2 3 4 6"]


def test_gives_its_path_and_can_be_hidden(tmp_path: Path) -> None:
    kept = KeptFolder(str(tmp_path / "labels"))
    assert kept.exists()
    assert kept.load() == tmp_path / "labels"
    assert kept.hidden().load() is None
    assert kept.load() == tmp_path / "labels"
    assert not (tmp_path / "labels").exists()
    with pytest.raises(DatasetError, match="not allowed"):
        kept.save(None)
