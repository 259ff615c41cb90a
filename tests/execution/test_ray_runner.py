"""Nodes in the workers of a Ray cluster: the results and decisions of the caching runner, side by side."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tiny_project import TinyProject

from contrastive_nas.errors import InputError
from contrastive_nas.execution.ray_runner import RayRunner
from contrastive_nas.execution.runner import CachingRunner

pytest.importorskip("ray")
# Two nodes that take nothing from each other, one result that stays in memory, and one node that fails.
REGISTRY = """
import os
import time

from kedro.pipeline import Node, Pipeline

from tiny.reading import read

def slow(table, pause: float):
    time.sleep(pause)
    return {"sum": int(table["value"].sum()), "threads": os.environ.get("OMP_NUM_THREADS", "")}

def in_memory(table):
    return table["value"] * 2

def last(first, second, doubled):
    return {"all": first["sum"] + second["sum"] + int(doubled.sum())}

def fail(table):
    raise ValueError("no such luck")

def loose(table):
    return {"sum": int.from_bytes(os.urandom(8))}

def die(table):
    os.kill(os.getpid(), 9)

def register_pipelines():
    wide = Pipeline([
        Node(func=read, inputs="numbers", outputs="table", name="read"),
        Node(func=slow, inputs=["table", "params:pause"], outputs="total", name="first"),
        Node(func=slow, inputs=["table", "params:pause"], outputs="trained", name="second", tags="cpus-0.5"),
        Node(func=in_memory, inputs="table", outputs="doubled", name="doubled"),
        Node(func=last, inputs=["total", "trained", "doubled"], outputs="report", name="last"),
    ])
    read_only = wide.only_nodes("read")
    return {
        "__default__": wide,
        "failing": read_only + Pipeline([Node(func=fail, inputs="table", outputs="total", name="fail")]),
        "dying": read_only + Pipeline([Node(func=die, inputs="table", outputs="total", name="die")]),
        "hungry": read_only + Pipeline(
            [Node(func=in_memory, inputs="table", outputs="more", name="more", tags="gpus-1")]
        ),
        "loose": read_only + Pipeline([Node(func=loose, inputs="table", outputs="total", name="loose")]),
    }
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """One of two processors, for all tests of this file."""
    import ray

    from contrastive_nas.execution.ray_cluster import RayCluster

    with RayCluster("local") as running:
        assert ray.cluster_resources()["CPU"] >= 1
        yield running


def widened(tiny: TinyProject) -> TinyProject:
    tiny.path("src/tiny/pipeline_registry.py").write_text(REGISTRY.lstrip("\n"))
    tiny.path("conf/base/parameters.yml").write_text("pause: 0.0\n")
    return tiny


@pytest.fixture
def wide(tiny: TinyProject) -> TinyProject:
    return widened(tiny)


def entries(tiny: TinyProject) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in tiny.record()["nodes"]}


def span(node: dict[str, Any]) -> tuple[datetime, datetime]:
    started = datetime.fromisoformat(node["started"])
    return started, started + timedelta(seconds=node["seconds"])


def test_results_are_those_of_the_caching_runner_and_nodes_overlap(
    wide: TinyProject, tmp_path: Path, cluster: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    given = {"pause": 1.0}
    expected = {"read", "first", "second", "doubled", "last"}
    assert wide.session(params=given, runner=RayRunner(cpus=0.5)) == expected
    assert wide.record()["status"] == "finished"
    assert wide.record()["runner"] == "RayRunner"
    found = wide.artifacts()
    (begun, done), (other_begun, other_done) = (span(entries(wide)[name]) for name in ("first", "second"))
    assert begun < other_done
    assert other_begun < done
    assert wide.value("total")["threads"] == "3"
    assert wide.record()["metrics"] == {"report.all": 40}
    # The caching runner finds everything done, and makes the same from nothing.
    assert wide.session(params=given) == set()
    assert wide.session(params=given, runner=RayRunner()) == set()
    alone = widened(TinyProject.create(tmp_path / "alone"))
    monkeypatch.chdir(alone.folder)
    assert alone.session(params=given, runner=CachingRunner()) == expected
    assert alone.artifacts() == found


@pytest.mark.slow
def test_verified_results_are_compared_where_they_are_made(wide: TinyProject, cluster: object) -> None:
    wide.session(pipeline_names=["loose"])
    before = wide.value("total")
    with pytest.raises(InputError, match=r"these results differ from the earlier ones: total$"):
        wide.session(pipeline_names=["loose"], runner=RayRunner(verify=True))
    assert wide.value("total") == before


@pytest.mark.slow
def test_errors_arrive_as_they_were_raised(wide: TinyProject, cluster: object) -> None:
    with pytest.raises(ValueError, match=r"^no such luck$") as caught:
        wide.session(pipeline_names=["failing"], runner=RayRunner())
    assert "in fail" in str(caught.value.__cause__)
    assert wide.record()["status"] == "failed"
    assert entries(wide)["read"]["ran"]


@pytest.mark.slow
def test_a_node_that_kills_its_worker_is_tried_again_and_then_given_up(
    wide: TinyProject, cluster: object, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RuntimeError, match="its Ray worker was lost 2 times"):
        wide.session(pipeline_names=["dying"], runner=RayRunner())
    assert caplog.text.count("the Ray worker was lost that worked on die") == 2


def test_a_node_that_no_machine_has_room_for_says_so(
    wide: TinyProject, cluster: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contrastive_nas.execution import ray_cluster

    assert ray_cluster.SECONDS_FOR_ROOM < 30
    monkeypatch.setattr(ray_cluster, "SECONDS_FOR_ROOM", 0.0)
    with pytest.raises(InputError, match=r"no machine of the Ray cluster .* has 1 CPUs, 1 GPUs"):
        wide.session(pipeline_names=["hungry"], runner=RayRunner())


def test_wrong_options_are_named() -> None:
    with pytest.raises(InputError, match="cpus is a number that is not negative, not 'two'"):
        RayRunner(cpus="two")  # type: ignore[arg-type]
