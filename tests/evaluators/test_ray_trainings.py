"""Trainings in the workers of a Ray cluster: the answers of processes of this machine, kills included."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.evaluators.short_searches import QUICK, search

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.parameters import RayParameters, TrainingParameters
from contrastive_nas.evaluators.training import TrainingEvaluator
from contrastive_nas.execution import ray_cluster
from contrastive_nas.spaces import load_space

pytest.importorskip("ray")
# Notes which process builds what; may break or kill its process.
SPACE = """
import os
from pathlib import Path
from contrastive_nas.spaces.compact_cnn import CompactCNN

class Noted(CompactCNN):
    def __init__(self, folder: str, broken: str = "", killer: str = "") -> None:
        super().__init__()
        self.folder, self.broken, self.killer = Path(folder), broken, killer

    def build(self, architecture: str):
        with (self.folder / "built").open("a") as stream:
            stream.write(f"{os.getpid()} {architecture}\\n")
        if architecture == self.broken:
            raise RuntimeError("no such layer")
        if architecture == self.killer:
            os.kill(os.getpid(), 9)
        return super().build(architecture)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One for all tests of this file."""
    with ray_cluster.RayCluster("local"):
        yield


@pytest.fixture
def space_file(tmp_path: Path) -> str:
    file = tmp_path / "noted.py"
    file.write_text(SPACE)
    return f"{file}:Noted"


def open_evaluator(space_file: str, folder: Path, where: str, **options: Any) -> TrainingEvaluator:
    folder.mkdir(exist_ok=True)
    parameters = TrainingParameters(where=where, ray=RayParameters(), **QUICK)
    return TrainingEvaluator(
        space_file, parameters, {"folder": str(folder), **options}, labels=folder / "labels"
    )


def builds(folder: Path) -> list[tuple[int, str]]:
    file = folder / "built"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(pid), architecture) for pid, architecture in (line.split(" ", 1) for line in lines)]


@pytest.mark.slow
def test_answers_are_those_of_processes_of_this_machine(
    space_file: str, tmp_path: Path, cluster: None
) -> None:
    names = load_space("compact_cnn").sample(np.random.default_rng(0), 3)
    found = {}
    for where in ("local", "ray"):
        with open_evaluator(space_file, tmp_path / where, where, broken=names[2]) as evaluator:
            found[where] = evaluator.evaluate(names)
        assert os.getpid() not in {pid for pid, _ in builds(tmp_path / where)}
    assert [one.accuracy for one in found["ray"][:2]] == [one.accuracy for one in found["local"][:2]]
    assert [one.error for one in found["ray"]] == ["", "", "RuntimeError: no such layer"]
    # Both keep what they train for whoever asks again, under the same name.
    kept = {where: sorted(path.name for path in (tmp_path / where / "labels").iterdir()) for where in found}
    assert len(kept["ray"]) == 1
    before = len(builds(tmp_path / "ray"))
    with open_evaluator(space_file, tmp_path / "ray", "local", broken=names[2]) as evaluator:
        assert [one.accuracy for one in evaluator.evaluate(names[:2])] == [
            one.accuracy for one in found["ray"][:2]
        ]
    assert len(builds(tmp_path / "ray")) == before


def test_a_gpu_that_is_not_there_ends_the_search_with_one_message(
    cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ray_cluster.SECONDS_FOR_ROOM < 30
    monkeypatch.setattr(ray_cluster, "SECONDS_FOR_ROOM", 0.0)
    parameters = TrainingParameters(where="ray", ray=RayParameters(gpus_per_training=0.5), **QUICK)
    with TrainingEvaluator("compact_cnn", parameters) as evaluator:
        assert evaluator.identity["device"] == "cuda"
        with pytest.raises(InputError, match=r"has 1 CPUs, 0\.5 GPUs, which are asked for"):
            search(evaluator, 0)


@pytest.mark.slow
def test_who_kills_every_worker_is_given_up_alone(space_file: str, tmp_path: Path, cluster: None) -> None:
    names = load_space("compact_cnn").sample(np.random.default_rng(0), 3)
    with open_evaluator(space_file, tmp_path / "deaths", "ray", killer=names[1]) as evaluator:
        found = evaluator.evaluate(names)
    assert [one.error for one in found] == ["", "its Ray worker was lost 2 times: out of memory?", ""]
    assert [one.machine_fault for one in found] == [False, True, False]


def kill_a_builder(folder: Path, count: int, delay: float, done: threading.Event, killed: list[int]) -> None:
    """Kills the process that has built a network last, some time after that many have been built."""
    while not done.is_set():
        built = builds(folder)
        if len(built) >= count:
            time.sleep(delay)
            os.kill(built[-1][0], signal.SIGKILL)
            killed.append(built[-1][0])
            return
        time.sleep(0.002)


def searches_with_a_kill(space_file: str, folder: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    for seed in range(count):
        calm, stormy = folder / f"calm{seed}", folder / f"stormy{seed}"
        with open_evaluator(space_file, calm, "local") as evaluator:
            expected = search(evaluator, seed)
        built = int(rng.integers(1, len(builds(calm))))
        done, killed = threading.Event(), []
        with open_evaluator(space_file, stormy, "ray") as evaluator:
            given = (stormy, built, float(rng.uniform(0, 0.2)), done, killed)
            killer = threading.Thread(target=kill_a_builder, args=given)
            killer.start()
            try:
                found = search(evaluator, seed)
            finally:
                done.set()
                killer.join()
        assert killed
        assert (found["error"] == "").all()
        pd.testing.assert_frame_equal(found, expected)
        # Every training is in the store once: none was paid twice.
        (store,) = (stormy / "labels").iterdir()
        assert len(store.read_text().splitlines()) == 1 + len(found[found["origin"] == "trained"])


@pytest.mark.slow
def test_a_killed_worker_costs_no_answer(space_file: str, tmp_path: Path, cluster: None) -> None:
    searches_with_a_kill(space_file, tmp_path, 2)


@pytest.mark.very_slow
@pytest.mark.slow
def test_twenty_searches_with_a_killed_worker_each(space_file: str, tmp_path: Path, cluster: None) -> None:
    searches_with_a_kill(space_file, tmp_path, 20)
