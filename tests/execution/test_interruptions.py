"""Kills and simultaneous runs change no result."""

import random
import subprocess
import time
from pathlib import Path

import pytest
from tiny_project import TinyProject

from contrastive_nas.checkpoints import Checkpoints

KILLS = 25
PAIRS = 10
PAUSE = "pause=0.03"


def seconds_of(tiny: TinyProject, *arguments: str) -> float:
    started = time.monotonic()
    done = tiny.run(*arguments)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - started


@pytest.mark.slow
def test_killed_at_any_moment_the_results_are_the_same(tmp_path: Path) -> None:
    arguments = ("--pipeline", "long", "--params", PAUSE)
    undisturbed = TinyProject.create(tmp_path / "undisturbed")
    seconds = seconds_of(undisturbed, *arguments)
    killed = TinyProject.create(tmp_path / "killed")
    moments = random.Random(4)
    for _ in range(KILLS):
        process = killed.start(*arguments)
        try:
            process.communicate(timeout=moments.uniform(0.3, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
    seconds_of(killed, *arguments)
    assert killed.artifacts() == undisturbed.artifacts()
    assert not list(killed.folder.glob("data/.state/checkpoints/*"))


@pytest.mark.slow
def test_two_runs_at_once_share(tmp_path: Path) -> None:
    expected = TinyProject.create(tmp_path / "expected")
    assert expected.session(pipeline_names=["long"]) == {"read", "train", "rank"}
    for number in range(PAIRS):
        tiny = TinyProject.create(tmp_path / f"pair{number}")
        pair = [tiny.start("--pipeline", "long") for _ in range(2)]
        outputs = [process.communicate()[0] for process in pair]
        assert [process.returncode for process in pair] == [0, 0], outputs
        assert tiny.artifacts() == expected.artifacts()
        ran = sorted(node["name"] for record in tiny.records() for node in record["nodes"] if node["ran"])
        assert ran == ["rank", "read", "train"]


@pytest.mark.slow
def test_two_different_runs_at_once_do_not_mix(tmp_path: Path) -> None:
    results = {}
    for seed in (1, 2):
        alone = TinyProject.create(tmp_path / f"alone{seed}")
        alone.session(pipeline_names=["long"], params={"seed": seed})
        results[seed] = alone.path("data/07_model_output/base/ranked.json").read_bytes()
    tiny = TinyProject.create(tmp_path / "both")
    pair = [tiny.start("--pipeline", "long", "--params", f"seed={seed},{PAUSE}") for seed in (1, 2)]
    outputs = [process.communicate()[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0], outputs
    for record in tiny.records():
        version = record["nodes"][-1]["outputs"]["ranked"]["version"]
        assert tiny.path(version).read_bytes() == results[record["seeds"]["seed"]]


def test_a_failed_node_goes_on_where_it_was(tiny: TinyProject) -> None:
    tiny.session(pipeline_names=["long"])
    expected = tiny.path("data/06_models/base/trained.json").read_bytes()
    module = tiny.path("src/tiny/training.py")
    fails_once = "if step == 60 and not Path('failed').exists():\n            Path('failed').touch()"
    text = module.read_text().replace(
        "        time.sleep",
        f"        {fails_once}\n            raise RuntimeError('power cut')\n        time.sleep",
    )
    module.write_text("from pathlib import Path\n" + text)
    slowly = {"pause": 0.003}
    with pytest.raises(RuntimeError, match="power cut"):
        tiny.session(pipeline_names=["long"], params=slowly)
    assert tiny.record()["status"] == "failed"
    (kept,) = tiny.folder.glob("data/.state/checkpoints/*")
    step = Checkpoints(kept).load()["step"]
    assert 0 < step <= 60
    tiny.session(pipeline_names=["long"], params=slowly)
    assert tiny.path("data/06_models/base/trained.json").read_bytes() == expected
    assert not list(tiny.folder.glob("data/.state/checkpoints/*"))
