"""Ingesting: what is broken stops it or is left out and counted; what is new is all that is converted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.pipelines.project import TABLE, Project
from tests.tables.broken_rows import BROKEN, Broken

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import GraphBatch
from contrastive_nas.pipelines.experiment import SpaceParameters, TargetParameters
from contrastive_nas.pipelines.ingest.nodes import ingest_table
from contrastive_nas.pipelines.ingest.parameters import IngestParameters
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.compact_cnn import CompactCNN
from contrastive_nas.tables import list_sources

NOT_OF_A_SPACE = {"onnx_folder", "onnx_table", "python_file"}
STORE = Path("data/03_primary/test/graphs.arrow")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("CONTRASTIVE_NAS_DATA", raising=False)
    project = Project.create(tmp_path / "project")
    project.change_table(lambda _: own_table(60))
    return project


def own_table(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    architectures = list(dict.fromkeys(load_space("compact_cnn").sample(rng, 2 * rows)))[:rows]
    accuracies = {f"digits_{split}_accuracy": rng.uniform(10, 99, rows) for split in ("valid", "test")}
    return pd.DataFrame({"architecture": architectures, **accuracies})


def ran(project: Project) -> set[str]:
    return {node["name"] for node in project.record()["nodes"] if node["ran"]}


def with_a_broken_row(table: pd.DataFrame) -> pd.DataFrame:
    table.loc[30, "digits_valid_accuracy"] = 140.0
    return table


def test_every_format_has_its_broken_row() -> None:
    assert {broken.source for broken in BROKEN} | NOT_OF_A_SPACE == set(list_sources())


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.source)
def test_a_broken_row_stops_or_is_left_out_and_counted(tmp_path: Path, broken: Broken) -> None:
    def ingest(on_error: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
        return ingest_table(
            path,
            IngestParameters(on_error=on_error),
            SpaceParameters(name=broken.space),
            TargetParameters(label=broken.metric, test=broken.metric),
        )

    path = tmp_path / "raw"
    broken.write(path)
    with pytest.raises(InputError) as stopped:
        ingest("stop")
    assert f"{path}, row {broken.row}: " in str(stopped.value)
    assert broken.reason in str(stopped.value)
    table, report = ingest("skip")
    assert len(table) == report["architectures"] == broken.usable
    assert (report["source"], report["problems"]) == (broken.source, 1)
    assert [problem.startswith(f"row {broken.row}: ") for problem in report["first_problems"]] == [True]
    assert broken.reason in report["first_problems"][0]


def test_the_record_of_a_run_counts_what_was_left_out(project: Project) -> None:
    project.change_table(with_a_broken_row)
    with pytest.raises(Exception, match="row 31: digits_valid_accuracy is 140"):
        project.run("ingest")
    assert project.artifacts() == {}
    assert "row 31: " in project.record()["error"]
    project.run("ingest", ingest={"rows": None, "on_error": "skip"})
    metrics = project.record()["metrics"]
    table = pd.read_parquet(project.folder / "data/02_intermediate/test/table.parquet")
    assert metrics["ingest_report.problems"] == 1
    assert metrics["ingest_report.rows_read"] == metrics["ingest_report.architectures"] + 1 == len(table) + 1
    assert metrics["ingest_report.first_problems.0"].startswith("row 31: digits_valid_accuracy is 140.0")


def test_ingesting_twice_changes_nothing(project: Project) -> None:
    project.run("convert")
    before = project.artifacts()
    project.run("convert")
    assert ran(project) == set()
    # The same content in another file, as a second download makes it.
    raw = project.folder / TABLE
    content = raw.read_bytes()
    raw.unlink()
    raw.write_bytes(content)
    project.run("convert")
    assert ran(project) == set()
    assert project.artifacts() == before


def spied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The architectures whose graphs are made from now on."""
    made: list[str] = []
    original = CompactCNN.graphs

    def graphs(self: CompactCNN, architectures: Sequence[str]) -> GraphBatch:
        made.extend(architectures)
        return original(self, architectures)

    monkeypatch.setattr(CompactCNN, "graphs", graphs)
    return made


def test_of_an_extended_file_only_what_is_new_is_converted(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = own_table(60)
    project.change_table(lambda _: whole.head(40))
    project.run("convert")
    # New rows come at the end and in between.
    grown = pd.concat([whole.iloc[50:55], whole.head(50)], ignore_index=True)
    project.change_table(lambda table: grown)
    made = spied(monkeypatch)
    project.run("convert")
    assert made == grown["architecture"][[*range(5), *range(45, 55)]].tolist()
    converted = next(node for node in project.record()["nodes"] if node["name"] == "convert_architectures")
    assert ".versions/graphs.arrow" in converted["took_over"]["graphs"]
    assert ran(project) == {"ingest_table", "convert_architectures", "summarise_graphs"}

    fresh = Project.create(tmp_path / "fresh")
    fresh.change_table(lambda table: grown)
    fresh.run("convert")
    assert "took_over" not in str(fresh.record())
    assert (fresh.folder / STORE).read_bytes() == (project.folder / STORE).read_bytes()


def test_nothing_is_taken_over_when_conversion_has_changed(project: Project) -> None:
    project.run("convert")
    project.run("convert", convert={"eigenvalues": 5})
    assert "convert_architectures" in ran(project)
    assert "took_over" not in str(project.record())
