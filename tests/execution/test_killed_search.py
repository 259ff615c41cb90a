"""The real chain, tiny, killed again and again, gives what it gives undisturbed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import pandas as pd
import pytest
from tiny_project import TinyProject

from contrastive_nas.execution.datasets.kinds import without_measured

PROJECT = Path(__file__).parents[2]
SEARCHES, KILLS = 5, 5
# Long stages take more seconds than a kill waits after a checkpoint, so that it meets unfinished work.
RUN = (
    "--env",
    "test",
    "--pipeline",
    "search",
    "--params",
    "pretrain.optimisation.steps=400,search.queries=14",
)
# Later stages that take long, on the results of such a search.
STAGES = {
    "retrain": "retrain.overrides.epochs=12",
    "benchmark": "benchmark.networks=12",
}
MEASURED = ["seconds", "seconds_per_training", "images_per_second", "latency_milliseconds"]
CONTINUED = ("continuing from checkpoint", "recorded queries")


def copy_of_project(folder: Path) -> TinyProject:
    for part in ("conf", "src/contrastive_nas", "data/01_raw"):
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / part, folder)
    (folder / "conf/local").mkdir(exist_ok=True)
    # Nobody edits this copy, so its bytecode may be kept: dozens of starts are faster.
    return TinyProject(folder, {"PYTHONDONTWRITEBYTECODE": ""})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """A project that was run once, in peace."""
    project = copy_of_project(tmp_path_factory.mktemp("undisturbed"))
    done = project.run(*RUN)
    assert done.returncode == 0, done.stderr
    return project


def kill_anywhere(tiny: TinyProject, moments: random.Random, seconds: dict[str, float]) -> tuple[bool, str]:
    """Kills a run inside one of the next nodes, or before the first; whether it was alive, and what it said.

    Args:
        seconds: that each node takes undisturbed; in the first are those of the imports.
    """
    process = tiny.start(*RUN)
    assert process.stdout is not None
    said = read_until_node(process.stdout, moments.randint(0, 3))
    node = next(iter(said.rpartition(" running ")[2].split()), "")
    imports = next(iter(seconds.values()))
    time.sleep(moments.uniform(0, imports + seconds.get(node, 0)))
    return kill(process, moments, said)


def kill_at_work(
    tiny: TinyProject, moments: random.Random, arguments: tuple[str, ...] = RUN, *, longest_wait: float = 0.5
) -> tuple[bool, str]:
    """Kills a run at most so many seconds after it kept a part of a long node's work."""
    before = time.time()
    process = tiny.start(*arguments)
    while process.poll() is None and not any(is_kept_work(path, before) for path in checkpoints(tiny)):
        time.sleep(0.02)
    time.sleep(moments.uniform(0, longest_wait))
    return kill(process, moments)


def kill(process: "subprocess.Popen[str]", moments: random.Random, said: str = "") -> tuple[bool, str]:
    # Either with the workers that train networks, or alone, as the system does when memory runs out.
    # A run whose labels are kept may have come to its end meanwhile.
    with suppress(ProcessLookupError):
        moments.choice([os.killpg, os.kill])(process.pid, signal.SIGKILL)
    said += process.communicate()[0]
    assert process.returncode in (0, -signal.SIGKILL), said
    return process.returncode != 0, said


def read_until_node(output: IO[str], number: int) -> str:
    """What a run says until it begins its node of this number, counted from 1."""
    said = ""
    while number and (line := output.readline()):
        said += line
        number -= " running " in line
    return said


def checkpoints(tiny: TinyProject) -> list[Path]:
    return [path for path in tiny.folder.glob("data/.state/checkpoints/*/**/*") if path.is_file()]


def steady(path: Path) -> object:
    """The content of a result without durations and speeds."""
    if path.suffix == ".json":
        content = json.loads(path.read_text())
        return {key: value for key, value in content.items() if key not in MEASURED}
    if path.suffix == ".parquet":
        return pd.read_parquet(path).drop(columns=MEASURED, errors="ignore").to_csv()
    if path.suffix == ".html":
        return without_measured(path.read_text(encoding="utf-8"))
    return path.read_bytes()


def is_kept_work(path: Path, since: float) -> bool:
    try:
        if path.stat().st_mtime <= since:
            return False
        # The first line of a ledger only says whose it is.
        return path.suffix == ".safetensors" or (
            path.suffix == ".jsonl" and path.read_bytes().count(b"\n") > 1
        )
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(SEARCHES))
def test_a_search_killed_at_any_moment_ends_the_same(
    seed: int,
    tmp_path: Path,
    undisturbed: TinyProject,
    record_property: Callable[[str, object], None],
) -> None:
    seconds = {node["name"]: node["seconds"] for node in undisturbed.record()["nodes"] if node["ran"]}
    moments = random.Random(seed)
    kills, began, continued = 0, 0, 0
    while kills < KILLS:
        # A search that came to its end before it was killed often enough is followed by another.
        killed = copy_of_project(tmp_path / f"killed{began}")
        began += 1
        alive = True
        while kills < KILLS and alive:
            if not kills:
                # At once, so that some unfinished work is there to be continued however quick the machine is.
                alive, said = kill_at_work(killed, moments, longest_wait=0)
            elif moments.random() < 0.5:
                alive, said = kill_at_work(killed, moments)
            else:
                alive, said = kill_anywhere(killed, moments, seconds)
            kills += alive
            continued += sum(said.count(words) for words in CONTINUED)
        done = killed.run(*RUN)
        assert done.returncode == 0, done.stderr
        continued += sum(done.stderr.count(words) for words in CONTINUED)
        assert killed.artifacts() == undisturbed.artifacts()
        assert not list(killed.folder.glob("data/.state/checkpoints/*"))
    assert continued
    record_property("kills", kills)
    record_property("searches", began)
    record_property("times that unfinished work was continued", continued)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_killed_at_work_ends_the_same(stage: str, tmp_path: Path, undisturbed: TinyProject) -> None:
    arguments = ("--env", "test", "--tags", stage, "--params", STAGES[stage])
    whole, killed = (
        TinyProject(Path(shutil.copytree(undisturbed.folder, tmp_path / name, symlinks=True)))
        for name in ("whole", "killed")
    )
    done = whole.run(*arguments)
    assert done.returncode == 0, done.stderr
    moments = random.Random(1)
    said = ""
    for longest_wait in (0, 0.5, 0.5):
        said += kill_at_work(killed, moments, arguments, longest_wait=longest_wait)[1]
    done = killed.run(*arguments)
    assert done.returncode == 0, done.stderr
    assert any(words in said + done.stderr for words in CONTINUED)
    results = [
        {
            name: {file.name: steady(file) for file in files_of(tiny.folder / output["version"])}
            for node in tiny.record()["nodes"]
            for name, output in node["outputs"].items()
        }
        for tiny in (whole, killed)
    ]
    assert len(results[0]) >= 2
    assert results[0] == results[1]
    assert not checkpoints(killed)


def files_of(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(inner for inner in path.rglob("*") if inner.is_file())


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("pairs", [4, pytest.param(10, marks=pytest.mark.very_slow)])
def test_two_searches_at_once_share(tmp_path: Path, undisturbed: TinyProject, pairs: int) -> None:
    pair_of = copy_of_project(tmp_path / "pair")
    for _ in range(pairs):
        for folder in ("05_model_input", "06_models", "07_model_output", "08_reporting", "09_runs"):
            shutil.rmtree(pair_of.folder / "data" / folder, ignore_errors=True)
        pair: list[subprocess.Popen[str]] = [pair_of.start(*RUN) for _ in range(2)]
        outputs = [process.communicate()[0] for process in pair]
        # pytest shows it whole where the test fails.
        sys.stdout.writelines(outputs)
        assert [process.returncode for process in pair] == [0, 0]
        assert pair_of.artifacts() == undisturbed.artifacts()
        ran = [node["name"] for record in pair_of.records() for node in record["nodes"] if node["ran"]]
        assert len(ran) == len(set(ran))
