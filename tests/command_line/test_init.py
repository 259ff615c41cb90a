"""``contrastive-nas init``: a project with this project's settings, which works with the package alone."""

import json
import subprocess
import sys
import time
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contrastive_nas.command_line.main import app
from contrastive_nas.spaces import load_space

ROOT = Path(__file__).parents[2]
# Networks of timm that others are compared with.


def init(folder: Path) -> Path:
    done = CliRunner().invoke(app, ["init", str(folder)])
    assert done.exit_code == 0, done.output
    assert f"cd {folder} && kedro run --pipeline search" in done.output
    return folder


def test_settings_and_data_are_those_of_this_project(tmp_path: Path) -> None:
    made = init(tmp_path / "new")
    own = sorted(path.name for path in (ROOT / "conf/base").iterdir())
    assert sorted(path.name for path in (made / "conf/base").iterdir()) == own
    same = [f"conf/base/{name}" for name in own]
    for name in [*same, "conf/logging.yml", "data/01_raw/compact_cnn_digits.parquet", ".telemetry"]:
        assert (made / name).read_bytes() == (ROOT / name).read_bytes()
        assert not (made / name).is_symlink()
    assert [path.name for path in (made / "data/01_raw").iterdir()] == ["compact_cnn_digits.parquet"]
    assert not list(made.rglob("*partial*"))


def test_files_are_named_after_the_folder(tmp_path: Path) -> None:
    made = init(tmp_path / 'odd "name"')
    settings = tomllib.loads((made / "pyproject.toml").read_text())["tool"]["kedro"]
    assert settings["project_name"] == "odd _name_"
    assert (made / "README.md").read_text().startswith("# odd _name_\n")
    assert (made / ".gitignore").is_file()


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    assert (init(tmp_path) / "src/my_space.py").is_file()


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for path, words in ((tmp_path, "is not empty"), (tmp_path / "notes.txt", "is a file")):
        done = CliRunner().invoke(app, ["init", str(path)])
        assert done.exit_code == 2
        assert words in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_space_can_be_searched(tmp_path: Path) -> None:
    space = load_space(f"{init(tmp_path)}/src/my_space.py:MySpace")
    assert space.size == 12 * 12 * 13


@pytest.mark.slow
def test_the_test_of_the_new_project_passes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q"]
    done = subprocess.run(command, cwd=init(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def build_wheel(folder: Path) -> Path:
    """Build the wheel of the last commit in a copy of the repository."""
    build = "from setuptools.build_meta import build_wheel; import sys; build_wheel(sys.argv[1])"
    copy = folder / "source"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(copy)], check=True)
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=copy, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.mark.slow
@pytest.mark.very_slow
def test_a_wheel_in_an_empty_environment_does_everything_in_six_minutes(tmp_path: Path) -> None:
    """The environment has the wheel alone, and sees the libraries of this one; installing takes no part."""
    wheel = build_wheel(tmp_path)
    venv.create(tmp_path / "empty", with_pip=False)
    (site,) = (tmp_path / "empty/lib").glob("python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    own = "contrastive_nas"
    libraries = Path(next(path for path in sys.path if path.endswith("site-packages")))
    for library in libraries.iterdir():
        if own not in library.name.replace("-", "_"):
            (site / library.name).exists() or (site / library.name).symlink_to(library)
    python = str(tmp_path / "empty/bin/python")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    own_command = (python, "-c", "from contrastive_nas.command_line.main import app; app()")
    kedro = (python, "-c", "from kedro.framework.cli import main; main()")

    def call(*command: str, folder: Path = tmp_path) -> str:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    start = time.monotonic()
    call(*own_command, "init", "new")
    made = tmp_path / "new"
    call(*kedro, "run", "--pipelines", "search,report", "--params", "search.queries=6", folder=made)
    assert (made / "data/08_reporting/base/report.html").is_file()
    names = [f"timm:{name}" for name in ("resnet18", "resnet50", "regnety_002")]
    ranked = json.loads(call(*own_command, "rank", *names, "--json"))
    taken = time.monotonic() - start
    assert {network["network"] for network in ranked["ranking"]} == set(names)
    assert taken < 360, f"{taken:.0f} s"
    found = call(python, "-c", f"import {own}; print({own}.__file__)")
    assert found.startswith(str(site))


@pytest.mark.slow
def test_a_wheel_alone_makes_a_project_that_searches(tmp_path: Path) -> None:
    """The package comes from the wheel, unpacked where nothing of this repository is."""
    wheel, copy = build_wheel(tmp_path), tmp_path / "source"
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    packed = tmp_path / "installed/contrastive_nas/starter/conf/base"
    own = {path.name: path.read_bytes() for path in (copy / "conf/base").iterdir()}
    assert {path.name: path.read_bytes() for path in packed.iterdir()} == own
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path / "installed"), "OMP_NUM_THREADS": "1"}

    def call(module: str, *arguments: str, folder: Path = tmp_path) -> None:
        command = [sys.executable, "-c", f"from {module}; main()", *arguments]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]

    call("contrastive_nas.command_line.main import app as main", "init", "new")
    made = tmp_path / "new"
    small = "search.queries=6,evaluator.training.seeds=[0],search.final_seeds=[100]"
    run = ("run", "--pipeline", "search", "--params", small)
    call("kedro.framework.cli import main", *run, folder=made)
    assert (made / "data/08_reporting/base/search_summary.json").is_file()
    table = "data/01_raw/my_space.csv"
    sample = ("sample", "src/my_space.py:MySpace", table, "--count", "20")
    call("contrastive_nas.command_line.main import app as main", *sample, folder=made)
    call("kedro.framework.cli import main", "run", "--env", "my_space", *run[1:], folder=made)
    assert (made / "data/08_reporting/my_space/search_summary.json").is_file()
