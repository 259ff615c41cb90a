"""This project's own pipelines keep the rules that caching needs."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

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


def test_a_stage_brings_what_it_needs_and_its_tag_is_the_stage_alone() -> None:
    pipelines = register_pipelines()
    for name, pipeline in pipelines.items():
        own = pipelines["__all__"].only_nodes_with_tags(name)
        assert own.nodes or name.startswith("__")
        assert set(own.nodes) <= set(pipeline.nodes) or name.startswith("__")
    assert {node.name for node in pipelines["ingest"].nodes} == {"ingest_table"}
    assert not pipelines["__default__"].only_nodes_with_tags("benchmark").nodes
