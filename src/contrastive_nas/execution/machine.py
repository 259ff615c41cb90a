"""What a run ran on, for its record."""

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import psutil

DISTRIBUTION = "contrastive-nas"


def describe_machine() -> dict[str, Any]:
    """Host, processor, cores, memory in MB, system and Python."""
    return {
        "host": platform.node(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mb": psutil.virtual_memory().total >> 20,
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def describe_libraries() -> dict[str, str]:
    """Installed versions of what this project depends on."""
    try:
        required = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    # Extras are tools and outlets; results come from the rest.
    own = [requirement for requirement in required if "extra ==" not in requirement]
    names = {re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in own}
    found = {name: _installed(name) for name in sorted(names)}
    return {name: version for name, version in found.items() if version}


def describe_git(project: Path) -> dict[str, Any]:
    """Commit, and whether tracked files differ from it; empty where there is no repository."""
    commit = _git(project, "rev-parse", "HEAD")
    if commit is None:
        return {}
    return {"commit": commit, "dirty": bool(_git(project, "status", "--porcelain", "--untracked-files=no"))}


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
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
