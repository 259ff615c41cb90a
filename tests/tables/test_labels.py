"""Labels of networks that a table gives by their names."""

from pathlib import Path

import pandas as pd
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.tables.labels import file_labels, names_a_table

NAMES = ["timm:resnet18", "torchvision:resnet18", "timm:resnet34", "nets/a.onnx", "mine.py:wide"]


def labels(tmp_path: Path, text: str, column: str = "") -> dict[str, float]:
    path = tmp_path / "results.csv"
    path.write_text(text)
    return file_labels(f"{path}{column}", NAMES)


def test_whole_names_ends_and_file_names(tmp_path: Path) -> None:
    text = "model,own_test_accuracy\ntimm:resnet18,70\nresnet34,73\na.onnx,60.5\nwide,\n"
    assert labels(tmp_path, text) == {"timm:resnet18": 70, "timm:resnet34": 73, "nets/a.onnx": 60.5}


def test_a_column_is_named_where_there_are_several(tmp_path: Path) -> None:
    text = "name,first_accuracy,second_accuracy,gain\nresnet34,70,80,3\nwide,60,90,-1\n"
    assert labels(tmp_path, text, ":gain") == {"timm:resnet34": 3, "mine.py:wide": -1}
    with pytest.raises(
        InputError, match=r"say which column has the labels, .*:COLUMN; it has first_accuracy"
    ):
        labels(tmp_path, text)
    with pytest.raises(InputError, match="no column gian of labels: did you mean 'gain'"):
        labels(tmp_path, text, ":gian")


def test_the_only_other_column_is_meant(tmp_path: Path) -> None:
    assert labels(tmp_path, "model,top1\nresnet34,0.73\nwide,-2\n") == {
        "timm:resnet34": 0.73,
        "mine.py:wide": -2,
    }
    with pytest.raises(InputError, match=r"say which column has the labels, .*:COLUMN; it has top1, top5"):
        labels(tmp_path, "model,top1,top5\nresnet34,73,91\n")


def test_networks_that_are_not_listed_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "network,my_accuracy\nresnet34,70\nvgg11,60\nvgg13,61\n"
    assert labels(tmp_path, text) == {"timm:resnet34": 70}
    assert "2 labels are of networks that are not listed: vgg11, vgg13" in caplog.text
    with pytest.raises(InputError, match="names none of the networks; it begins with vgg11"):
        labels(tmp_path, "network,my_accuracy\nvgg11,60\nvgg13,61\n")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("resnet18,70\n", "resnet18 may be timm:resnet18 or torchvision:resnet18: give the whole name"),
        ("resnet34,70\ntimm:resnet34,71\n", "timm:resnet34 is named twice"),
        ("resnet34,high\n", "my_accuracy is high, not a percentage"),
        ("resnet34,170\n", "my_accuracy is 170, not a percentage"),
    ],
)
def test_what_is_not_sure_is_refused(tmp_path: Path, rows: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        labels(tmp_path, "name,my_accuracy\n" + rows)


def test_a_parquet_table(tmp_path: Path) -> None:
    path = tmp_path / "results.parquet"
    pd.DataFrame({"name": ["resnet34", "wide"], "my_accuracy": [70.5, None]}).to_parquet(path)
    assert file_labels(str(path), NAMES) == {"timm:resnet34": 70.5}
    path.write_text("no table")
    with pytest.raises(InputError, match="it is not a Parquet file"):
        file_labels(str(path), NAMES)


def test_a_table_without_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column has names: call one architecture or network"):
        labels(tmp_path, "who,my_accuracy\nresnet34,70\n")


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    assert names_a_table("gone.csv:gain")
    assert not names_a_table("gain")
    assert not names_a_table("top.1")
    with pytest.raises(InputError, match=r"gone\.csv: there is no such file"):
        file_labels("gone.csv:gain", NAMES)
