"""Kedro's command with this project's runner, checks and messages."""

import errno
import logging
import os
import resource
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from kedro.framework.cli.cli import KedroCLI
from tiny_project import TinyProject

from contrastive_nas.execution import run_record
from contrastive_nas.execution.run_history import read_runs

ALL = {"read", "total", "shape", "report"}


def kedro_run(tiny: TinyProject, *arguments: str) -> int:
    """Exit code of ``kedro run`` in this process."""
    tiny.forget_modules()
    # Kedro sets up logging once a process, on the stream that an earlier test had captured.
    for handler in logging.getLogger().handlers:
        if type(handler) is logging.StreamHandler:
            handler.stream = sys.stderr
    with pytest.raises(SystemExit) as ended:
        KedroCLI(tiny.folder).main(["run", *arguments])
    return int(ended.value.code or 0)


def test_the_plain_command_caches_in_a_process_of_its_own(tiny: TinyProject) -> None:
    for expected in (ALL, set()):
        done = tiny.run()
        assert done.returncode == 0, done.stderr
        assert tiny.ran() == expected
        assert f"plan: {len(expected)} of 4 nodes run" in done.stderr
    assert tiny.record()["runner"] == "CachingRunner"
    assert "report.area" in done.stderr


def test_a_named_runner_is_that_runner(tiny: TinyProject) -> None:
    kedro_run(tiny)
    assert kedro_run(tiny, "--runner", "SequentialRunner") == 0
    assert tiny.ran() == ALL
    assert tiny.record()["runner"] == "SequentialRunner"


def test_runner_parameters_force_and_verify(tiny: TinyProject) -> None:
    kedro_run(tiny)
    assert kedro_run(tiny, "--runner-params", "force=shape") == 0
    assert tiny.ran() == {"shape"}
    assert kedro_run(tiny, "--runner-params", "verify=true") == 0
    tiny.path("src/tiny/deep/near.py").write_text("import time\ndef add(a, b):\n    return time.time_ns()\n")
    kedro_run(tiny)
    assert kedro_run(tiny, "--runner-params", "verify=true") == 1


@pytest.mark.parametrize("env", [None, "other"])
def test_a_value_given_to_a_block_leaves_its_others_as_they_are(tiny: TinyProject, env: str | None) -> None:
    """The block stands in the base alone, and the environment has parameters of its own."""
    folder = tiny.path(f"conf/{env or 'local'}")
    (folder / "parameters.yml").write_text("seed: 5\n")
    options = [] if env is None else ["--env", env]
    assert kedro_run(tiny, *options, "--params", "sum.shape=circle,steps=7") == 0
    parameters = tiny.record()["parameters"]
    assert parameters["sum"] == {"offset": 2, "shape": "circle"}
    assert (parameters["seed"], parameters["steps"]) == (5, 7)
    (folder / "parameters.yml").write_text("seed: 5\nsum: {shape: circle}\n")
    assert kedro_run(tiny, *options, "--params", "sum.shape=square") == 0
    # A block of the environment is all of it, as without values that are given.
    assert tiny.record()["parameters"]["sum"] == {"offset": 0, "shape": "square"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{filepath: a.txt}", "'type' is missing from dataset catalog configuration"),
        ("5", "Catalog entry 'numbers' is not a valid dataset configuration"),
        (
            "{type: contrastive_nas.execution.datasets.RawFile, filepth: a.txt}",
            "unexpected keyword argument 'filepth'",
        ),
    ],
)
def test_a_wrong_entry_of_the_catalog_is_one_line(
    entry: str, message: str, tiny: TinyProject, capfd: pytest.CaptureFixture[str]
) -> None:
    (tiny.folder / "conf" / "local" / "catalog.yml").write_text(f"numbers: {entry}\n")
    assert kedro_run(tiny) == 1
    said = capfd.readouterr().err
    assert message in next(line for line in said.splitlines() if line.startswith("Error: "))
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--params", "bogus=1"],
            "Error: parameter 'bogus' is unknown: choose from drawing, pause, seed, steps, sum\n",
        ),
        (["--params", "sum.bogus=1"], "Error: parameter 'sum.bogus' is unknown: choose from offset, shape\n"),
        (["--params", "smu=1"], "Error: parameter 'smu' is unknown: did you mean 'sum'?\n"),
        (["--params", "sum.ofset=1"], "Error: parameter 'sum.ofset' is unknown: did you mean 'offset'?\n"),
        (["--params", "sum.offset=-1"], "Error: parameter 'sum.offset' is -1: Input should be greater than"),
        (["--params", "seed=one"], "Error: parameter 'seed' is 'one': Input should be a valid integer"),
        # A pipeline does not excuse the parameters of another.
        (["--pipeline", "sum", "--params", "drawing=3"], "Error: parameter 'drawing' is 3: "),
        (["--env", "nowhere"], "conf/nowhere\n"),
        (["--pipeline", "smu"], "there is no pipeline 'smu': did you mean 'sum'?\n"),
        (["--runner-params", "force=shpae"], "Error: force: there is no node shpae in this pipeline\n"),
        (
            ["--runner-params", "frce=shape"],
            "--runner-params: CachingRunner takes no 'frce': did you mean 'force'?\n",
        ),
        (["--runner-params", "verify=maybe"], "Error: --runner-params: verify is true or false, not 'maybe'"),
        (["--runner", "FastRunner"], "Error: there is no runner 'FastRunner': leave --runner out\n"),
        (["--runner", "nowhere.FastRunner"], "Error: there is no runner 'nowhere.FastRunner'"),
        (["--load-versions", "shape"], "Error: Expected the form of 'load_versions' to be "),
        (
            ["--pipeline", "sum", "--pipelines", "sum"],
            "'--pipeline' and '--pipelines' cannot be used together",
        ),
    ],
)
def test_a_mistake_gives_one_message_before_anything_runs(
    arguments: list[str], message: str, tiny: TinyProject, capfd: pytest.CaptureFixture[str]
) -> None:
    assert kedro_run(tiny, *arguments) != 0
    said = capfd.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not list(tiny.folder.glob("data/0[2-8]*"))


def test_a_missing_raw_file_names_both_places(
    tiny: TinyProject, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = tiny.folder / "tables"
    tables.mkdir()
    raw = tiny.path("data/01_raw/numbers.txt")
    raw.rename(tables / "elsewhere.txt")
    monkeypatch.setenv("CONTRASTIVE_NAS_DATA", str(tables))
    assert kedro_run(tiny) == 1
    said = capfd.readouterr().err
    assert f"raw file numbers.txt is missing: looked for {raw} and {tables / 'numbers.txt'}\n" in said
    assert not list(tiny.folder.glob("data/0[2-8]*"))
    (tables / "elsewhere.txt").rename(tables / "numbers.txt")
    assert kedro_run(tiny) == 0
    assert tiny.ran() == ALL


def test_an_error_of_a_node_is_told_once(tiny: TinyProject, capfd: pytest.CaptureFixture[str]) -> None:
    tiny.path("src/tiny/reporting.py").write_text(
        "from contrastive_nas.errors import InputError\n\n"
        "def report(total, shape):\n    raise InputError('table.csv, row 3: accuracy is missing')\n"
    )
    assert kedro_run(tiny) == 1
    said = capfd.readouterr().err
    assert said.count("table.csv, row 3: accuracy is missing") == 1
    assert "Traceback" not in said
    assert tiny.record()["error"] == "table.csv, row 3: accuracy is missing"


def test_a_full_disk_gives_one_message_and_leaves_the_old_results(
    tiny: TinyProject, capfd: pytest.CaptureFixture[str]
) -> None:
    tiny.path("src/tiny/shaping.py").write_text(
        "import numpy as np\n"
        "from safetensors.numpy import save_file\n"
        "from contrastive_nas.files import atomic_path\n\n"
        "def shape(total, parameters: dict):\n"
        "    def write(path):\n"
        "        with atomic_path(path) as partial:\n"
        "            save_file({'weights': np.full(100_000, total['total'])}, partial)\n"
        "    return write\n"
    )
    tiny.path("src/tiny/reporting.py").write_text(
        "def report(total, shape):\n    return {'bytes': shape.stat().st_size}\n"
    )
    kedro_run(tiny)
    before = tiny.path("shape").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    capfd.readouterr()
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        assert kedro_run(tiny, "--params", "sum.offset=5") == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    said = capfd.readouterr().err
    assert f"Error: cannot write {tiny.path('shape')}: File too large\n" in said
    assert "Traceback" not in said
    assert tiny.path("shape").read_bytes() == before
    assert kedro_run(tiny) == 0
    assert tiny.ran() == set()


def test_a_disk_without_room_for_a_record_gives_one_message(
    tiny: TinyProject, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(run_record, "atomic_path", full)
    assert kedro_run(tiny) == 1
    said = capfd.readouterr().err
    assert "Error: [Errno 28] No space left on device: " in said
    assert "Traceback" not in said
    monkeypatch.undo()
    assert not read_runs(tiny.folder)
