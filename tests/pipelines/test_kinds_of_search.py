"""Searches whose labels come from elsewhere than training, and one in a space that has no table."""

from pathlib import Path

import pandas as pd
import pytest
from tests.pipelines.project import Project

from contrastive_nas.evaluators.base import Fidelity
from contrastive_nas.evaluators.table import TableEvaluator
from contrastive_nas.graphs.costs import graph_multiply_accumulates
from contrastive_nas.search.parameters import BudgetParameters, SearchParameters
from contrastive_nas.search.run import DEFAULT_RANKER, run_search
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.wrapped.pool import Pool

QUICK = {"ranker": {"name": "gaussian_process"}, "strategy": "default"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project.create(tmp_path_factory.mktemp("kinds"))


def history(project: Project) -> pd.DataFrame:
    return pd.read_parquet(project.folder / "data/07_model_output/test/search_history.parquet")


def test_a_closed_pool(project: Project) -> None:
    project.run("search", evaluator={"kind": "table"}, search=QUICK | {"pool": True, "queries": 20})
    summary, found = project.read_json("search_summary.json"), history(project)
    assert summary["queries"] == summary["queries_looked_up"] == 20
    table = pd.read_parquet(project.folder / "data/02_intermediate/test/table.parquet")
    assert set(found["architecture"]) <= set(table["architecture"])
    assert found["accuracy"].notna().all()


def test_a_surrogate_under_a_limit(project: Project) -> None:
    limit = 2e5
    project.run("search", evaluator={"kind": "surrogate"}, search=QUICK | {"limits": {"macs": limit}})
    summary, found = project.read_json("search_summary.json"), history(project)
    assert summary["queries"] == summary["queries_predicted"] == 10
    assert 0 < summary["surrogate_kendall_tau"] < 1
    assert summary["surrogate_noise"] > 0
    costs = graph_multiply_accumulates(load_space("compact_cnn").graphs(found["architecture"].tolist()))
    assert costs.max() <= limit
    # Random search is really run: rows of the table may come from other people's searches.
    assert summary["random_search_was_run"]
    assert summary["accuracy_is"] == "predicted"
    assert summary["best_macs"] <= limit
    # Ranks are among what the limit allows.
    assert summary["table_size"] < 60


def test_the_pipeline_goes_the_way_of_run_search_and_computes_nothing_else(tmp_path: Path) -> None:
    own = Project.create(tmp_path)
    search = {"strategy": "default", "pool": True, "queries": 11, "ranker": {"name": DEFAULT_RANKER}}
    own.run("search", evaluator={"kind": "table"}, pretrain={"start": "released"}, search=search)
    made = {Path(name).name for name in own.artifacts()}
    assert "encoder.safetensors" in made
    assert not {"graphs.arrow", "comparator.safetensors", "augmented_comparator.safetensors"} & made
    table = pd.read_parquet(own.folder / "data/02_intermediate/test/table.parquet")
    space = Pool(load_space("compact_cnn"), table["architecture"].tolist())
    parameters = SearchParameters(queries=11, batch=2, seed=1)
    expected = run_search(space, TableEvaluator(table, "digits_valid_accuracy"), parameters).history
    columns = ["query", "round", "reason", "architecture", "accuracy"]
    pd.testing.assert_frame_equal(history(own)[columns], expected[columns])
    summary = own.read_json("search_summary.json")
    assert summary["initial_design"] == "promising"
    assert "compact_cnn" not in summary["similarity"]


@pytest.mark.parametrize("budget", [6.0, 0.9])
def test_first_labels_are_short_trainings_where_those_are_offered(project: Project, budget: float) -> None:
    fidelities = {"once": {"column": "valid_0", "cost": 0.25}}
    evaluator = {"kind": "table", "fidelities": fidelities}
    search = {"strategy": "default", "pool": True, "budget": {"trainings": budget}}
    search |= {"ranker": {"name": DEFAULT_RANKER}}
    project.run("search", evaluator=evaluator, pretrain={"start": "released"}, search=search)
    table = pd.read_parquet(project.folder / "data/02_intermediate/test/table.parquet")
    source = TableEvaluator(table, "digits_valid_accuracy", None, {Fidelity("once", 0.25): "valid_0"})
    space = Pool(load_space("compact_cnn"), table["architecture"].tolist())
    parameters = SearchParameters(budget=BudgetParameters(trainings=budget), batch=2, seed=1)
    expected = run_search(space, source, parameters).history
    found = history(project)
    columns = ["query", "round", "reason", "architecture", "accuracy", "fidelity", "cost"]
    pd.testing.assert_frame_equal(found[columns], expected[columns])
    first = pd.read_parquet(project.folder / "data/05_model_input/test/first_labels.parquet")
    assert set(first["fidelity"]) == {"once"}
    assert first["cost"].sum() <= min(budget, 1)


def test_a_budget_in_hours_counts_the_first_labels(project: Project) -> None:
    project.run("compare", search=QUICK | {"budget": {"hours": 1}})
    first = pd.read_parquet(project.folder / "data/05_model_input/test/first_labels.parquet")
    assert (first["seconds"] > 0).all()


@pytest.mark.slow
def test_a_space_without_a_table(tmp_path: Path) -> None:
    listed = Project.create(tmp_path)
    listed.change_table(lambda table: table[["architecture"]])
    listed.run("report", ingest={"unlabelled": True})
    summary = listed.read_json("search_summary.json")
    assert summary["queries_trained"] + summary["queries_cached"] == 10
    assert summary["best_rank"] is summary["random_best_test_accuracy"] is None
    assert summary["best_test_accuracy"] > 0


@pytest.mark.slow
def test_tuning_a_stage(project: Project) -> None:
    project.run("tune")
    summary = project.read_json("tune_summary.json")
    assert summary["trials"] == 3
    assert summary["best"].keys() == {"batch", "curriculum.learning_rate"}
    assert summary["best_value"] >= summary["value_in_use"]
    settings = "tune: {stage: compare, values: {evidence: [4.0, 1.0]}, trials: 2, seeds: [100, 101]}"
    (project.folder / "conf/test/parameters_tune.yml").write_text(settings)
    project.run("tune")
    assert project.read_json("tune_summary.json")["stage"] == "compare"
