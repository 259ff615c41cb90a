"""Parameters of latencies: where milliseconds come from, and how they are measured."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from contrastive_nas.typed import Typed

# The cost that is measured.
LATENCY = "latency"


class LatencyParameters(Typed):
    """Where the cost ``latency``, in milliseconds, comes from: this machine, or a command of your own.

    Attributes:
        command: Command that measures a network on your device and prints the milliseconds of one run.
            ``{onnx}`` stands for the file of the network, such as ``./measure.sh {onnx}``. ``null`` measures
            on this machine.
        device: Name of the device, in your own words. Measured values are kept under it: change it when
            device, software or clock change.
        timeout: Seconds after which the command is stopped.
        engine: What runs the network on this machine: ``torch``, or ``onnx`` for ONNX Runtime.
        threads: Threads that run the network on this machine.
        batch: Images that the network is given at once.
        warm_up: Runs before the first that counts.
        repeats: Runs that count. Their median is the latency.
        samples: Networks that are measured before the search begins. They are chosen so that most is learned
            about all others.
        known: Table with the latencies of other devices, in columns ``<device>_latency_milliseconds``.
    """

    command: str | None = None
    device: str = ""
    timeout: float = Field(default=300.0, gt=0)
    engine: Literal["torch", "onnx"] = "torch"
    threads: int = Field(default=1, ge=1)
    batch: int = Field(default=1, ge=1)
    warm_up: int = Field(default=5, ge=0)
    repeats: int = Field(default=20, ge=3)
    samples: int = Field(default=10, ge=3)
    known: Path | None = None

    @model_validator(mode="after")
    def _command_takes_a_file(self) -> "LatencyParameters":
        if self.command is not None and "{onnx}" not in self.command:
            raise ValueError(
                f"command {self.command!r} does not say where the network's file goes: write {{onnx}} in it"
            )
        return self
