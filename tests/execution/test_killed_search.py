"""The real chain, tiny, killed again and again, gives what it gives undisturbed."""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tiny_project import TinyProject

PROJECT = Path(__file__).parents[2]
KILLS = 25
RUN = ("--env", "test", "--pipeline", "search")


def copy_of_project(folder: Path) -> TinyProject:
    for part in ("conf", "src/contrastive_nas", "data/01_raw"):
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / part, folder)
    (folder / "conf/local").mkdir(exist_ok=True)
    return TinyProject(folder)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_search_killed_at_any_moment_ends_the_same(tmp_path: Path) -> None:
    undisturbed = copy_of_project(tmp_path / "undisturbed")
    started = time.monotonic()
    done = undisturbed.run(*RUN)
    assert done.returncode == 0, done.stderr
    seconds = time.monotonic() - started
    assert undisturbed.run(*RUN).returncode == 0
    assert undisturbed.ran() == set()

    killed = copy_of_project(tmp_path / "killed")
    moments = random.Random(7)
    for _ in range(KILLS):
        process = killed.start(*RUN)
        try:
            process.communicate(timeout=moments.uniform(0.1, 0.7) * seconds)
        except subprocess.TimeoutExpired:
            # With the workers that train networks.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    done = killed.run(*RUN)
    assert done.returncode == 0, done.stderr
    assert killed.artifacts() == undisturbed.artifacts()
