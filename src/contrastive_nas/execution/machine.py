"""What a run ran on and what it took: the machine, installed libraries, commit, time and memory."""

import os
import platform
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from pathlib import Path
from typing import Any

import psutil

DISTRIBUTION = "contrastive-nas"


def describe_machine() -> dict[str, Any]:
    """Return host, processor, cores, memory in MB, system and Python."""
    return {
        "host": platform.node(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mb": psutil.virtual_memory().total >> 20,
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def describe_libraries() -> dict[str, str]:
    """Return installed versions of what this project depends on."""
    try:
        required = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return {}
    # Extras are tools and outlets; results come from the rest.
    own = [requirement for requirement in required if "extra ==" not in requirement]
    names = {re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in own}
    found = {name: _installed(name) for name in sorted(names)}
    return {name: number for name, number in found.items() if number}


def describe_git(project: Path) -> dict[str, Any]:
    """Return commit, and whether tracked files differ from it; empty where there is no repository."""
    commit = _git(project, "rev-parse", "HEAD")
    if commit is None:
        return {}
    return {"commit": commit, "dirty": bool(_git(project, "status", "--porcelain", "--untracked-files=no"))}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git(project: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=project, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


# Looking through everything that is installed takes a second; these are the ones met here.
OTHERWISE_NAMED = {
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "PIL": "pillow",
    "google": "protobuf",
    "lightning_fabric": "lightning-fabric",
}


def library_versions(modules: Iterable[str]) -> dict[str, str]:
    """Return version of the distribution behind each top-level module, and that of Python.

    Python counts with its minor version: patches do not change what a program computes.
    """
    found = {module: _version(module) for module in sorted(modules)}
    return {**found, "python": f"{sys.version_info.major}.{sys.version_info.minor}"}


@cache
def _version(module: str) -> str:
    try:
        return version(OTHERWISE_NAMED.get(module, module))
    except PackageNotFoundError:
        return ", ".join(f"{name} {version(name)}" for name in sorted(set(_distributions().get(module, []))))


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())


SECONDS_BETWEEN_SAMPLES = 0.05
# Looking for child processes takes milliseconds.
SAMPLES_BETWEEN_LOOKS = 20


class ResourceMonitor:
    """Wall time, and the peak of the resident memory of this process and its children.

    Attributes:
        began: when.
    """

    def __init__(self) -> None:
        self.began = datetime.now(UTC)
        self._started = self._touched = time.perf_counter()
        self._process = psutil.Process()
        self._peak = self._process.memory_info().rss
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def touch(self) -> None:
        """Note that the work goes on until now."""
        self._touched = time.perf_counter()

    def end(self) -> tuple[float, int]:
        """Return seconds until the last touch, and the peak in MB."""
        self._ended.set()
        self._thread.join()
        return self._touched - self._started, self._peak >> 20

    def _sample(self) -> None:
        children: list[psutil.Process] = []
        count = 0
        while not self._ended.wait(SECONDS_BETWEEN_SAMPLES):
            if count % SAMPLES_BETWEEN_LOOKS == 0:
                children = self._process.children(recursive=True)
            count += 1
            self._peak = max(self._peak, sum(_resident(process) for process in (self._process, *children)))


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0
