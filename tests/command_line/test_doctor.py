"""``contrastive-nas doctor``: what is checked, what fails, and what it says to do."""

import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contrastive_nas.command_line import doctor as module
from contrastive_nas.command_line.main import app

Usage = namedtuple("Usage", "total used free")
PROJECT = "[tool.kedro]\npackage_name = 'x'\nproject_name = 'x'\n"
CATALOG = """
raw_table:
  type: contrastive_nas.execution.datasets.RawFile
  filepath: data/01_raw/{name}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, no benchmark tables, and no ranking, which takes seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONTRASTIVE_NAS_DATA", raising=False)
    monkeypatch.setattr(module, "_small_ranking", lambda: iter(()))
    return tmp_path


def checks(code: int = 0) -> dict[str, dict[str, str]]:
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert done.exit_code == code, done.output
    found = json.loads(done.stdout)
    assert found["works"] == (code == 0)
    return {check["what"]: check for check in found["checks"]}


def make_project(folder: Path, **environments: str) -> None:
    (folder / "pyproject.toml").write_text(PROJECT)
    for environment, name in environments.items():
        (folder / "conf" / environment).mkdir(parents=True)
        (folder / "conf" / environment / "catalog_ingest.yml").write_text(CATALOG.format(name=name))
        (folder / "conf" / environment / "parameters.yml").write_text(f"space: {{name: {environment}}}\n")


def test_versions_and_devices_are_told() -> None:
    found = checks()
    assert {"contrastive-nas", "Python", "torch", "kedro", "CPU", "CUDA", "disk", "memory"} <= found.keys()
    assert found["project"]["state"] == "note"
    assert "contrastive-nas init" in found["project"]["advice"]
    lines = CliRunner().invoke(app, ["doctor"]).output.splitlines()
    assert lines[-1] == "everything that is needed works"
    assert [line.split()[0] for line in lines[:-1]] == [check["state"] for check in found.values()]


def test_tables_are_there_or_say_how_to_get_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(folder, nasbench101="a.parquet", darts="b", transnas_macro="c.csv", mine="own.csv")
    outside = folder / "tables"
    outside.mkdir()
    (outside / "own.csv").write_text("")
    monkeypatch.setenv("CONTRASTIVE_NAS_DATA", str(outside))
    found = checks()
    assert found["table of mine"]["found"] == str(outside / "own.csv")
    assert (
        "kedro run --pipeline download --params source=nasbench101" in found["table of nasbench101"]["advice"]
    )
    assert found["table of darts"]["advice"].startswith("download it by hand from https://")
    assert "table of your own" in found["table of transnas_macro"]["advice"]


def test_too_little_room_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 1000))
    disk = checks(1)["disk"]
    assert disk["state"] == "FAILS"
    assert "another disk" in disk["advice"]


def test_a_folder_of_tables_that_is_not_there_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTRASTIVE_NAS_DATA", "/nowhere")
    assert "/nowhere" in checks(1)["CONTRASTIVE_NAS_DATA"]["found"]


def test_damaged_settings_fail_with_their_file(folder: Path) -> None:
    make_project(folder, base="a.parquet")
    (folder / "conf/base/catalog_ingest.yml").write_text("raw_table: [")
    failed = checks(1)["tables"]
    assert "conf/base/catalog_ingest.yml" in failed["found"]


def test_what_breaks_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("libx.so is missing")

    monkeypatch.setattr(module, "_devices", broken)
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 1
    (line,) = [line for line in done.output.splitlines() if line.startswith("FAILS")]
    assert "libx.so is missing" in line
    assert "pip install" in line


def test_a_library_that_is_too_old_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    known = module._installed
    monkeypatch.setattr(module, "_installed", lambda name: "0.1" if name == "numpy" else known(name))
    assert checks(1)["numpy"]["advice"] == 'pip install "numpy>=2"'


@pytest.mark.slow
def test_the_small_ranking_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert checks()["small ranking"]["state"] == "ok"
