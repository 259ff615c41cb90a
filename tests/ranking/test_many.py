"""Long lists, partition by partition: the ranking in memory, whoever scores and however often it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import kendalltau
from typer.testing import CliRunner

from contrastive_nas.command_line.main import app
from contrastive_nas.errors import InputError
from contrastive_nas.ranking import many, scoring
from contrastive_nas.ranking import rank as ranking
from contrastive_nas.ranking.baselines.regressors import StatisticRanker
from contrastive_nas.ranking.many import ListedNetworks, Workers, rank_many
from contrastive_nas.ranking.partitions import PARTS, Partitions
from contrastive_nas.ranking.rank import rank
from contrastive_nas.spaces import load_space

SPACE = load_space("nasbench201", channels=4, cells=1)
NAMES = list(dict.fromkeys(SPACE.sample(np.random.default_rng(0), 200)))
LABELS = {name: float(number % 17) for number, name in enumerate(NAMES[:8])}
# The last partition has few rows.
SIZE = 64


def ranked(folder: Path, **changed: object) -> pd.DataFrame:
    given = {"labels": {}, "ranker": "stacked", "folder": folder, "size": SIZE, **changed}
    return rank_many(SPACE, ListedNetworks.of(NAMES), **given)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("whole") / "partitions"
    return folder, ranked(folder)


def test_it_is_the_ranking_in_memory(whole: tuple[Path, pd.DataFrame]) -> None:
    in_memory = rank(SPACE, NAMES)
    pd.testing.assert_frame_equal(whole[1], in_memory, check_exact=False, rtol=0, atol=1e-8)
    assert whole[1].attrs == in_memory.attrs
    assert len(list(whole[0].glob(PARTS))) == -(-len(NAMES) // SIZE)


def test_labels_are_learned_from_wherever_they_stand(tmp_path: Path) -> None:
    # One label is of a network that is not in the list.
    other = next(name for name in SPACE.sample(np.random.default_rng(5), 50) if name not in NAMES)
    labels = {other: 99.0, **LABELS}
    in_memory = rank(SPACE, NAMES, labels=labels)
    pd.testing.assert_frame_equal(
        ranked(tmp_path / "partitions", labels=labels), in_memory, check_exact=False, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("size", [1, 150])
def test_partitions_of_any_size_say_the_same(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = ListedNetworks.of(NAMES[:12])
    folder = tmp_path / "partitions"
    found = rank_many(SPACE, networks, ranker="stacked", folder=folder, size=size)
    pd.testing.assert_frame_equal(found, rank(SPACE, NAMES[:12]), check_exact=False, rtol=0, atol=1e-8)


def test_what_was_ended_goes_on(
    whole: tuple[Path, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, keep, scored = tmp_path / "partitions", Partitions.keep, []

    def interrupted(partitions: Partitions, number: int, table: object) -> None:
        scored.append(number)
        keep(partitions, number, table)
        if len(scored) in (1, 2):
            raise KeyboardInterrupt

    monkeypatch.setattr(Partitions, "keep", interrupted)
    listed = []
    networks = ListedNetworks(lambda: listed.append(1) or NAMES, ListedNetworks.of(NAMES).origin)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            rank_many(SPACE, networks, ranker="stacked", folder=folder, size=SIZE)
    table = rank_many(SPACE, networks, ranker="stacked", folder=folder, size=SIZE)
    assert scored == [0, 1, 2, 3]
    assert len(listed) == 1
    assert files(folder) == files(whole[0])
    pd.testing.assert_frame_equal(table, whole[1], check_exact=True)


@pytest.mark.parametrize(
    ("changed", "word"),
    [({"seed": 1}, "seed"), ({"labels": LABELS}, "labels"), ({"ranker": "macs"}, "ranker")],
)
def test_partitions_of_another_ranking_are_refused(
    changed: dict[str, object], word: str, whole: tuple[Path, pd.DataFrame]
) -> None:
    before = files(whole[0])
    with pytest.raises(InputError, match=f"partitions of another ranking, with another {word}: .*--work"):
        ranked(whole[0], **changed)
    assert files(whole[0]) == before


def test_partitions_of_a_ranker_with_other_answers_are_refused(
    whole: tuple[Path, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As another version of its code would be.
    columns = scoring.Scorer.columns
    monkeypatch.setattr(
        scoring.Scorer, "columns", lambda *given: {**columns(*given), "score": np.zeros(len(given[1]))}
    )
    with pytest.raises(InputError, match="another version of the program or ranker"):
        ranked(whole[0])


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="is not empty and holds no ranking"):
        ranked(tmp_path)


def test_two_commands_do_not_work_in_one_folder(whole: tuple[Path, pd.DataFrame]) -> None:
    with (
        Partitions(whole[0], many.many_identity(SPACE, ListedNetworks.of(NAMES), {}, "stacked", 0), SIZE),
        pytest.raises(InputError, match="another command is working"),
    ):
        ranked(whole[0])


def test_a_long_list_is_ranked_by_what_a_part_of_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = list(dict.fromkeys(SPACE.sample(np.random.default_rng(1), 700)))
    in_memory = rank(SPACE, names).set_index("architecture")
    monkeypatch.setattr(many, "SHOWN", 300)
    monkeypatch.setattr(many, "OPPONENTS", 150)
    monkeypatch.setattr(ranking, "LARGE", 100)
    found = rank(SPACE, names).set_index("architecture").loc[in_memory.index]
    assert kendalltau(found["score"], in_memory["score"]).statistic > 0.98
    assert np.abs(found["win_probability"] - in_memory["win_probability"]).mean() < 0.02
    assert found["win_probability"].mean() == pytest.approx(0.5, abs=0.02)
    pd.testing.assert_frame_equal(found[["macs", "parameters"]], in_memory[["macs", "parameters"]])


def test_networks_of_one_function_share_a_score(whole: tuple[Path, pd.DataFrame]) -> None:
    parts = pd.concat([pq.read_table(path).to_pandas() for path in sorted(whole[0].glob(PARTS))])
    functions = parts.set_index("architecture")["function"]
    scores = whole[1].set_index("architecture")["score"].groupby(functions).nunique()
    assert len(scores) < len(NAMES)
    assert (scores == 1).all()


class LockedRanker(StatisticRanker):
    """Holds what no other process can take."""

    def __init__(self) -> None:
        super().__init__("log_macs")
        self.lock = threading.Lock()


def test_a_ranker_that_cannot_be_sent_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="LockedRanker or its space cannot be sent to other processes"):
        ranked(tmp_path / "partitions", ranker=LockedRanker())


def run(*arguments: object):
    return CliRunner().invoke(app, ["rank", *map(str, arguments)])


SMALL = '{"channels": 4, "cells": 1}'


def test_the_command_keeps_partitions_and_goes_on(tmp_path: Path) -> None:
    work, output = tmp_path / "work", tmp_path / "ranking.csv"
    command = ("--space", "nasbench201", "--options", SMALL, "--sample", 150, "--workers", 1, "--work", work)
    done = run(*command, "--top", 3, "--output", output)
    assert done.exit_code == 0, done.output
    assert "networks, ranked without labels" in done.output
    table = pd.read_csv(output)
    drawn = list(dict.fromkeys(SPACE.sample(np.random.default_rng(0), 150)))
    assert sorted(table["architecture"]) == sorted(drawn)
    first, written = output.read_bytes(), (work / "part-00000.parquet").stat().st_mtime_ns
    assert run(*command, "--output", output).exit_code == 0
    assert output.read_bytes() == first
    assert (work / "part-00000.parquet").stat().st_mtime_ns == written
    refused = run(*command, "--seed", 1)
    assert refused.exit_code == 1
    assert "with another seed" in refused.output


def test_the_command_takes_partitions_on_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(many, "LARGE", 100)
    cell = tmp_path / "tiny.py"
    cell.write_text(
        "from contrastive_nas.spaces.compact_cnn import CompactCNN\n"
        "class Tiny(CompactCNN):\n"
        "    size = 150\n"
        "    def enumerate(self):\n"
        "        import numpy as np\n"
        "        yield from dict.fromkeys(self.sample(np.random.default_rng(3), 150))\n"
    )
    done = run("--space", f"{cell}:Tiny", "--all", "--workers", 1)
    assert done.exit_code == 0, done.output
    assert "150 networks" in done.output
    assert not any((tmp_path / "contrastive-nas" / "rankings").iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("timm:resnet18", "--all"), 2, "are of a space"),
        (("timm:resnet18", "--where", "ray"), 2, "are of a space"),
        (("--space", "mobilenet_v3", "--all"), 1, "too many to list: rank a sample"),
        (
            ("--space", "nasbench201", "--sample", "9", "--where", "ray", "--ray-address", "localhost:1"),
            1,
            "it does not answer",
        ),
    ],
)
def test_what_cannot_be_ranked(
    arguments: tuple[str, ...], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done = run(*arguments)
    assert done.exit_code == code, done.output
    assert words in " ".join(done.output.split())


@pytest.mark.slow
def test_killed_processes_leave_whole_partitions(whole: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from test_many import *\n"
        "if __name__ == '__main__':\n"
        f"    ranked(Path({str(tmp_path / 'work')!r}), workers=Workers(count=2), size=16)\n"
    )
    work = tmp_path / "work"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    for kept in (2, 5):
        process = subprocess.Popen([sys.executable, script], env=environment)
        deadline = time.monotonic() + 120
        while len(list(work.glob(PARTS))) < kept and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = {path: path.stat().st_mtime_ns for path in work.glob(PARTS)}
    assert len(before) >= 5
    table = ranked(work, size=16)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert ranked(tmp_path / "again", size=16).equals(table)
    parts = files(tmp_path / "again")
    assert {name: text for name, text in files(work).items() if name in parts} == parts
    pd.testing.assert_frame_equal(table, whole[1], check_exact=False, rtol=0, atol=1e-8)


@pytest.mark.slow
def test_ray_says_what_processes_say(whole: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    pytest.importorskip("ray")
    found = ranked(tmp_path / "partitions", workers=Workers("ray", address="local"))
    pd.testing.assert_frame_equal(found, whole[1], check_exact=True)
    assert files(tmp_path / "partitions") == files(whole[0])
