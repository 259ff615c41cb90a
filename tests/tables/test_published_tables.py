"""The published tables as Parquet, against facts that were published about them."""

import json
import re

import pandas as pd
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.tables import detect, read_table


def test_nasbench201(data_folder) -> None:
    table = read_table(data_folder / "nasbench201.parquet", space="nasbench201")
    # All cells, and the published optima.
    assert len(table.frame) == 5**6
    assert round(table.frame.cifar10_test_accuracy.max(), 2) == 94.37
    assert round(table.frame.cifar100_test_accuracy.max(), 2) == 73.51
    tau = table.frame.cifar10_valid_accuracy.corr(table.frame.cifar10_test_accuracy, method="kendall")
    assert round(tau, 3) == 0.882


def test_nasbench101(data_folder) -> None:
    path = data_folder / "nasbench101.parquet"
    assert detect(path) == "nasbench101_table"
    table = read_table(path)
    assert (table.space, len(table.frame)) == ("nasbench101", 7158)
    assert table.frame.module_hash.is_unique
    for architecture in table.frame.architecture:
        operations, matrix = architecture.split("/")
        assert len(matrix) == len(operations.split(",")) ** 2
    original = pd.read_parquet(path).set_index("module_hash")
    got = table.frame.set_index("module_hash")
    assert got.cifar10_valid_accuracy.equals(
        original.valid_accuracy_108_epochs.rename("cifar10_valid_accuracy")
    )
    assert got.cifar10_valid_accuracy_12_epochs.notna().sum() == 692


def test_mnasnet(data_folder) -> None:
    path = data_folder / "mnasnet_imagenet.parquet"
    assert detect(path) == "mnasnet_table"
    table = read_table(path)
    assert (table.space, len(table.frame)) == ("mnasnet", 5125)
    original = pd.read_parquet(path)
    for row in (0, 100, 5124):
        blocks = re.findall(r"e(\d)k(\d)l(\d)s(\d)", table.frame.architecture[row])
        for block, fields in enumerate(blocks):
            names = (f"block{block}_{name}" for name in ("e", "k", "l", "se"))
            assert [int(field) for field in fields] == [int(original.loc[row, name]) for name in names]
        assert len(blocks) == 7
    assert table.frame.imagenet_top1_accuracy.equals(original.imagenet_top1_accuracy)


def test_once_for_all(data_folder) -> None:
    path = data_folder / "ofa_mobilenetv3_imagenet.parquet"
    assert detect(path) == "once_for_all_table"
    table = read_table(path)
    assert table.space == "mobilenet_v3"
    original = pd.read_parquet(path)
    # Rows that differ only in layers that do not exist are one network.
    assert table.frame.evaluations.sum() == len(original) == 2223
    depths = [
        ",".join(str(stage.count("k")) for stage in architecture.split("|")[1:])
        for architecture in table.frame.architecture
    ]
    assert set(depths) == set(original.depths)
    first = table.frame.architecture[0]
    assert first == "224|k5e4,k7e3|k3e4,k3e6,k3e3|k5e4,k5e3|k7e3,k3e6,k3e6,k3e6|k5e4,k5e3,k5e4"
    alone = table.frame[table.frame.evaluations == 1]
    assert set(alone.imagenet_top1_accuracy) <= set(original.imagenet_top1_accuracy)


def test_once_for_all_averages_the_same_network(tmp_path) -> None:
    kernels, depths = [3] * 20, "2,2,2,2,2"
    other = kernels.copy()
    other[3] = 7
    frame = pd.DataFrame(
        {
            "kernel_sizes": [",".join(map(str, k)) for k in (kernels, other)],
            "expand_ratios": ",".join(["4"] * 20),
            "depths": depths,
            "resolution": 224,
            "imagenet_top1_accuracy": [70.0, 71.0],
        }
    )
    frame.to_parquet(tmp_path / "x.parquet")
    table = read_table(tmp_path / "x.parquet", validate=lambda architecture: None)
    assert table.frame.to_dict("records") == [
        {"architecture": "224" + "|k3e4,k3e4" * 5, "imagenet_top1_accuracy": 70.5, "evaluations": 2}
    ]


def test_transnas_macro(data_folder) -> None:
    path = data_folder / "transnas_macro.parquet"
    assert detect(path) == "transnas_table"
    table = read_table(path)
    original = pd.read_parquet(path)
    assert (table.space, len(table.frame)) == ("transnas_macro", 3256)
    assert table.frame.architecture.tolist() == original.architecture.tolist()
    for task, scale in (("class_scene", 1), ("jigsaw", 1), ("normal", 100), ("autoencoder", 100)):
        name = f"{task}_valid_accuracy"
        pd.testing.assert_series_equal(table.frame[name], original[name] * scale)
    # A loss is no percentage: kept, but not as an accuracy.
    losses = table.frame.room_layout_valid_negative_loss
    assert losses.tolist() == original.room_layout_valid_accuracy.tolist()
    assert len(table.metrics) == 6
    assert not any("room_layout" in name for name in table.metrics)


def test_transnas_macro_as_text_is_read_by_its_own_spelling(tmp_path) -> None:
    (tmp_path / "x.csv").write_text("architecture,class_scene_valid_accuracy\n64-1234-basic,50\n111114,51\n")
    table = read_table(tmp_path / "x.csv", space="transnas_macro")
    assert table.frame.architecture.tolist() == ["1234", "111114"]
    (tmp_path / "y.csv").write_text("architecture,class_scene_valid_accuracy\n1234,50\n111114,51\n")
    assert read_table(tmp_path / "y.csv", space="transnas_macro").frame.architecture.tolist() == [
        "1234",
        "111114",
    ]


def test_transnas_similarities_that_are_no_numbers_are_refused(tmp_path) -> None:
    columns = {
        "architecture": ["1234"],
        "class_scene_valid_accuracy": [50.0],
        "normal_valid_accuracy": ["0.5"],
    }
    columns |= {"autoencoder_valid_accuracy": [0.5], "room_layout_valid_accuracy": [-0.6]}
    pd.DataFrame(columns).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"x\.parquet: the column normal_valid_accuracy holds"):
        read_table(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("kernel_sizes", "3,x", "kernel_sizes is '3,x', not comma-separated"),
        ("kernel_sizes", "3,3", "do not fit the stages"),
        ("depths", "9,2,2,2,2", "do not fit the stages"),
        ("resolution", "1,2", "one resolution"),
    ],
)
def test_once_for_all_names_wrong_settings(tmp_path, column, value, message) -> None:
    row = {
        "kernel_sizes": ",".join(["3"] * 20),
        "expand_ratios": ",".join(["4"] * 20),
        "depths": "2,2,2,2,2",
        "resolution": "224",
        "imagenet_top1_accuracy": 70.0,
    }
    pd.DataFrame([row | {column: value}]).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=f"row 1: .*{message}"):
        read_table(tmp_path / "x.parquet")


def test_ingesting_twice_gives_the_same(data_folder) -> None:
    tables = [read_table(data_folder / "ofa_mobilenetv3_imagenet.parquet") for _ in range(2)]
    assert tables[0].frame.equals(tables[1].frame)
    assert json.dumps(tables[0].summary()) == json.dumps(tables[1].summary())
