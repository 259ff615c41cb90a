"""Every run leaves a record that its numbers can be traced by."""

import platform
import subprocess

from tiny_project import TinyProject


def git(tiny: TinyProject, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=tiny.folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_record_holds_what_a_number_depends_on(tiny: TinyProject) -> None:
    git(tiny, "init", "-q")
    git(tiny, "add", "conf", "src")
    git(tiny, "commit", "-qm", "start")
    tiny.session(params={"sum": {"offset": 4}}, tags=["ingest", "sum"])
    record = tiny.record()
    assert record["status"] == "finished"
    assert record["asked"] == {"tags": ["ingest", "sum"]}
    assert record["runtime_parameters"] == {"sum": {"offset": 4}}
    assert record["parameters"]["sum"] == {"offset": 4, "shape": "square"}
    assert record["seeds"] == {"seed": 1}
    assert record["git"] == {"commit": git(tiny, "rev-parse", "HEAD"), "dirty": False}
    assert record["libraries"]["kedro"] >= "1.7"
    assert record["machine"]["host"] == platform.node()
    assert [node["name"] for node in record["nodes"]] == ["read", "total"]
    for node in record["nodes"]:
        assert 0 <= node["seconds"] < 60
        assert node["peak_memory_mb"] > 10
    tiny.path("src/tiny/shapes/circle.py").write_text("")
    tiny.session()
    assert tiny.record()["git"]["dirty"]
    assert tiny.record()["metrics"] == {"report.total": 12, "report.area": 144}


def test_outputs_are_traced_to_their_versions(tiny: TinyProject) -> None:
    tiny.session()
    first = tiny.record()["nodes"][1]["outputs"]["total"]["version"]
    tiny.session(params={"seed": 2})
    second = tiny.record()["nodes"][1]["outputs"]["total"]["version"]
    assert '"seed": 1' in tiny.path(first).read_text()
    assert '"seed": 2' in tiny.path(second).read_text()
