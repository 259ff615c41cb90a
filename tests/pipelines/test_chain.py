"""The whole chain on real digits, tiny: every stage runs, results add up, seeds repeat bytes."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from tests.pipelines.project import Project

from contrastive_nas.execution.datasets.kinds import without_measured
from contrastive_nas.pipeline_registry import CHAIN, register_pipelines
from contrastive_nas.ranking.comparator.comparator import load_comparator

SUMMARY = {
    "space",
    "strategy",
    "seed",
    "queries",
    "queries_trained",
    "queries_looked_up",
    "best_architecture",
    "best_valid_accuracy",
    "best_test_accuracy",
    "best_rank",
    "table_size",
    "random_best_test_accuracy",
}
METRICS = {
    "space",
    "labels",
    "kendall_tau",
    "spearman_rho",
    "macs_kendall_tau",
    "macs_spearman_rho",
    "parameters_kendall_tau",
    "parameters_spearman_rho",
    "pseudo_label_accuracy",
    "pseudo_label_confidence",
    "brier_score",
    "calibration_error",
    "kendall_tau_before_augmentation",
    "kendall_tau_after_augmentation",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project.create(tmp_path_factory.mktemp("chain"))
    project.run("report")
    return project


def test_the_summary_adds_up(finished: Project) -> None:
    summary = finished.read_json("search_summary.json")
    history = pd.read_parquet(finished.folder / "data/07_model_output/test/search_history.parquet")
    assert summary.keys() >= SUMMARY
    assert summary["queries"] == len(history) == 10
    # Digits are trained on the spot: the table answers no query.
    assert summary["queries_trained"] + summary["queries_cached"] == 10
    assert summary["queries_looked_up"] == 0
    assert summary["best_valid_accuracy"] == history["accuracy"].max()
    assert history["reason"].tolist()[:5] == ["initial design"] * 5
    assert summary["ranker"] == "comparator"
    assert summary["first_labels"] == 5
    assert 1 <= summary["best_rank"] <= summary["table_size"] + 1 == 61


def test_the_comparator_is_measured_beside_simple_counts(finished: Project) -> None:
    metrics = finished.read_json("comparator_metrics.json")
    assert metrics.keys() >= METRICS
    assert metrics["labels"] == 5
    # The initial design is drawn from the space, of which the table has 60 networks.
    assert 55 <= metrics["ranked"] <= 60
    assert -1 <= metrics["kendall_tau"] <= 1
    load_comparator(finished.folder / "data/06_models/test/augmented_comparator.safetensors")


def test_the_report_is_one_page_without_links_outside(finished: Project) -> None:
    page = (finished.folder / "data/08_reporting/test/report.html").read_text(encoding="utf-8")
    assert 'id="search"' in page
    assert 'id="calibration"' in page
    assert "Random search, as many labels" in page
    assert "kedro run --env test --pipeline report" in page
    assert "<script src" not in page


def test_every_stage_is_named_tagged_and_kept() -> None:
    pipelines = register_pipelines()
    for stage in CHAIN:
        own = pipelines["__default__"].only_nodes_with_tags(stage)
        assert own.nodes, stage
        assert {node.name for node in own.nodes} <= {node.name for node in pipelines[stage].nodes}
    gpu = pipelines["__default__"].only_nodes_with_tags("gpu")
    assert {"pretrain_encoder", "train_comparator"} <= {node.name for node in gpu.nodes}


def test_every_intermediate_is_in_the_catalog(finished: Project) -> None:
    with KedroSession.create(project_path=finished.folder, env="test") as session:
        catalog = session.load_context().catalog
        for name in register_pipelines()["__default__"].datasets():
            if not name.startswith("param"):
                assert name in catalog, name


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(finished: Project, tmp_path: Path) -> None:
    again = Project.create(tmp_path)
    again.run("report")
    first, second = finished.artifacts(), again.artifacts()
    page = "data/08_reporting/test/report.html"
    assert without_measured(first.pop(page).decode()) == without_measured(second.pop(page).decode())
    assert first == second


@pytest.mark.slow
def test_a_benchmark_is_made(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.run("benchmark")
    assert project.read_json("benchmark_metrics.json")["networks"] == 6
