"""Milliseconds of networks, measured on this machine or by a command of the user's own.

A measurement on this machine is the median of repeated runs after a warm-up, so that one interruption does
not count; its spread is the distance of the quartiles over the median. Nothing else is measured or trained
meanwhile (:mod:`contrastive_nas.latency.quiet`).
"""

import math
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.latency.parameters import LatencyParameters
from contrastive_nas.latency.quiet import measuring
from contrastive_nas.spaces.base import Architecture, SearchSpace

if TYPE_CHECKING:
    from torch import nn

# Of what a command printed, enough to see what is wrong.
_SHOWN = 500
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Measured:
    """One measurement.

    Attributes:
        milliseconds: of one run, the median of the repeats.
        spread: distance of the quartiles over the median; NaN where a command says nothing of it.
    """

    milliseconds: float
    spread: float = math.nan


class Device(ABC):
    """What runs a network and tells how long it took."""

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What decides a measurement besides the network, as plain data."""

    @abstractmethod
    def measure(self, space: SearchSpace, architecture: Architecture) -> Measured:
        """Measure a network with fresh weights.

        Raises:
            InputError: it cannot be measured; the message says why.
        """


def open_device(parameters: LatencyParameters) -> Device:
    """Open the device that the parameters describe.

    Raises:
        InputError: the packages that it needs are not installed.
    """
    return ThisMachine(parameters) if parameters.command is None else CommandDevice(parameters)


class ThisMachine(Device):
    """The processor of this machine, through torch or ONNX Runtime.

    Args:
        parameters: engine, threads, batch, warm-up, repeats.

    Raises:
        InputError: ``engine`` is ``onnx`` and its packages are not installed.
    """

    def __init__(self, parameters: LatencyParameters) -> None:
        if parameters.engine == "onnx":
            from contrastive_nas.training.onnx_export import require_onnx

            require_onnx()
        self._parameters = parameters

    @property
    def identity(self) -> dict[str, Any]:
        names = ("device", "engine", "threads", "batch", "warm_up", "repeats")
        return {"kind": "this machine", "processor": _processor(), **_chosen(self._parameters, names)}

    def measure(self, space: SearchSpace, architecture: Architecture) -> Measured:
        import torch

        network = space.build(architecture).eval()
        images = torch.randn(
            self._parameters.batch,
            *space.image_shape(architecture),
            generator=torch.Generator().manual_seed(0),
        )
        prepare = _torch_run if self._parameters.engine == "torch" else _onnx_run
        with prepare(network, images, self._parameters.threads) as run, measuring():
            return _timed(run, self._parameters.warm_up, self._parameters.repeats)


class CommandDevice(Device):
    """A device of the user's own, asked by a command that is given an ONNX file and prints milliseconds.

    Args:
        parameters: command, timeout, name of the device.

    Raises:
        InputError: the packages that write ONNX files are not installed.
    """

    def __init__(self, parameters: LatencyParameters) -> None:
        from contrastive_nas.training.onnx_export import require_onnx

        require_onnx()
        assert parameters.command is not None
        self._command, self._timeout = parameters.command, parameters.timeout
        self._parameters = parameters

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "command", **_chosen(self._parameters, ("command", "device"))}

    def measure(self, space: SearchSpace, architecture: Architecture) -> Measured:
        from contrastive_nas.training.onnx_export import export_onnx

        channels, height, width = space.image_shape(architecture)
        if height != width:
            raise InputError(f"{architecture!r} takes images of {height} x {width}; the export needs squares")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "network.onnx"
            export_onnx(space.build(architecture), channels, height, file)
            with measuring():
                return Measured(read_milliseconds(self._command, *self._run(file)))

    def _run(self, file: Path) -> tuple[int, str, str]:
        """Exit code, output and errors of the command; stops it with all that it started."""
        words = [word.replace("{onnx}", str(file)) for word in shlex.split(self._command)]
        try:
            process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
            )
        except OSError as error:
            raise InputError(f"latency.command {self._command!r} cannot be started: {error}") from None
        try:
            output, errors = process.communicate(timeout=self._timeout)
        except subprocess.TimeoutExpired:
            _stop(process)
            output, errors = process.communicate()
            raise InputError(
                f"latency.command {self._command!r} did not end within {self._timeout:g} seconds: raise "
                f"latency.timeout or correct the command; it printed {_shown(output, errors)}"
            ) from None
        except BaseException:
            _stop(process)
            raise
        return process.returncode, output, errors


def read_milliseconds(command: str, code: int, output: str, errors: str) -> float:
    """Read the number that a command printed as the last line of its output.

    Raises:
        InputError: it failed, printed nothing, or what it printed is no latency.
    """
    printed = f"it printed {_shown(output, errors)}"
    if code:
        raise InputError(f"latency.command {command!r} failed with exit code {code}; {printed}")
    lines = output.split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if not last:
        raise InputError(f"latency.command {command!r} printed no milliseconds; {printed}")
    if not _NUMBER.fullmatch(last):
        raise InputError(
            f"latency.command {command!r}: its last line is not a number of milliseconds; {printed}"
        )
    value = float(last)
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"latency.command {command!r} gave {last}: milliseconds are above 0; {printed}")
    return value


def _shown(output: str, errors: str) -> str:
    text = "\n".join(part.strip() for part in (output, errors) if part and part.strip())
    return f"{text[-_SHOWN:]!r}" if text else "nothing"


def _stop(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _chosen(parameters: LatencyParameters, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(parameters, name) for name in names}


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else os.uname().machine


@contextmanager
def _torch_run(network: "nn.Module", images: Any, threads: int) -> Iterator[Callable[[], object]]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            yield lambda: network(images)
    finally:
        torch.set_num_threads(before)


@contextmanager
def _onnx_run(network: "nn.Module", images: Any, threads: int) -> Iterator[Callable[[], object]]:
    import onnxruntime

    from contrastive_nas.training.onnx_export import export_onnx

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        export_onnx(network, images.shape[1], images.shape[2], file)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    given = {"images": images.numpy()}
    yield lambda: session.run(None, given)


def _timed(run: Callable[[], object], warm_up: int, repeats: int) -> Measured:
    for _ in range(warm_up):
        run()
    seconds = np.empty(repeats)
    for repeat in range(repeats):
        start = time.perf_counter()
        run()
        seconds[repeat] = time.perf_counter() - start
    low, median, high = np.quantile(seconds, [0.25, 0.5, 0.75])
    return Measured(1000 * float(median), float((high - low) / median))
