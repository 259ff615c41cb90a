"""This project's own pipelines keep the rules that caching needs."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog

from contrastive_nas.execution.datasets import ArtifactDataset
from contrastive_nas.pipeline_registry import register_pipelines

PROJECT = Path(__file__).parents[2]
HEAVY = ("torch", "dgl", "pandas", "scipy", "sklearn", "optuna", "plotly", "timm")
EXPERIMENTS = sorted(path.parent.name for path in (PROJECT / "conf").glob("*/globals.yml"))


@pytest.fixture
def outputs() -> list[str]:
    return sorted(register_pipelines()["__all__"].all_outputs())


def artifact_paths(experiment: str, names: list[str]) -> dict[str, str]:
    bootstrap_project(PROJECT)
    with KedroSession.create(project_path=PROJECT, env=experiment) as session:
        catalog = session.load_context().catalog
    datasets = {name: catalog.get(name) for name in names}
    return {
        name: str(item.versions.link) for name, item in datasets.items() if isinstance(item, ArtifactDataset)
    }


def test_planning_needs_no_heavy_library() -> None:
    program = (
        "import sys; import contrastive_nas.settings, contrastive_nas.cli; "
        "from contrastive_nas.pipeline_registry import register_pipelines; register_pipelines(); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_result_is_kept_in_a_place_of_its_own(experiment: str, outputs: list[str]) -> None:
    paths = artifact_paths(experiment, outputs)
    assert sorted(paths) == outputs
    assert max(Counter(paths.values()).values()) == 1
    assert all(f"/{experiment}/" in path for path in paths.values())


@pytest.mark.parametrize("experiment", ["base", "nasbench101"])
def test_the_catalog_that_kedro_prints_can_be_loaded(experiment: str) -> None:
    """As `kedro catalog resolve-patterns` prints it."""
    bootstrap_project(PROJECT)
    with KedroSession.create(project_path=PROJECT, env=experiment) as session:
        catalog = session.load_context().catalog
    configuration = yaml.safe_load(yaml.dump(catalog.to_config()[0]))
    again = DataCatalog.from_config(configuration)
    names = {name for name in catalog if not name.startswith("params:") and name != "parameters"}
    assert set(configuration) == names
    for name in names:
        assert again[name]._describe() == catalog[name]._describe()
        assert getattr(again[name], "metadata", None) == getattr(catalog[name], "metadata", None)


def test_a_stage_brings_what_it_needs_and_its_tag_is_the_stage_alone() -> None:
    pipelines = register_pipelines()
    for name, pipeline in pipelines.items():
        own = pipelines["__all__"].only_nodes_with_tags(name)
        assert own.nodes or name.startswith("__")
        assert set(own.nodes) <= set(pipeline.nodes) or name.startswith("__")
    assert {node.name for node in pipelines["ingest"].nodes} == {"ingest_table"}
    assert not pipelines["__default__"].only_nodes_with_tags("benchmark").nodes


CODE_OF_NODES = """
import json
from contrastive_nas.execution.code import closure
from contrastive_nas.execution.fingerprint import _function
from contrastive_nas.pipeline_registry import register_pipelines

found = {}
for node in register_pipelines()["__all__"].nodes:
    function, _ = _function(node)
    values = ["compact_cnn", "digits", "digits_short", "training"]
    found[node.name] = closure(function.__module__, function.__qualname__, values).modules
print(json.dumps(found))
"""
TRAINING_NODES = {
    "buy_first_labels",
    "search_architectures",
    "summarise_search",
    "make_benchmark",
    "plan_retraining",
    "retrain_architecture",
    "plan_supernet",
    "train_supernet",
}


def code_of_nodes(source: Path) -> dict[str, dict[str, str]]:
    """Modules and their checksums behind every node, in a process that imports from ``source``."""
    done = subprocess.run(
        [sys.executable, "-c", CODE_OF_NODES],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    return json.loads(done.stdout)


def test_a_changed_recipe_changes_what_trains_by_recipes(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "src/contrastive_nas", tmp_path / "contrastive_nas")
    before = code_of_nodes(tmp_path)
    recipe = tmp_path / "contrastive_nas/training/recipes/digits_short.yml"
    recipe.write_text(recipe.read_text() + "# changed\n")
    after = code_of_nodes(tmp_path)
    changed = {name for name in before if before[name] != after[name]}
    assert changed >= TRAINING_NODES
    assert not changed & {"ingest_table", "convert_architectures", "pretrain_encoder", "augment_comparator"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "nodes"),
    [
        ("contrastive_nas.training.__main__", {"retrain_architecture", "train_supernet"}),
        (
            "contrastive_nas.evaluators.training, contrastive_nas.spaces.compact_cnn",
            TRAINING_NODES - {"plan_retraining", "retrain_architecture", "plan_supernet", "train_supernet"},
        ),
    ],
)
def test_what_processes_of_a_node_import_is_its_code(program: str, nodes: set[str]) -> None:
    """Found by reading against found by running."""
    own = "[name for name in sys.modules if name.startswith('contrastive_nas')]"
    listing = f"import {program}, sys; print(*{own})"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert len(imported) > 20
    code = code_of_nodes(PROJECT / "src")
    for node in nodes:
        assert imported <= set(code[node])
