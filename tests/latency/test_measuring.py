"""Measuring networks, on this machine and by commands that answer well, badly or not at all."""

import fcntl
import importlib.util
import stat
import time
from pathlib import Path

import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.latency import quiet
from contrastive_nas.latency.measured import LatencyStore, MeasuredLatency
from contrastive_nas.latency.measuring import Device, Measured, open_device, read_milliseconds
from contrastive_nas.latency.parameters import LatencyParameters
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.typed import read_typed

SPACE = load_space("compact_cnn")
NETWORKS = SPACE.sample(np.random.default_rng(0), 3)
needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="needs the extra onnx",
)


def script(folder: Path, text: str) -> str:
    file = folder / "measure.sh"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return f"{file} {{onnx}}"


@pytest.mark.parametrize("engine", ["torch", pytest.param("onnx", marks=needs_onnx)])
def test_this_machine_measures_a_network(engine: str) -> None:
    device = open_device(read_typed(LatencyParameters, {"engine": engine, "repeats": 5}))
    found = device.measure(SPACE, NETWORKS[0])
    assert 0 < found.milliseconds < 1000
    assert found.spread >= 0
    assert device.identity["engine"] == engine


@needs_onnx
def test_a_command_is_given_the_network(tmp_path: Path) -> None:
    command = script(tmp_path, 'echo measuring; test -s "$1" && echo 3.25')
    found = open_device(LatencyParameters(command=command)).measure(SPACE, NETWORKS[0])
    assert found.milliseconds == 3.25


@needs_onnx
def test_a_command_that_hangs_is_stopped(tmp_path: Path) -> None:
    command = script(tmp_path, "echo connecting; sleep 600; echo 3")
    device = open_device(LatencyParameters(command=command, timeout=1))
    start = time.monotonic()
    with pytest.raises(InputError, match=r"did not end within 1 seconds.*connecting"):
        device.measure(SPACE, NETWORKS[0])
    assert time.monotonic() - start < 300


@pytest.mark.parametrize(
    ("code", "output", "errors", "reason"),
    [
        (0, "", "no device", "printed no milliseconds; it printed 'no device'"),
        (0, " \n", "", "printed no milliseconds; it printed nothing"),
        (0, "-3\n", "", r"gave -3: milliseconds are above 0"),
        (0, "0\n", "", r"gave 0: milliseconds are above 0"),
        (0, "fast\n", "", "its last line is not a number of milliseconds; it printed 'fast'"),
        (0, "nan\n", "", "not a number of milliseconds"),
        (0, "1e999\n", "", "milliseconds are above 0"),
        (0, "3.5 ms\n", "", "not a number of milliseconds"),
        (2, "3.5\n", "lost", "failed with exit code 2; it printed '3.5.nlost'"),
    ],
)
def test_nonsense_is_refused_with_what_was_printed(code: int, output: str, errors: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_milliseconds("./measure.sh {onnx}", code, output, errors)


def test_the_last_line_counts() -> None:
    assert read_milliseconds("m", 0, "run 1\nrun 2\n2.5e1\n\n", "a warning") == 25


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    device = open_device(LatencyParameters(command=f"{tmp_path}/none.sh {{onnx}}"))
    with pytest.raises(InputError, match="cannot be started"):
        device.measure(SPACE, NETWORKS[0])


def test_a_command_without_a_place_for_the_file_is_refused() -> None:
    with pytest.raises(InputError, match=r"write \{onnx\} in it"):
        read_typed(LatencyParameters, {"command": "./measure.sh"})


def test_trainings_wait_for_a_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "lock_file", lambda: tmp_path / "lock")

    def lock(kind: int) -> None:
        with (tmp_path / "lock").open("a") as stream:
            fcntl.flock(stream, kind | fcntl.LOCK_NB)

    with quiet.training(), quiet.training(), pytest.raises(BlockingIOError):
        lock(fcntl.LOCK_EX)
    with quiet.measuring(), pytest.raises(BlockingIOError):
        lock(fcntl.LOCK_SH)
    lock(fcntl.LOCK_EX)


class CountingDevice(Device):
    """Milliseconds of a formula; counts what it is asked."""

    @property
    def identity(self) -> dict[str, str]:
        return {"kind": "formula"}

    def __init__(self) -> None:
        self.asked: list[str] = []

    def measure(self, space: SearchSpace, architecture: str) -> Measured:
        self.asked.append(architecture)
        graph = space.graph(architecture)
        return Measured(0.01 * len(graph) + 1e-6 * float(graph.out_shape.prod(axis=1).sum()))


def test_measurements_are_kept_and_made_once(tmp_path: Path) -> None:
    first = CountingDevice()
    latency = MeasuredLatency(SPACE, LatencyParameters(), folder=tmp_path, device=first)
    latency.prepare()
    assert len(set(first.asked)) == len(first.asked) == 10
    bought = latency.buy(NETWORKS)
    again = CountingDevice()
    other = MeasuredLatency(SPACE, LatencyParameters(), folder=tmp_path, device=again)
    other.prepare()
    np.testing.assert_array_equal(other.buy(NETWORKS), bought)
    assert again.asked == []
    assert other.foretold(NETWORKS[0]) == latency.foretold(NETWORKS[0])
    # What was measured counts as measured, what was not is predicted near it.
    far = SPACE.sample(np.random.default_rng(9), 40)
    device = CountingDevice()
    truth = np.array([device.measure(SPACE, name).milliseconds for name in far])
    assert np.median(np.abs(latency.measure(far) / truth - 1)) < 0.15


def test_a_store_takes_no_other_and_skips_damage(tmp_path: Path) -> None:
    store = LatencyStore(tmp_path, "space", {"device": "a"})
    store.add("one", Measured(2.0, 0.1))
    with store.path.open("a") as stream:
        stream.write('{"architecture": "two", "milliseconds": -1, "spread": null}\n{"archi')
    store.add("three", Measured(3.0))
    again = LatencyStore(tmp_path, "space", {"device": "a"})
    assert again.find("one") == Measured(2.0, 0.1)
    assert again.find("two") is None
    found = again.find("three")
    assert found is not None
    assert found.milliseconds == 3.0
    assert LatencyStore(tmp_path, "space", {"device": "b"}).find("one") is None
