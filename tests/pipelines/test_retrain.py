"""Retraining as a stage: of the architecture that the search found, or of one that is given."""

import json
from pathlib import Path

import pytest
from tests.pipelines.project import Project
from typer.testing import CliRunner

from contrastive_nas.command_line.main import app

GIVEN = "s8|residual:k3d1e1w16|residual:k3d1e1w16|plain:k3d1w16"
METRICS = {
    "architecture",
    "dataset",
    "recipe",
    "seed",
    "test_top1_accuracy",
    "test_top5_accuracy",
    "epochs",
    "seconds",
    "macs",
    "params",
}


def nodes_that_ran(project: Project) -> set[str]:
    return {node["name"] for node in project.record()["nodes"] if node["ran"]}


def evaluated_accuracy(project: Project) -> float:
    """What the command says about the exported file."""
    weights = project.folder / "data/06_models/test/retrained_network/network.safetensors"
    shown = CliRunner().invoke(app, ["evaluate", str(weights), "digits"])
    assert shown.exit_code == 0, shown.output
    return float(shown.output.split("top-1 ")[1].split(" %")[0])


def test_a_given_architecture_needs_no_search(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.run("retrain", retrain={"architecture": GIVEN, "exports": []})
    assert nodes_that_ran(project) == {
        "plan_retraining",
        "retrain_architecture",
        "write_retrain_report",
    }
    metrics = project.read_json("retrain_metrics.json")
    assert metrics["architecture"] == GIVEN
    assert metrics.keys() >= METRICS
    assert evaluated_accuracy(project) == pytest.approx(metrics["test_top1_accuracy"], abs=5e-4)


@pytest.mark.slow
def test_from_ingest_to_the_exported_network_in_one_command(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.run("retrain")
    assert {"search_architectures", "plan_retraining", "retrain_architecture"} <= nodes_that_ran(project)
    metrics = project.read_json("retrain_metrics.json")
    assert metrics["architecture"] == project.read_json("search_summary.json")["best_architecture"]
    assert evaluated_accuracy(project) == pytest.approx(metrics["test_top1_accuracy"], abs=5e-4)
    exported = project.folder / "data/06_models/test/retrained_network"
    assert {path.name for path in exported.iterdir()} == {"network.safetensors", "network.onnx", "timm"}
    assert json.loads((exported / "timm" / "config.json").read_text())["num_classes"] == 10
