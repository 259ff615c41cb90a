"""``contrastive-nas inspect``: what a file is, in every format, as a user sees it."""

from pathlib import Path

import pandas as pd
import pytest
from tests.tables.broken_rows import BROKEN, Broken
from typer.testing import CliRunner

from contrastive_nas.command_line.main import app

FIRST = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
NETWORKS = """
import torch

INPUT_SHAPE = (3, 8, 8)
METRIC = "own_test_accuracy"

def networks():
    yield torch.nn.Conv2d(3, 4, 3), 91.5
    yield torch.nn.Conv2d(3, 4, 3), "high"
    yield torch.nn.Conv2d(3, 8, 3), 93.5
"""


def inspected(path: Path, *options: str) -> str:
    done = CliRunner().invoke(app, ["inspect", str(path), *options])
    assert done.exit_code == 0, done.output
    return done.output


def line(output: str, title: str) -> str:
    """What follows the title of a line."""
    found = [text for text in output.splitlines() if text.startswith(title)]
    assert len(found) == 1, output
    return found[0].removeprefix(title).strip()


def refused(path: Path, *options: str) -> str:
    done = CliRunner().invoke(app, ["inspect", str(path), *options])
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == 1
    return done.output


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.source)
def test_every_format_of_architectures(tmp_path: Path, broken: Broken) -> None:
    path = tmp_path / "raw"
    broken.write(path)
    output = inspected(path)
    assert line(output, "file") == str(path)
    assert line(output, "format").startswith(f"{broken.source}: ")
    assert line(output, "space").split()[0] == broken.space
    rows = f"{broken.usable} from {broken.usable + 1} rows"
    assert line(output, "architectures").startswith(rows)
    assert line(output, "problems") == "1"
    assert broken.reason in line(output, f"  {path}, row {broken.row}: ")
    assert broken.metric in output
    assert line(output, "first rows, of ") == str(broken.usable)


def test_networks_of_no_space(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    for name in ("a.onnx", "b.onnx"):
        (folder / name).write_bytes(b"")
    (folder / "results.csv").write_text("file,own_test_accuracy\na.onnx,70\ngone.onnx,75\nb.onnx,80\n")
    output = inspected(folder)
    assert line(output, "format").startswith("onnx_folder: ")
    assert line(output, "space") == "the file does not say"
    assert "row 2: there is no file 'gone.onnx' in the folder" in output

    models = {"onnx": [b"m"] * 3, "name": ["a", "b", "c"], "x_test_accuracy": [70.0, 200.0, 80.0]}
    pd.DataFrame(models).to_parquet(tmp_path / "models.parquet")
    output = inspected(tmp_path / "models.parquet")
    assert line(output, "format").startswith("onnx_table: ")
    assert line(output, "architectures") == "2 from 3 rows"


def test_a_file_of_code_is_only_read_when_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(NETWORKS)
    assert "reading it runs its code; to do so, give source: python_file" in refused(path)
    output = inspected(path, "--source", "python_file")
    assert line(output, "architectures") == "2 from 3 rows"
    assert "row 2: own_test_accuracy is high, not a percentage" in output


def test_the_space_is_told_by_the_form_or_by_the_user(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"architecture,x_test_accuracy,note\n{FIRST},50,a\n")
    output = inspected(path)
    assert line(output, "space") == "nasbench201 (by the form of its architectures)"
    assert line(output, "other columns") == "note"
    assert line(inspected(path, "--space", "nasbench201"), "space") == "nasbench201"
    assert "no row can be used" in refused(path, "--space", "nasbench101")
    assert "unknown" in refused(path, "--space", "nasbench2001")


def test_as_many_rows_as_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    lines = (f"network {number},{number}.5" for number in range(1, 31))
    path.write_text("\n".join(["architecture,x_test_accuracy", *lines]))
    assert inspected(path).count("network ") == 5
    assert inspected(path, "--rows", "12").count("network ") == 12


def test_many_problems_are_counted_and_some_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("architecture,x_test_accuracy\n" + "a,200\n" * 50 + "b,20\n")
    output = inspected(path)
    assert line(output, "problems") == "50"
    assert output.count("is 200, not a percentage") == 10
    assert "  and 40 more" in output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"hello", "none of the known formats"),
        (b"architecture,x_test_accuracy\n", "no row can be used: it holds none"),
        (b"architecture,note\na,b\n", "there is no column <dataset>_<split>_accuracy"),
        (b"PAR1" + b"\0" * 50, "the Parquet file cannot be read"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "own"
    if content is not None:
        path.write_bytes(content)
    output = refused(path)
    assert output.startswith(f"Error: {path}")
    assert message in output


def test_architectures_without_accuracies_are_described(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"architecture\n{FIRST}\n")
    output = inspected(path)
    assert line(output, "accuracies") == "none"
    assert line(output, "architectures") == "1 from 1 rows"
    path.write_text(f"architecture,test_acc\n{FIRST},90\n")
    assert line(inspected(path), "accuracies").startswith("none; did you mean 'test_acc'?")


def test_a_file_is_read_once(tmp_path: Path) -> None:
    """Code in it runs once, though rows are checked without a space and then with the one that they fit."""
    (tmp_path / "networks.py").write_text(
        "from pathlib import Path\n"
        "from torch import nn\n"
        "INPUT_SHAPE = (1, 8, 8)\n"
        "def networks():\n"
        f"    with Path({str(tmp_path / 'runs.txt')!r}).open('a') as stream:\n"
        "        stream.write('run ')\n"
        "    yield 's4|plain:k3d1w4|separable:k3d1w4|plain:k1d2w16', nn.Flatten(), 91.5\n"
    )
    output = inspected(tmp_path / "networks.py", "--source", "python_file")
    assert "compact_cnn (by the form of its architectures)" in output
    assert (tmp_path / "runs.txt").read_text() == "run "
