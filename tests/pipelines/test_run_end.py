"""What a run prints at its end agrees with what lies on the disk."""

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.cli.utils import _split_params
from tests.pipelines.project import Project

from contrastive_nas import load_space, trace
from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_parameters
from contrastive_nas.graphs.schema import GraphBatch

# Labels are looked up, so that nothing is trained.
GIVEN = {
    "evaluator": {"kind": "table"},
    "search": {"strategy": "random", "pool": True, "queries": 12},
    "pretrain": {"start": "released"},
}


def ends(said: pytest.LogCaptureFixture) -> list[str]:
    """The texts that runs ended with."""
    return [record.getMessage() for record in said.records if record.name.endswith("run_end")]


def rows(end: str) -> dict[str, str]:
    """The lines of an end by their label."""
    pairs = (re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in end.splitlines() if "  " in line)
    return dict(pairs)


def number(text: str, pattern: str) -> float:
    found = re.search(pattern, text)
    assert found is not None, text
    return float(found[1].replace(",", ""))


def test_a_search_ends_with_what_it_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    project = Project.create(tmp_path)
    project.run("search", **GIVEN)
    project.run("search", **GIVEN)
    first, second = ends(caplog)
    found = rows(first)
    table = pd.read_parquet(project.folder / "data/02_intermediate/test/table.parquet").set_index(
        "architecture"
    )
    tests, labels = table["digits_test_accuracy"], table["digits_valid_accuracy"]
    chosen = found["Architecture"]
    assert first.splitlines()[0].endswith(f"test accuracy of {tests[chosen]:.2f} % (looked up)")
    assert number(found["Test accuracy"], r"([\d.]+) %") == pytest.approx(tests[chosen], abs=0.005)
    history = pd.read_parquet(project.folder / "data/07_model_output/test/search_history.parquet")
    assert history.loc[history["accuracy"].idxmax(), "architecture"] == chosen
    assert number(found["Validation accuracy"], r"([\d.]+) %") == pytest.approx(labels[chosen], abs=0.005)
    assert number(found["Validation accuracy"], r"of (\d+) queries") == len(history) == 12
    assert number(found["Rank"], r"([\d,]+) among 60 ") == 1 + (tests > tests[chosen]).sum()
    assert number(found["Regret"], r"([\d.]+) points") == pytest.approx(
        labels.max() - labels[chosen], abs=0.005
    )
    random = pd.read_parquet(project.folder / "data/07_model_output/test/random_search.parquet")
    assert number(found["Random search"], r"([\d.]+) %") == pytest.approx(random["test"].iloc[-1], abs=0.005)
    space = load_space("compact_cnn")
    graph = GraphBatch.from_graphs([trace(space.build(chosen), space.image_shape(chosen))])
    for words, count in (
        ("multiply-accumulates", graph_multiply_accumulates(graph)[0]),
        ("parameters", graph_parameters(graph)[0]),
    ):
        size = re.search(rf"([\d.]+) (million|thousand) {words}", found["Size"])
        assert size is not None
        shown = float(size[1]) * {"million": 1e6, "thousand": 1e3}[size[2]]
        assert shown == pytest.approx(count, rel=5e-3)
    assert (project.folder / found["Figure"]).is_file()
    assert "Report" not in found
    # The commands run the same experiment with the same parameters.
    commands = [line.strip() for line in first.partition("next:\n")[2].splitlines()]
    words = shlex.split(re.split(r"\s{2,}", commands[0])[0])
    assert words[:6] == ["kedro", "run", "--env", "test", "--pipeline", "report"]
    assert _split_params(None, None, words[words.index("--params") + 1]) == GIVEN
    assert commands[-1].startswith("contrastive-nas runs latest")
    # When everything was there already, the end is the same and says so.
    again = rows(second)
    assert "nothing was computed" not in found.pop("Time")
    assert "nothing was computed" in again.pop("Time")
    assert again == found


def test_long_lists_of_numbers_are_left_to_the_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = Project.create(tmp_path)
    project.run("ingest")
    (end,) = ends(caplog)
    assert len(end.splitlines()) <= 8
    assert "ingest_report." not in caplog.text
    assert "ingest_report.rows_read" in project.record()["metrics"]
    # The plan is told once, and says of each node what becomes of it.
    assert caplog.text.count("plan: ") == 1
    assert caplog.text.count("table is missing") == 1


@pytest.mark.slow
def test_a_report_is_shown_while_it_is_of_this_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    project = Project.create(tmp_path)
    project.run("report", **GIVEN)
    project.run("search", **GIVEN)
    project.run("search", **GIVEN | {"seed": 2})
    of_report, of_search, of_another = ends(caplog)
    for end in (of_report, of_search):
        assert (project.folder / rows(end)["Report"]).is_file()
        assert "--pipeline report" not in end
    assert "Report" not in rows(of_another)
    assert "--pipeline report" in of_another


@pytest.mark.slow
def test_a_tuning_ends_with_a_command_that_sets_the_best(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = Project.create(tmp_path)
    tune = {
        "values": {"batch": [2, 5, 10], "curriculum.learning_rate": {"low": 0.001, "high": 0.1}},
        "trials": 4,
    }
    project.run("tune", tune=tune, pretrain={"start": "released"})
    (end,) = ends(caplog)
    trials = pd.read_parquet(project.folder / "data/07_model_output/test/tune_trials.parquet")
    judged = trials[trials["state"] == "complete"]
    best = judged.loc[judged["value"].idxmax()]
    if best["trial"] == 0:
        assert end.startswith("No setting of search is better")
        assert "--pipeline search" not in end
        return
    gain = best["value"] - trials.loc[0, "value"]
    assert number(end.splitlines()[0], r"by ([\d.]+) points") == pytest.approx(gain, abs=0.005)
    words = shlex.split(re.split(r"\s{2,}", end.partition("next:\n")[2].strip())[0])
    given = _split_params(None, None, words[words.index("--params") + 1])
    assert given["search"] == {
        "batch": best["batch"],
        "curriculum": {"learning_rate": best["curriculum.learning_rate"]},
    }
    assert "tune" not in given
