"""What Kedro-Viz says of a run, asked of Kedro-Viz itself, is what the record of the run says."""

import json
from typing import Any

import pytest
from kedro.framework.project import pipelines
from kedro_viz.api.rest.responses.run_events import RunStatusAPIResponse, get_run_status_response
from kedro_viz.integrations.kedro.hooks_utils import hash_node
from tiny_project import TinyProject

from contrastive_nas.execution.viz_status import FILE


def status() -> tuple[RunStatusAPIResponse, dict[str, Any]]:
    """What Kedro-Viz answers, and its nodes by their names."""
    found = get_run_status_response()
    names = {hash_node(node): node.name for node in pipelines["__default__"].nodes}
    return found, {names[key]: node for key, node in found.nodes.items()}


def test_nodes_and_results_have_a_status(tiny: TinyProject) -> None:
    tiny.session()
    found, nodes = status()
    assert found.pipeline.status == "success"
    seconds = {node["name"]: node["seconds"] for node in tiny.record()["nodes"]}
    assert {name: node.duration for name, node in nodes.items()} == seconds
    assert {one.name for one in found.datasets.values()} == {"table", "total", "shape", "report"}
    sizes = {one.name: one.size for one in found.datasets.values()}
    assert sizes["shape"] == tiny.path("shape").stat().st_size


def test_what_was_kept_counts_as_made_in_no_time(tiny: TinyProject) -> None:
    tiny.session()
    tiny.session()
    _, nodes = status()
    assert {node.duration for node in nodes.values()} == {0.0}
    assert len(nodes) == 4


def test_a_part_of_the_project_is_shown(tiny: TinyProject) -> None:
    tiny.session(pipeline_names=["sum"])
    _, nodes = status()
    assert set(nodes) == {"read", "total"}


def test_a_failed_node_says_why(tiny: TinyProject) -> None:
    (tiny.folder / "data/01_raw/numbers.txt").write_text("one")
    with pytest.raises(ValueError, match="invalid literal"):
        tiny.session()
    found, nodes = status()
    assert found.pipeline.status == "failed"
    assert nodes["read"].status == "failed"
    assert "invalid literal" in nodes["read"].error.message
    assert set(nodes) == {"read"}


def test_a_folder_that_cannot_be_written_stops_no_run(tiny: TinyProject) -> None:
    (tiny.folder / FILE.parent).write_text("in the way")
    assert tiny.session() == {"read", "total", "shape", "report"}
    assert json.loads((tiny.folder / "data/08_reporting/base/report.json").read_text())
