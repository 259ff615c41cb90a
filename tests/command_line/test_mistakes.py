"""A mistake is one line that says what to do, with an exit code, and nothing on standard output."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contrastive_nas.command_line.main import app

SPACES = """
from contrastive_nas.spaces.compact_cnn import CompactCNN
class Sampling(CompactCNN):
    def sample(self, rng, count): raise KeyError("no luck")
class Drawing(CompactCNN):
    def sample(self, rng, count): return [1, 2]
class Building(CompactCNN):
    def build(self, architecture): raise RuntimeError("broken\\nbuild")
class Graphs(CompactCNN):
    def graphs(self, architectures): return self.graph(architectures[0])
    def graph(self, architecture): raise RuntimeError("broken graph")
class Reading(CompactCNN):
    def read(self, given): raise TypeError("broken read")
"""
NETWORKS = """
from torch import nn
INPUT_SHAPE = (1, 8, 8)
def networks():
    return [(f"width {width}", nn.Sequential(nn.Conv2d(1, width, 3), nn.Flatten())) for width in (1, 2, 3)]
"""
FILES = {
    "a file.csv": "text\n",
    "no rows.csv": "network,accuracy\n",
    "broken.yml": "epochs: [\n",
    "list.yml": "- 1\n",
    "one.onnx": "text",
    "weights.safetensors": "text",
    "networks.py": NETWORKS,
    "spaces.py": SPACES,
    "ünï.csv": "architecture\ns4\n",
}
SEARCH = ["search", "compact_cnn", "--out", "out"]
MISTAKES = [
    (["sample", "spaces.py:Sampling", "x.csv"], 1, "spaces.py, line 4, in sample: KeyError: 'no luck'"),
    (["sample", "spaces.py:Drawing", "x.csv"], 1, "compact_cnn: 1 is not an architecture string"),
    (["sample", "compact_cnn", "folder"], 1, "folder: it is a folder: name a file"),
    (["sample", "compact_cnn", "a file.csv/x.csv"], 1, "a file.csv/x.csv: a part of its path is a file"),
    (["sample", "compact_cnn", "a file.csv/y/x.csv"], 1, "a file.csv/y/x.csv: a part of its path is a file"),
    (["sample", "compact_cnn", "/proc/x.csv"], 1, "/proc/x.csv: there is no such file or folder"),
    (["inspect", "one.onnx"], 1, "it is one network and no table: `contrastive-nas rank` takes it"),
    (["inspect", "networks.py"], 1, "to do so, give source: python_file (--source)"),
    (["inspect", "ünï.csv", "--space", "compact_cnn"], 1, "ünï.csv, row 1: compact_cnn 's4': 0 stages"),
    (["evaluate", "nothing", "digits"], 1, "there is no such file: name network.safetensors of a retraining"),
    (["evaluate", "folder", "digits"], 1, "it is a folder: name network.safetensors of a retraining"),
    (["evaluate", "weights.safetensors", "digits"], 1, "is damaged or no file of weights"),
    (["rank", "timm:nothing*"], 1, "such as 'resnet18'; * stands for any text"),
    (["rank", "networks.py", "--output", "folder"], 2, "--output folder is a folder: name a file"),
    (["rank", "networks.py", "--json", "--output", "/proc/x.csv"], 1, "/proc/x.csv: there is no such file"),
    (["rank", "networks.py", "--options", '{"classes": 3}'], 2, "--options are of a space: name it with"),
    (["rank", "networks.py", "--labels", "no rows.csv"], 1, "no rows.csv: it has no rows"),
    (["rank", "--space", "spaces.py:Sampling", "--sample", "3"], 1, "spaces.py, line 4, in sample: KeyError"),
    (
        ["rank", "--space", "spaces.py:Graphs", "--sample", "3", "--json"],
        1,
        "line 11, in graph: RuntimeError",
    ),
    (
        ["rank", "--space", "spaces.py:Reading", "s4"],
        1,
        "spaces.py, line 13, in read: TypeError: broken read",
    ),
    ([*SEARCH, "--recipe", "broken.yml"], 2, "broken.yml, line 2 is not valid YAML: expected"),
    ([*SEARCH, "--recipe", "list.yml"], 2, "recipe 'list.yml' has to hold names with values"),
    (
        [*SEARCH, "--train-images", "9999"],
        2,
        "1097 training images cannot be split into 9999 and 500 held out",
    ),
    ([*SEARCH, "--limit", "macs=1e9", "--limit", "macs=2e9"], 2, "--limit names a cost twice"),
    (["search", "spaces.py:Drawing", "--out", "out"], 2, "gives 2 architectures in place of one"),
    (["search", "spaces.py:Building", "--out", "out"], 1, "line 8, in build: RuntimeError: broken build"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), MISTAKES)
def test_a_mistake_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
    assert done.stdout == ""
    left = {*FILES, "folder", "out", "__pycache__"}
    assert {name for name in os.listdir() if name not in left} == set()


@pytest.mark.parametrize(
    ("record", "words"),
    [("{", "is damaged: Expecting property name"), ("[]", "is no record of a run"), ("{}", "is no record")],
)
@pytest.mark.parametrize("command", [["runs", "--json"], ["export", "latest", "x"], ["clean", "--keep", "1"]])
def test_a_damaged_record_of_a_run_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], record: str, words: str
) -> None:
    kedro = {"package_name": "own", "project_name": "own", "kedro_init_version": "1.7.0"}
    settings = "".join(f"{name} = '{value}'\n" for name, value in kedro.items())
    (tmp_path / "pyproject.toml").write_text(f"[tool.kedro]\n{settings}")
    (tmp_path / "data/09_runs").mkdir(parents=True)
    (tmp_path / "data/09_runs/some.json").write_text(record)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert f"some.json {words}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_error_of_the_package_itself_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contrastive_nas.spaces.list_spaces", lambda: 1 / 0)
    done = CliRunner().invoke(app, ["spaces"])
    assert isinstance(done.exception, ZeroDivisionError)
