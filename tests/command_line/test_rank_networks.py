"""Lists of networks on the command line: from libraries, files and code, with labels and without."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau
from typer.testing import CliRunner

from contrastive_nas.command_line.main import app
from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_parameters
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.networks.listing import list_given

# Tiny networks of timm's own tests.
TINY = "timm:test_[beruv]*"
NETWORKS = """
from torch import nn
INPUT_SHAPE = (3, 16, 16)
def candidates():
    yield "fits", nn.Sequential(nn.Conv2d(3, 9, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(9, 5))
    yield "does not fit", nn.Linear(7, 7)
def opposed():
    for width in range(1, 15):  # the more multiply-accumulates, the fewer parameters
        first, last = nn.Conv2d(3, 40 - width, 3), nn.Linear(40 - width, 20 * width)
        yield f"width {width}", nn.Sequential(first, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last), width
"""


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks are traced once for all tests."""
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, graphs: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(NETWORKS)
    return graphs


def run_rank(kept: Path, *arguments: object):
    return CliRunner().invoke(app, ["rank", *map(str, arguments), "--graphs", str(kept)])


def test_a_list_of_several_kinds_twice_the_same(kept: Path) -> None:
    mixed = (TINY, "torchvision:squeezenet1_?", "mine.py:candidates")
    done = run_rank(kept, *mixed, "--output", "first.csv")
    assert done.exit_code == 0, done.output
    assert "not ranked: mine.py:does not fit: cannot trace Linear with input shape (3, 16, 16)" in done.stdout
    again = run_rank(kept, *mixed, "--output", "second.csv")
    assert again.stdout == done.stdout
    assert Path("first.csv").read_bytes() == Path("second.csv").read_bytes()
    table = pd.read_csv("first.csv")
    assert table["network"].tolist()[-1] == "mine.py:does not fit"
    assert table["error"].notna().sum() == 1
    assert table["rank"].isna().sum() == 1


def test_costs_and_ranks_beside_the_score(kept: Path) -> None:
    done = run_rank(kept, TINY, "--output", "table.csv")
    assert done.exit_code == 0, done.output
    table = pd.read_csv("table.csv").set_index("network")
    count = len(table)
    for network in list_given([TINY]).networks[:3]:
        graphs = GraphBatch.from_graphs([network.make()])
        assert table.loc[network.name, "macs"] == graph_multiply_accumulates(graphs)[0]
        assert table.loc[network.name, "parameters"] == graph_parameters(graphs)[0]
    # Every order has each rank once.
    assert table["expected_rank"].sum() == pytest.approx(count * (count + 1) / 2)
    assert (table["rank_low"] <= table["expected_rank"]).all()
    assert (table["expected_rank"] <= table["rank_high"]).all()
    assert table["expected_rank"].is_monotonic_increasing


def test_labels_of_a_table(kept: Path) -> None:
    names = [network.name for network in list_given([TINY]).networks]
    labels = {name.removeprefix("timm:"): 50 + place for place, name in enumerate(names[:6])}
    pd.DataFrame({"name": labels.keys(), "my_accuracy": labels.values()}).to_csv("results.csv", index=False)
    done = run_rank(kept, TINY, "--labels", "results.csv", "--output", "table.csv")
    assert done.exit_code == 0, done.output
    assert f"{len(names)} networks, ranked with 6 labels" in done.output
    found = pd.read_csv("table.csv").dropna(subset="label")
    given = found[["network", "label"]].to_numpy()
    assert {name.removeprefix("timm:"): label for name, label in given} == labels
    assert kendalltau(found["score"], found["label"]).statistic > 0.5


def test_it_says_when_counting_is_the_better_guide(kept: Path) -> None:
    done = run_rank(kept, "mine.py:opposed", "--labels", "own_test_accuracy", "--ranker", "macs")
    assert done.exit_code == 0, done.output
    pattern = r"not shown: (\S+) by this ranking, (\S+) by multiply-accumulates, (\S+) by parameters(.*)"
    found = re.search(pattern, done.output)
    assert found is not None, done.output
    # macs ranks by multiply-accumulates, and parameters rise with the labels.
    assert found[1] == found[2] == "-1.00"
    assert found[3] == "1.00"
    assert found[4] == "; rank by parameters instead"
    done = run_rank(kept, "mine.py:opposed", "--labels", "own_test_accuracy", "--ranker", "parameters")
    assert "instead" not in done.output


def test_a_wrong_ranker_is_named_before_anything_is_traced(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contrastive_nas.networks.tracing.trace_networks", None)
    done = run_rank(kept, "mine.py:opposed", "--ranker", "transfr")
    assert done.exit_code == 1
    assert "ranker 'transfr' is unknown: did you mean 'transfer'?" in done.output


def test_nothing_that_can_be_ranked_is_one_line(kept: Path) -> None:
    code = "from torch import nn\nINPUT_SHAPE = (3, 8, 8)\ndef networks(): return [nn.Linear(7, 7)]\n"
    Path("bad.py").write_text(code)
    done = run_rank(kept, "bad.py")
    assert done.exit_code == 1
    assert "no network can be ranked; the first reason: bad.py:bad 1: cannot trace Linear" in done.output


def test_a_list_is_ranked_in_any_order_of_its_names(kept: Path) -> None:
    names = [network.name for network in list_given([TINY]).networks]
    tables = []
    for listed in (names, names[::-1]):
        assert run_rank(kept, *listed, "--output", "table.csv").exit_code == 0
        tables.append(pd.read_csv("table.csv").set_index("network").loc[names])
    np.testing.assert_allclose(tables[0]["score"], tables[1]["score"], atol=1e-6)
