"""Reads the records of runs, and compares two of them."""

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from contrastive_nas.errors import InputError
from contrastive_nas.execution.nested import flat
from contrastive_nas.execution.run_record import FOLDER

LATEST = "latest"
# Records that are read for an estimate; what ran before these says little of the present code.
_RECENT = 30
# What two runs are compared by, and what each is called.
PARTS = {
    "experiment": "experiment",
    "asked": "asked for",
    "runner": "runner",
    "parameters": "parameter",
    "seeds": "seed",
    "git": "code",
    "libraries": "library",
    "machine": "machine",
    "metrics": "metric",
}


def read_runs(project: Path) -> list[dict[str, Any]]:
    """Return the records of all runs of a project, oldest first; those killed say so.

    An empty one is of a run that ended before it could be written, for want of room or by a kill.

    Raises:
        InputError: a record is damaged.
    """
    return [_read(file) for file in sorted((project / FOLDER).glob("*.json")) if file.stat().st_size]


def latest_records(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the records in a folder as they were written, latest first; those that cannot be read are left
    out.
    """
    for file in sorted(folder.glob("*.json"), reverse=True):
        try:
            yield json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # of a run that was killed while it wrote
            continue


def last_seconds(project: Path, experiment: str | None, names: Collection[str]) -> dict[str, float]:
    """Return seconds that nodes took when they last ran in an experiment, by name; not of those that never
    ran.
    """
    found: dict[str, float] = {}
    for record in islice(latest_records(project / FOLDER), _RECENT):
        if len(found) == len(names):
            break
        if record.get("experiment") == experiment:
            for node in record.get("nodes", []):
                if node["ran"] and node["name"] in names:
                    found.setdefault(node["name"], node["seconds"])
    return found


def find_run(runs: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the run whose name begins so; ``latest`` is the last one.

    Raises:
        InputError: there is none, or more than one.
    """
    found = runs[-1:] if name == LATEST else [run for run in runs if run["run"].startswith(name)]
    if len(found) != 1:
        wrong = "ambiguous, as several names begin with it" if found else "not known"
        raise InputError(f"run {name!r} is {wrong}; `contrastive-nas runs` lists all")
    return found[0]


def compare_runs(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return what differs between two runs: name, value in the first and in the second, None where there is
    none.
    """
    left, right = _comparable(first), _comparable(second)
    names = [*left, *(name for name in right if name not in left)]
    return [(name, left.get(name), right.get(name)) for name in names if left.get(name) != right.get(name)]


def _comparable(run: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        f"{word} {name}".strip(): value for part, word in PARTS.items() for name, value in flat(run.get(part))
    }
    return {**values, **{f"seconds {node['name']}": node.get("seconds") for node in run.get("nodes", [])}}


def _read(file: Path) -> dict[str, Any]:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is damaged: {error}; delete it to go on without this run") from error
    if not isinstance(record, dict) or not {"status", "process"} <= set(record):
        raise InputError(f"{file} is no record of a run: move it elsewhere")
    if record["status"] == "running" and not _is_alive(record["process"]):
        record["status"] = "killed"
    return {**record, "run": file.stem}


def _is_alive(process: Mapping[str, Any]) -> bool:
    try:
        # A number that another process has by now began at another time.
        return abs(psutil.Process(process["pid"]).create_time() - process["created"]) < 1
    except psutil.Error:
        return False
