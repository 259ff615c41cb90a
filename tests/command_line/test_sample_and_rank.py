"""Architectures of a space on the command line: drawn into a table, and ranked."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau
from typer.testing import CliRunner

from contrastive_nas.command_line.main import app
from contrastive_nas.graphs import function_hash
from contrastive_nas.ranking import fitting
from contrastive_nas.ranking.rank import rank
from contrastive_nas.spaces import load_space
from contrastive_nas.tables import read_table

SPACE = load_space("nasbench201", channels=4, cells=1)


def run_sample(*arguments: object):
    return CliRunner().invoke(app, ["sample", *map(str, arguments)])


def test_writes_a_table_that_ingestion_reads(tmp_path: Path):
    path = tmp_path / "list.csv"
    done = run_sample("nasbench201", path, "--count", 30, "--options", '{"channels": 4, "cells": 1}')
    assert done.exit_code == 0, done.output
    assert "30 architectures of nasbench201" in done.output
    names = read_table(path, space="nasbench201", metrics=[]).frame["architecture"].tolist()
    assert len(set(names)) == 30
    for name in names:
        SPACE.validate(name)
    first = path.read_bytes()
    run_sample("nasbench201", path, "--count", 30)
    assert path.read_bytes() == first
    run_sample("nasbench201", path, "--count", 30, "--seed", 1)
    assert pd.read_csv(path)["architecture"].tolist() != names


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("nasbench2001",), "nasbench2001"),
        (("nasbench201", "--options", "{"), "not valid JSON"),
        (("nasbench201", "--options", "[1]"), "not a JSON object"),
    ],
)
def test_what_cannot_be_drawn(tmp_path: Path, arguments: tuple[str, ...], word: str):
    done = run_sample(arguments[0], tmp_path / "list.csv", *arguments[1:])
    assert done.exit_code == 1
    assert word in done.output
    assert not any(tmp_path.iterdir())


GOOD = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
POOR = "|avg_pool_3x3~0|+|avg_pool_3x3~0|none~1|+|avg_pool_3x3~0|none~1|none~2|"
DEAD = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"

NETWORKS = """
from torch import nn
INPUT_SHAPE = (3, 16, 16)
def networks():
    for width in range(2, {count} + 2):
        yield nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Flatten(),
                            nn.Linear(width * 256, 10)), {label}
"""


def run_rank(*arguments: object):
    return CliRunner().invoke(app, ["rank", *map(str, arguments)])


def test_named_architectures_and_a_sample(tmp_path: Path):
    output = tmp_path / "ranking.csv"
    done = run_rank(
        "--space", "nasbench201", "--sample", 30, "--output", output, "--top", 3, POOR, GOOD, DEAD
    )
    assert done.exit_code == 0, done.output
    assert "33 networks, ranked without labels" in done.output
    assert re.search(
        r"similarity to labelled spaces: nasbench201 (0.9\d|1.00), nasbench101 0.\d\d, ", done.output
    )
    assert "the ranker has learned from labels of nasbench201 itself" in done.output
    table = pd.read_csv(output).set_index("architecture")
    hashes = {function_hash(SPACE.graph(name)) for name in table.index}
    assert (f"{len(hashes)} are different" in done.output) == (len(hashes) < 33)
    assert table["score"].is_monotonic_decreasing
    assert table.loc[GOOD, "rank"] < 10
    assert table.loc[POOR, "rank"] > 20
    assert table.loc[DEAD, "rank"] > 20
    # Wins and losses of all pairs cancel out.
    assert table["win_probability"].mean() == pytest.approx(0.5)


def test_a_table_of_architectures(tmp_path: Path):
    path = tmp_path / "list.csv"
    pd.DataFrame({"architecture": [POOR, GOOD]}).to_csv(path, index=False)
    done = run_rank("--space", "nasbench201", "--file", path)
    assert done.exit_code == 0, done.output
    assert done.output.index(GOOD) < done.output.index(POOR)


def test_networks_of_no_space(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text(NETWORKS.format(count=9, label="None"))
    done = run_rank(path)
    assert done.exit_code == 0, done.output
    assert "9 networks" in done.output
    assert "none is similar" in done.output


def test_a_short_list_says_what_it_was_compared_with(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text(NETWORKS.format(count=3, label="None"))
    done = run_rank(path)
    assert done.exit_code == 0, done.output
    assert "3 networks, ranked without labels" in done.output
    assert "among 288 random networks of the spaces compact_cnn, darts, mnasnet" in done.output
    assert "ranked by their size alone" in done.output
    found = json.loads(run_rank(path, "--json").stdout)
    assert found["networks"] == len(found["ranking"]) == 3
    assert found["compared_with"].startswith("288 random networks")
    assert (found["similarity"], found["by_size"]) == ({}, True)
    ranked = [(row["macs"], row["parameters"]) for row in found["ranking"]]
    assert ranked == sorted(ranked, reverse=True)
    path.write_text(NETWORKS.format(count=1, label="None"))
    done = run_rank(path)
    assert done.exit_code == 1
    assert "at least two networks are needed, got 1: name another one" in done.output


def test_labels_of_a_table_overrule_other_spaces(tmp_path: Path):
    space = load_space("nasbench201")
    names = list(dict.fromkeys([GOOD, POOR, *space.sample(np.random.default_rng(3), 40)]))
    without = rank(space, names)
    # As if what is good elsewhere was bad here.
    upside_down = dict(zip(without["architecture"], np.linspace(20, 90, len(names)), strict=True))
    labels = {name: label for name, label in upside_down.items() if name not in (GOOD, POOR)}
    path = tmp_path / "list.csv"
    table = pd.DataFrame({"architecture": names, "my_test_accuracy": [labels.get(name) for name in names]})
    table.to_csv(path, index=False)
    output = tmp_path / "ranking.csv"
    arguments = ("--space", "nasbench201", "--file", path, "--labels", "my_test_accuracy")
    done = run_rank(*arguments, "--output", output)
    assert done.exit_code == 0, done.output
    assert f"{len(names)} networks, ranked with {len(labels)} labels" in done.output
    found = pd.read_csv(output).set_index("architecture")
    assert found.loc[POOR, "rank"] < found.loc[GOOD, "rank"]
    assert found["label"].dropna().to_dict() == pytest.approx(labels)
    again = rank(space, names, labels=labels).set_index("architecture")
    np.testing.assert_allclose(found["score"], again.loc[found.index, "score"])


def test_labels_of_networks_of_no_space(tmp_path: Path):
    path = tmp_path / "mine.py"
    output = tmp_path / "ranking.csv"
    # The wider the worse, which nobody would expect; a name of one's own needs no percentages.
    networks = NETWORKS.format(count=24, label="float(-width) if width % 2 else None")
    path.write_text(networks + "METRIC = 'gain'")
    done = run_rank(path, "--labels", "gain", "--output", output)
    assert done.exit_code == 0, done.output
    assert "24 networks, ranked with 12 labels" in done.output
    table = pd.read_csv(output)
    width = table["network"].str.extract(r"(\d+)$")[0].astype(int)
    # Names count from 1, widths from 2.
    np.testing.assert_array_equal(table["label"].dropna(), -(width + 1)[table["label"].notna()])
    assert kendalltau(table["rank"], width).statistic > 0.8


@pytest.mark.parametrize(
    ("column", "word"),
    [
        (None, "no column mine_accuracy of labels: there is none"),
        (["", ""], "is empty"),
        (["70", "70"], "at least two different labels"),
        (["70", "high"], "is not a number but"),
        (["70", "inf"], "list.csv: mine_value of"),
        (["70", "1_0"], "is not a number but '1_0'; leave it empty"),
    ],
)
def test_bad_labels_are_one_clear_error(tmp_path: Path, column: list[str] | None, word: str):
    path = tmp_path / "list.csv"
    table = pd.DataFrame({"architecture": [POOR, GOOD]})
    if column is not None:
        table["mine_value"] = column
    table.to_csv(path, index=False)
    name = "mine_accuracy" if column is None else "mine_value"
    done = run_rank("--space", "nasbench201", "--file", path, "--labels", name)
    assert done.exit_code == 1
    assert word in done.output


def test_a_column_is_found_however_its_name_is_written(tmp_path: Path):
    path = tmp_path / "list.csv"
    table = pd.DataFrame({"architecture": [POOR, GOOD], "CIFAR10 test accuracy": [70, 80]})
    table.to_csv(path, index=False)
    for name in ("CIFAR10 test accuracy", "cifar10_test_accuracy", "CIFAR10-test accuracy"):
        done = run_rank("--space", "nasbench201", "--file", path, "--labels", name, "--ranker", "macs")
        assert done.exit_code == 0, done.output
        assert "ranked with 2 labels" in done.output
    done = run_rank("--space", "nasbench201", "--file", path, "--labels", "cifar10_test_acuracy")
    assert "did you mean 'cifar10_test_accuracy'?" in done.output


def test_a_result_that_cannot_be_written_is_one_line(tmp_path: Path):
    asked = ["--space", "nasbench201", "--ranker", "macs", POOR, GOOD, "--output"]
    done = run_rank(*asked, tmp_path)
    assert done.exit_code == 2
    assert f"--output {tmp_path} is a folder: name a file" in done.output
    (tmp_path / "file").touch()
    done = run_rank(*asked, tmp_path / "file" / "ranking.csv")
    assert done.exit_code == 1
    assert done.output.splitlines()[-1].startswith(f"Error: {tmp_path}/file/ranking.csv: ")


def test_networks_that_no_score_tells_apart_are_said_to_be_alike(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text("from torch import nn\nINPUT_SHAPE = (3, 8, 8)\ndef networks(): return [nn.ReLU()] * 9\n")
    done = run_rank(path, "--ranker", "macs")
    assert "all networks have the same score, so their order means nothing" in done.output
    done = run_rank("--file", path, "--space", "nasbench201")
    assert done.exit_code == 2
    assert "Python file of networks" in done.output


def test_networks_that_are_all_alike_have_nothing_to_learn(tmp_path: Path):
    path = tmp_path / "mine.py"
    same = NETWORKS.replace("yield nn", "step = width\n        width = 4\n        yield nn")
    path.write_text(same.format(count=9, label="50 + step"))
    output = tmp_path / "ranking.csv"
    done = run_rank(path, "--labels", "own_test_accuracy", "--output", output)
    assert done.exit_code == 0, done.output
    assert (pd.read_csv(output)["win_probability"] == 0.5).all()


def test_more_labels_than_can_be_learned_from(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fitting, "MOST_LABELS", 5)
    space = load_space("nasbench201")
    names = list(dict.fromkeys(space.sample(np.random.default_rng(4), 30)))
    labels = {name: float(place) for place, name in enumerate(names)}
    table = rank(space, [], labels=labels)
    assert table["label"].notna().all()
    kept = np.random.default_rng(0).permutation(len(names))[:5]
    few = rank(space, names, labels={names[place]: labels[names[place]] for place in sorted(kept)})
    np.testing.assert_allclose(few["score"], table["score"], atol=1e-6)


def test_equal_functions_share_rank_and_score():
    space = load_space("nasbench201")
    twin = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|none~2|"
    same = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
    table = rank(space, [twin, same, GOOD]).set_index("architecture")
    assert table.loc[twin, "score"] == pytest.approx(table.loc[same, "score"], abs=1e-9)
    assert table.loc[twin, "rank"] == table.loc[same, "rank"]
    assert np.isfinite(table["score"]).all()


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("--space", "nasbench201", "nonsense", GOOD), 1, "nonsense"),
        (("--space", "nasbench201", GOOD), 1, "two different"),
        (("--space", "nowhere", GOOD), 1, "nowhere"),
        (("--space", "nasbench201", "--options", "{", GOOD), 1, "not valid JSON"),
        ((GOOD,), 1, "for an architecture string add --space"),
        ((), 2, "--space"),
        (("--sample", "9", GOOD), 2, "--space"),
        (("--space", "nasbench201", "--labels", "accuracy", POOR, GOOD), 2, "--file"),
    ],
)
def test_what_cannot_be_ranked(arguments: tuple[str, ...], code: int, word: str):
    done = run_rank(*arguments)
    assert done.exit_code == code
    assert word in done.output


def test_onnx_networks_of_any_size_need_the_size(tmp_path: Path):
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    sizes = ["batch", 3, "height", "width"]
    for width in range(2, 11):
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["c"]),
            helper.make_node("GlobalAveragePool", ["c"], ["y"]),
        ]
        ends = [
            helper.make_tensor_value_info(name, floats, shape)
            for name, shape in (("x", sizes), ("y", ["n", "c", "h", "w"]))
        ]
        weight = np.random.default_rng(width).random((width, 3, 3, 3), dtype=np.float32)
        graph = helper.make_graph(
            nodes, "net", ends[:1], ends[1:], [onnx.numpy_helper.from_array(weight, "w")]
        )
        opsets = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / f"{width}.onnx")
    done = run_rank(tmp_path)
    assert done.exit_code == 1
    assert "has free sizes" in done.output
    assert "--image-size" in done.output
    done = run_rank(tmp_path, "--image-size", "16x12")
    assert done.exit_code == 0, done.output
    assert "9 networks" in done.output


@pytest.mark.parametrize("size", ["0", "12x", "-3", "big", "70000", "3x4x5"])
def test_sizes_that_are_none(tmp_path: Path, size: str):
    done = run_rank(tmp_path, f"--image-size={size}")
    assert done.exit_code == 1
    assert "HEIGHTxWIDTH" in done.output


def test_a_space_knows_the_size_of_its_images(tmp_path: Path):
    done = run_rank("--space", "nasbench201", "--sample", 8, "--image-size", "32")
    assert done.exit_code == 2
    assert "--image-size" in done.output
