"""Two runs of a project on one page."""

import hashlib
import json
from pathlib import Path

import pytest
from tests.command_line.run_records import write_record
from tests.reporting.made_up import searched_run
from tests.reporting.test_pages import Reader
from typer.testing import CliRunner

from contrastive_nas.command_line import comparing
from contrastive_nas.command_line.main import app

RESULTS = ("search_summary.json", "search_history.parquet", "random_search.parquet")


def add_run(project: Path, name: str, seed: int) -> list[Path]:
    """Write a record and the results of a search; gives the files."""
    run = searched_run(name, seed=seed)
    folder = project / f"data/07_model_output/base/.versions/{seed}"
    folder.mkdir(parents=True)
    files = [folder / file for file in RESULTS]
    files[0].write_text(json.dumps(run.summary))
    run.history.to_parquet(files[1])
    run.random.to_parquet(files[2])
    outputs = {
        file.stem: {
            "version": str(file.relative_to(project)),
            "checksum": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for file in files
    }
    write_record(
        project, run.record | {"nodes": [{"name": "summarise_search", "ran": True, "outputs": outputs}]}
    )
    return files


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs with a search and one without."""
    (tmp_path / "pyproject.toml").write_text("[tool.kedro]\npackage_name = 'x'\nproject_name = 'x'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(comparing, "_add_own_code", lambda project: None)
    add_run(tmp_path, "run1", 5)
    add_run(tmp_path, "run2", 6)
    write_record(tmp_path, {"run": "run3", "status": "failed", "nodes": []})
    return tmp_path


def test_two_runs_are_written_to_one_page(project: Path) -> None:
    done = CliRunner().invoke(app, ["report", "--compare", "run1", "run2"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    file = project / "data/08_reporting/comparisons/run1_run2.html"
    assert done.output == f"{file}\n"
    words = Reader(file.read_text()).text
    assert "A: run1" in words
    assert "--params" not in words  # the command of the record, not that of the made-up run
    CliRunner().invoke(app, ["report", "--compare", "run1", "run2", "--out", "pages/a.html"])
    assert (project / "pages/a.html").read_text() == file.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run1", "run9"], "--compare: run 'run9' is not known; `contrastive-nas runs` lists all"),
        (["run", "run1"], "run 'run' is ambiguous, as several names begin with it"),
        (["run2", "run3"], "run run3 has no finished search (it is failed)"),
        (["run1", "run1"], "'run1' and 'run1' are the same run: name two"),
        (["run1"], "--compare"),
    ],
)
def test_bad_input_is_one_line(project: Path, arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["report", "--compare", *arguments])
    assert done.exit_code == 2
    assert message in done.output
    assert done.output.count("\n") == 1
    assert not (project / "data/08_reporting").exists()


def test_the_option_is_needed(project: Path) -> None:
    done = CliRunner().invoke(app, ["report"])
    assert done.exit_code == 2
    assert "--compare" in done.output


def test_a_removed_result_is_named(project: Path) -> None:
    (project / "data/07_model_output/base/.versions/6/search_history.parquet").unlink()
    done = CliRunner().invoke(app, ["report", "--compare", "run1", "run2"])
    assert done.exit_code == 1
    assert "'search_history' of run run2 is no longer there" in done.output
