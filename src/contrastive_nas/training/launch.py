"""Starts one training process per device."""

import logging
import subprocess
import sys
from pathlib import Path

import torch
import yaml

from contrastive_nas.devices import pick_device
from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.training.config import RunSettings
from contrastive_nas.training.supernet.config import SupernetSettings

logger = logging.getLogger(__name__)
# Begins the line in which a training process names what a user can mend.
ERROR = "Error: "
_SHOWN_LINES = 5


def count_processes(wanted: int, device: str) -> int:
    """Return processes to start: as many as wanted; for 0, one per CUDA device, or one.

    Raises:
        InputError: the device is not there, or there are fewer CUDA devices than wanted.
    """
    found = torch.cuda.device_count() if pick_device(device).type == "cuda" else 0
    if found and wanted > found:
        raise InputError(f"{wanted} processes need {wanted} CUDA devices, there are {found}")
    return wanted or max(1, found)


def launch(settings: RunSettings | SupernetSettings, processes: int) -> None:
    """Train a network, or a supernet, in that many processes; their log lines appear in this one's log.

    Raises:
        InputError: a process failed; the message has its last lines.
    """
    config = settings.output / "settings.yml"
    with atomic_path(config) as partial:
        partial.write_text(yaml.safe_dump(settings.model_dump(mode="json")), encoding="utf-8")
    options = ["--supernet"] if isinstance(settings, SupernetSettings) else []
    reason = _run([*_command(config, processes), *options])
    if reason is not None:
        raise InputError(f"training failed: {reason}")


def _command(config: Path, processes: int) -> list[str]:
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [
        sys.executable,
        *(torchrun if processes > 1 else []),
        "-m",
        "contrastive_nas.training",
        "--config",
        str(config),
        "--with-parent",
    ]


def _run(command: list[str]) -> str | None:
    """Why a program failed: the error that it names, or its last lines; None where it did not fail."""
    last: list[str] = []
    named: list[str] = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as program:
        try:
            assert program.stdout is not None
            for line in program.stdout:
                logger.info("%s", line.rstrip())
                last = [*last[1 - _SHOWN_LINES :], line.strip()]
                named += [line.split(ERROR, 1)[1].strip()] if ERROR in line else []
        except BaseException:
            program.terminate()
            raise
    if not program.returncode:
        return None
    return named[0] if named else " | ".join(last)
