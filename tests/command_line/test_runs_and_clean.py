"""The commands that look back and tidy up."""

import hashlib
import json
import os
from pathlib import Path

import kedro.framework.project  # noqa: F401  announces its logging once, when it is imported
import pytest
from tests.command_line.run_records import write_record
from typer.testing import CliRunner

from contrastive_nas.command_line.main import app
from contrastive_nas.execution.state import locked

START = "2026-01-0{day}T00:00:00.000+00:00"


def version(project: Path, key: str, *, shown: bool = False) -> str:
    folder = project / "data/06_models/base/.versions/encoder" / key
    folder.mkdir(parents=True)
    (folder / "encoder").write_text(key)
    (folder / "origin.json").write_text("{}")
    if shown:
        (project / "data/06_models/base/encoder").symlink_to(f".versions/encoder/{key}/encoder")
    return str((folder / "encoder").relative_to(project))


def record(project: Path, day: int, output: str, **changes: object) -> None:
    content = {
        "run": f"run{day}",
        "status": "finished",
        "started": START.format(day=day),
        "experiment": "base",
        "asked": {"pipeline_names": ["search"]},
        "runner": "CachingRunner",
        "parameters": {"search": {"queries": 10 * day}},
        "seeds": {"seed": 1},
        "git": {"commit": "abc", "dirty": day == 2},
        "libraries": {"torch": "2.14"},
        "machine": {"host": "here"},
        "seconds": 3.0 * day,
        "nodes": [
            {
                "name": "pretrain",
                "ran": True,
                "seconds": 2.0,
                "peak_memory_mb": 100,
                "reason": "encoder is missing",
                "outputs": {"encoder": {"version": output, "checksum": "1"}},
            }
        ],
        "metrics": {"summary.tau": 0.8 + day / 100},
        **changes,
    }
    write_record(project, content)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three runs with a version each; the last is shown."""
    (tmp_path / "pyproject.toml").write_text("[tool.kedro]\npackage_name = 'x'\nproject_name = 'x'\n")
    monkeypatch.chdir(tmp_path)
    for day in (1, 2, 3):
        record(tmp_path, day, version(tmp_path, f"key{day}", shown=day == 3))
    return tmp_path


def keys(project: Path) -> set[str]:
    return {folder.name for folder in (project / "data/06_models/base/.versions/encoder").iterdir()}


def call(*arguments: str, answer: str = "") -> str:
    done = CliRunner().invoke(app, list(arguments), input=answer, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_runs_are_listed_shown_and_compared(project: Path) -> None:
    listed = call("runs").splitlines()
    assert [line.split()[0] for line in listed] == ["run", "run1", "run2", "run3"]
    assert "abc+changes" in listed[2]
    assert "summary.tau  0.83" in call("runs", "latest")
    compared = call("runs", "run1", "run3").splitlines()
    assert [line.split() for line in compared] == [
        ["run1", "run3"],
        ["parameter", "search.queries", "10", "30"],
        ["metric", "summary.tau", "0.81", "0.83"],
    ]
    assert [run["run"] for run in json.loads(call("runs", "--json"))] == ["run1", "run2", "run3"]


def test_a_killed_run_says_so(project: Path) -> None:
    record(project, 4, "none", status="running")
    assert call("runs").splitlines()[-1].split()[1] == "killed"


def test_a_killed_run_shows_how_far_it_came(project: Path) -> None:
    nodes = [
        {"name": "pretrain", "ran": False, "reason": "nothing changed"},
        {"name": "search", "ran": False},
    ]
    given = {"search": {"queries": 40}}
    record(project, 4, "none", status="running", nodes=nodes, runtime_parameters=given)
    shown = call("runs", "run4").splitlines()
    assert "search.queries=40  0/2" in shown[1]
    found = {line.split()[0]: line.split()[1:3] for line in shown[4:6]}
    assert found == {"pretrain": ["skipped", "-"], "search": ["left", "out"]}


def test_clean_keeps_the_unfinished_work_of_kept_runs(project: Path) -> None:
    work = project / "data/.state/checkpoints/key9"
    work.mkdir(parents=True)
    (work / "state.safetensors").write_text("")
    call("clean", "--keep", "1", "--yes")
    assert work.exists()
    call("clean", "--keep", "0", "--yes")
    assert not work.exists()


def test_an_unknown_run_gives_one_message(project: Path) -> None:
    done = CliRunner().invoke(app, ["runs", "nonsense"])
    assert done.exit_code == 1
    assert done.output == "Error: run 'nonsense' is not known; `contrastive-nas runs` lists all\n"


def test_clean_shows_asks_and_frees_what_no_kept_run_needs(project: Path) -> None:
    done = CliRunner().invoke(app, ["clean", "--keep", "2"], input="n\n")
    assert "key1" in done.output
    assert keys(project) == {"key1", "key2", "key3"}
    call("clean", "--keep", "2", answer="y\n")
    assert keys(project) == {"key2", "key3"}
    # What data/ shows stays, though no run is kept.
    call("clean", "--keep", "0", "--yes")
    assert keys(project) == {"key3"}
    assert (project / "data/06_models/base/encoder").read_text() == "key3"


def test_clean_by_age_takes_what_killed_runs_left(project: Path) -> None:
    partial = project / "data/06_models/base/.versions/encoder/.partial-key9"
    partial.mkdir()
    work = project / "data/.state/checkpoints/key9"
    work.mkdir(parents=True)
    (work / "state.safetensors").write_text("")
    os.utime(work / "state.safetensors", (1, 1))
    call("clean", "--older-than", "1d", "--yes")
    assert keys(project) == {"key3"}
    assert not work.exists()


def test_clean_waits_for_no_run(project: Path) -> None:
    with locked(project / "data/.state/locks/runs", "", shared=True):
        done = CliRunner().invoke(app, ["clean", "--keep", "1", "--yes"])
    assert done.exit_code == 1
    assert "Error: a run is in progress" in done.output
    assert keys(project) == {"key1", "key2", "key3"}


def test_clean_wants_to_know_what_to_keep(project: Path) -> None:
    for arguments in (["clean"], ["clean", "--older-than", "soon"]):
        assert CliRunner().invoke(app, arguments).exit_code == 2


def test_outside_a_project_there_is_nothing_to_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["runs"])
    assert done.exit_code == 1
    assert "is not inside a Kedro project" in done.output


def real(project: Path, day: int) -> str:
    """Writes a record whose checksum is that of its file; gives the file's path."""
    output = f"data/06_models/base/.versions/encoder/key{day}/encoder"
    checksum = hashlib.sha256((project / output).read_bytes()).hexdigest()
    nodes = [
        {"name": "pretrain", "ran": True, "outputs": {"encoder": {"version": output, "checksum": checksum}}}
    ]
    record(project, day, output, nodes=nodes)
    return output


def test_the_results_of_an_earlier_run_are_copied_whole(project: Path) -> None:
    real(project, 1)
    printed = call("export", "run1", "kept/a").split()
    assert printed == ["kept/a/06_models/encoder", "kept/a/run.json"]
    assert (project / "kept/a/06_models/encoder").read_text() == "key1"
    assert json.loads((project / "kept/a/run.json").read_text())["parameters"] == {"search": {"queries": 10}}
    assert [path.name for path in (project / "kept").iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("removed", "'encoder' of run run1 is no longer there: `contrastive-nas clean` has removed it"),
        ("changed", "'encoder' of run run1 has changed since it was made"),
        ("occupied", "kept is not empty: name a new folder"),
        ("empty", "run run1 has no results: it is failed"),
    ],
)
def test_nothing_is_copied_of_a_run_that_is_not_whole(project: Path, fault: str, message: str) -> None:
    output = project / real(project, 1)
    if fault == "removed":
        output.unlink()
    elif fault == "changed":
        output.write_text("other")
    elif fault == "occupied":
        (project / "kept").mkdir()
        (project / "kept/mine").touch()
    else:
        record(project, 1, "", status="failed", nodes=[])
    done = CliRunner().invoke(app, ["export", "run1", "kept"])
    assert done.exit_code == 1
    assert message in done.output
    assert not (project / "kept/run.json").exists()
