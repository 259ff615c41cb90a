"""What the records of runs say about the results that a report shows: the command, the machine, the time."""

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contrastive_nas.execution.nested import flat
from contrastive_nas.execution.run_history import latest_records

Record = Mapping[str, Any]


@dataclass(frozen=True)
class RunFacts:
    """What differs between two runs that find the same.

    Attributes:
        command: makes the same results again; empty where no record is known.
        commit: of the code; empty where it is not known.
        machine: processor, cores, memory, system; empty where they are not known.
        seconds: that the named nodes took when they made the results that the run uses.
    """

    command: str = ""
    commit: str = ""
    machine: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)


def read_facts(runs: Path | None, pipeline: str, nodes: Iterable[str]) -> RunFacts:
    """Return the facts of the run that this process is in the middle of.

    Args:
        runs: folder of the records; None, or one without this run, gives empty facts.
        pipeline: that the command names.
        nodes: whose time is wanted.
    """
    records = [] if runs is None else [*latest_records(runs)]
    current = next(filter(_is_ours, records), None)
    return RunFacts() if current is None else facts_of(current, records, pipeline, nodes)


def facts_of(run: Record, records: Iterable[Record], pipeline: str, nodes: Iterable[str]) -> RunFacts:
    """Return the facts of one run.

    Args:
        run: its record.
        records: of all runs, latest first.
        pipeline: that the command names.
        nodes: whose time is wanted.
    """
    found = {name: _seconds(records, run, name) for name in nodes}
    return RunFacts(
        command=command(run, pipeline),
        commit=_commit(run.get("git") or {}),
        machine=_machine(run.get("machine") or {}),
        seconds={name: value for name, value in found.items() if value is not None},
    )


def command(record: Record, pipeline: str, setting: Mapping[str, Any] | None = None) -> str:
    """Return the command line that runs a pipeline with a run's environment and parameters.

    Args:
        record: of the run.
        pipeline: that the command names.
        setting: parameters by dotted name, in place of the run's own.
    """
    words = ["kedro", "run"]
    if record["experiment"] != "base":
        words += ["--env", record["experiment"]]
    words += ["--pipeline", pipeline]
    own = {name: value for name, value in flat(record.get("runtime_parameters") or {}) if name}
    given = [f"{name}={_value(value)}" for name, value in {**own, **(setting or {})}.items()]
    if given:
        words += ["--params", ",".join(given)]
    return shlex.join(words)


def _value(value: Any) -> str:
    """As Kedro's option ``--params`` takes it."""
    return value if isinstance(value, str) else json.dumps(value)


def _is_ours(record: Record) -> bool:
    return record.get("status") == "running" and record.get("process", {}).get("pid") == os.getpid()


def _seconds(records: Iterable[Record], current: Record, name: str) -> float | None:
    """What a node took when it last made the versions of its results that the current run has."""
    ours = _node(current, name)
    if ours is None:
        return None
    for record in records:
        node = _node(record, name)
        if node and node.get("ran") and node.get("outputs") == ours.get("outputs") and "seconds" in node:
            return float(node["seconds"])
    return None


def _node(record: Record, name: str) -> Record | None:
    nodes: list[Record] = record.get("nodes", [])
    return next((node for node in nodes if node["name"] == name and node.get("outputs")), None)


def _commit(git: Record) -> str:
    if not git:
        return ""
    return f"{git['commit'][:12]}{', with changes that are not committed' if git.get('dirty') else ''}"


def _machine(machine: Record) -> str:
    if not machine:
        return ""
    memory = machine["memory_mb"] / 1024
    return (
        f"{machine['processor']}, {machine['cores']} cores, {memory:.0f} GB of memory, {machine['system']}, "
        f"Python {machine['python']}"
    )
