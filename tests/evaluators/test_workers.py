"""Processes that the system kills in the middle of a training."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.evaluators.short_searches import QUICK, search

from contrastive_nas.evaluators.parameters import TrainingParameters
from contrastive_nas.evaluators.training import TrainingEvaluator
from contrastive_nas.spaces import load_space

SPACE = """
import os
from pathlib import Path
from contrastive_nas.spaces.compact_cnn import CompactCNN

class Mortal(CompactCNN):
    def __init__(self, folder: str, killer: str = "", kills: int = 1000) -> None:
        super().__init__()
        self.folder, self.killer, self.kills = Path(folder), killer, kills

    def build(self, architecture: str):
        pid, built = os.getpid(), self.folder / "built"
        with built.open("a") as stream:
            stream.write(f"{pid} {architecture}\\n")
        if architecture == self.killer and built.read_text().count(f"{pid} {architecture}") == 1:
            deaths = self.folder / "deaths"
            with deaths.open("a") as stream:
                stream.write(f"{pid}\\n")
            if len(deaths.read_text().split()) <= self.kills:
                os.kill(pid, 9)
        return super().build(architecture)
"""


@pytest.fixture
def space_file(tmp_path: Path) -> str:
    file = tmp_path / "mortal.py"
    file.write_text(SPACE)
    return f"{file}:Mortal"


def open_evaluator(space_file: str, folder: Path, workers: int, **options: Any) -> TrainingEvaluator:
    parameters = TrainingParameters(workers=workers, **QUICK)
    return TrainingEvaluator(space_file, parameters, {"folder": str(folder), **options})


def kill_a_builder(folder: Path, builds: int, delay: float, done: threading.Event, killed: list[int]) -> None:
    """Kills the process that has built a network last, some time after that many have been built."""
    built = folder / "built"
    while not done.is_set():
        lines = built.read_text().splitlines() if built.exists() else []
        if len(lines) >= builds:
            time.sleep(delay)
            pid = int(lines[-1].split()[0])
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            killed.append(pid)
            return
        time.sleep(0.002)


def searches_with_a_kill(space_file: str, folder: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    for seed in range(count):
        calm, stormy = folder / f"calm{seed}", folder / f"stormy{seed}"
        calm.mkdir()
        stormy.mkdir()
        with open_evaluator(space_file, calm, 2) as evaluator:
            expected = search(evaluator, seed)
        builds = int(rng.integers(1, len((calm / "built").read_text().splitlines())))
        done, killed = threading.Event(), []
        given = (stormy, builds, float(rng.uniform(0, 0.2)), done, killed)
        killer = threading.Thread(target=kill_a_builder, args=given)
        killer.start()
        try:
            with open_evaluator(space_file, stormy, 2) as evaluator:
                found = search(evaluator, seed)
        finally:
            done.set()
            killer.join()
        assert killed
        assert (found["error"] == "").all()
        pd.testing.assert_frame_equal(found, expected)


def test_s3_a_killed_worker_costs_no_answer(space_file: str, tmp_path: Path) -> None:
    searches_with_a_kill(space_file, tmp_path, 2)


@pytest.mark.slow
def test_s3_twenty_searches_with_a_killed_worker_each(space_file: str, tmp_path: Path) -> None:
    searches_with_a_kill(space_file, tmp_path, 20)


def test_s3_who_is_killed_twice_is_given_up_alone(space_file: str, tmp_path: Path) -> None:
    with open_evaluator(space_file, tmp_path, 1) as evaluator:
        expected = search(evaluator, 3)
    killer = expected["architecture"].iloc[2]
    (tmp_path / "built").unlink()
    with open_evaluator(space_file, tmp_path, 1, killer=killer) as evaluator:
        found = search(evaluator, 3, tmp_path / "search")
    assert len((tmp_path / "deaths").read_text().split()) == 2
    assert found["error"].tolist() == ["", "", "its process was killed 2 times: out of memory?", "", "", ""]
    assert found["accuracy"].isna().tolist() == [False, False, True, False, False, False]
    others = [0, 1, 3, 4, 5]
    columns = ["architecture", "accuracy", "origin"]
    pd.testing.assert_frame_equal(found.loc[others, columns], expected.loc[others, columns])
    # A search that is started again asks for it once more, and for nothing else.
    (tmp_path / "built").unlink()
    with open_evaluator(space_file, tmp_path, 1, killer=killer) as evaluator:
        assert search(evaluator, 3, tmp_path / "search")["error"].iloc[2] != ""
    assert {line.split(" ", 1)[1] for line in (tmp_path / "built").read_text().splitlines()} == {killer}


def test_processes_share_the_trainings_of_one_network(space_file: str, tmp_path: Path) -> None:
    (name,) = load_space("compact_cnn").sample(np.random.default_rng(0), 1)
    parameters = TrainingParameters(workers=2, **QUICK | {"seeds": (0, 1)})
    with TrainingEvaluator(space_file, parameters, {"folder": str(tmp_path)}) as evaluator:
        evaluator.prepare()
        (answer,) = evaluator.evaluate([name])
    assert answer.error == ""
    assert len({line.split()[0] for line in (tmp_path / "built").read_text().splitlines()}) == 2


def test_s3_one_death_is_forgiven(space_file: str, tmp_path: Path) -> None:
    first, second = load_space("compact_cnn").sample(np.random.default_rng(0), 2)
    with open_evaluator(space_file, tmp_path, 1, killer=first, kills=1) as evaluator:
        answers = evaluator.evaluate([first, second])
    assert len((tmp_path / "deaths").read_text().split()) == 2
    with open_evaluator(space_file, tmp_path, 1) as evaluator:
        calm = evaluator.evaluate([first, second])
    assert [one.accuracy for one in answers] == [one.accuracy for one in calm]
    assert [one.error for one in answers] == ["", ""]
