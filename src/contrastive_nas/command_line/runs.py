"""``contrastive-nas runs``, ``export`` and ``clean``: what was run, its results, freeing those not needed."""

import json
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from contrastive_nas.command_line.output import AsJson, show_json, table_text
from contrastive_nas.errors import InputError
from contrastive_nas.quantities import cell_text

SECONDS = {"h": 3600, "d": 86400, "w": 7 * 86400}
COLUMNS = (
    "run",
    "status",
    "experiment",
    "asked for",
    "parameters given",
    "nodes",
    "seconds",
    "commit",
    "seed",
    "machine",
)


def runs(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN] [OTHER]", help="One run to show in full, or two to compare."),
    ] = None,
    as_json: AsJson = False,
    metrics: Annotated[bool, typer.Option(help="List the metrics of every run.")] = False,
) -> None:
    """List the runs of this project, show one in full, or compare two.

    Name a run by the beginning of its name, or by the word latest. --json prints full records.
    """
    project = find_project()
    from contrastive_nas.execution.run_history import compare_runs, find_run, read_runs

    records = read_runs(project)
    chosen = [find_run(records, name) for name in names or []]
    if len(chosen) > 2:
        raise typer.BadParameter("name at most two runs")
    if as_json:
        show_json(chosen or records)
    elif len(chosen) == 2:
        rows = [(name, cell_text(left), cell_text(right)) for name, left, right in compare_runs(*chosen)]
        typer.echo(table_text([("", chosen[0]["run"], chosen[1]["run"]), *rows]))
    elif chosen:
        typer.echo(_in_full(chosen[0]))
    elif not records:
        typer.echo("nothing has been run in this project")
    else:
        typer.echo(table_text([COLUMNS, *(_row(record) for record in records)]))
        if metrics:
            for record in records:
                typer.echo(f"\n{record['run']}\n{table_text(_metrics(record))}")


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    from contrastive_nas.execution.nested import flat

    nodes = record.get("nodes", [])
    ran = sum(node["ran"] for node in nodes)
    git = record["git"]
    given = flat(record.get("runtime_parameters") or {})
    return (
        record["run"],
        record["status"],
        record["experiment"],
        " ".join(cell_text(value) for value in record["asked"].values()) or "everything",
        " ".join(f"{name}={cell_text(value)}" for name, value in given) or "-",
        f"{ran}/{len(nodes)}",
        cell_text(record.get("seconds")),
        git.get("commit", "")[:10] + ("+changes" if git.get("dirty") else ""),
        cell_text(record["seeds"].get("seed")),
        record["machine"]["host"],
    )


def _in_full(record: dict[str, Any]) -> str:
    nodes = [
        (
            node["name"],
            "ran" if node["ran"] else "skipped" if "reason" in node else "left out",
            cell_text(node.get("seconds")),
            cell_text(node.get("peak_memory_mb")),
            node.get("reason", ""),
        )
        for node in record.get("nodes", [])
    ]
    parts = [table_text([COLUMNS, _row(record)])]
    parts.append(table_text([("node", "", "seconds", "MB", "reason"), *nodes]))
    parts.append(table_text(_metrics(record)))
    shown = ("seeds", "machine", "libraries", "git", "parameters")
    parts.extend(f"{name}: {json.dumps(record[name], indent=1)}" for name in shown)
    if "error" in record:
        parts.append(f"error: {record['error']}")
    return "\n\n".join(part for part in parts if part)


def _metrics(record: dict[str, Any]) -> list[tuple[str, ...]]:
    return [(name, cell_text(value)) for name, value in record.get("metrics", {}).items()]


def export(
    name: Annotated[str, typer.Argument(metavar="RUN", help="Beginning of a run's name, or latest.")],
    folder: Annotated[Path, typer.Argument(help="New folder to copy the results to.")],
) -> None:
    """Copy all results of one run, and its record, into a folder.

    The folder data/ shows the last version of every result, which may come from different runs.
    """
    project = find_project()
    from contrastive_nas.execution.exporting import export_run
    from contrastive_nas.execution.run_history import find_run, read_runs

    for path in export_run(project, find_run(read_runs(project), name), folder):
        typer.echo(path)


def clean(
    older_than: Annotated[
        str | None, typer.Option(help="Keep runs that are at most this old: 12h, 30d or 8w.", metavar="TIME")
    ] = None,
    keep: Annotated[int | None, typer.Option(min=0, help="Number of latest runs to keep.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
) -> None:
    """Remove results that no kept run made or used, after listing them and asking.

    With both options, a run is kept if either keeps it. The versions that data/ shows always stay, as do all
    records of runs.
    """
    if older_than is None and keep is None:
        raise typer.BadParameter("say which runs to keep: --older-than or --keep")
    project = find_project()
    from contrastive_nas.execution.cleaning import find_garbage, free
    from contrastive_nas.execution.run_history import read_runs

    records = read_runs(project)
    now = time.time()
    threshold = now - _seconds(older_than) if older_than is not None else now
    recent = [run for run in records if _start(run) >= threshold]
    last = records[max(0, len(records) - keep) :] if keep is not None else []
    kept = {run["run"]: run for run in [*recent, *last]}
    # A killed run that is kept keeps the work that it did not finish.
    oldest = min([threshold, *map(_start, kept.values())])
    garbage = find_garbage(project, kept.values(), oldest)
    for item in garbage:
        typer.echo(f"{item.size / 1e6:10.2f} MB  {item.path.relative_to(project)}  {item.reason}")
    total = sum(item.size for item in garbage) / 1e6
    typer.echo(
        f"{len(kept)} of {len(records)} runs are kept; {len(garbage)} folders, {total:.2f} MB can be removed"
    )
    if garbage and (yes or typer.confirm("Remove them?")):
        free(project, garbage, kept.values(), oldest)
        typer.echo("removed")


def _start(run: dict[str, Any]) -> float:
    return datetime.fromisoformat(run["started"]).timestamp()


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)([hdw])", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a time: use 12h, 30d or 8w")
    return int(found[1]) * SECONDS[found[2]]


def project_folder() -> Path | None:
    """Return the project that the current folder belongs to; None where it belongs to none.

    Raises:
        InputError: Kedro, which is imported here, cannot read its logging file.
    """
    from contrastive_nas.execution.logging_file import import_kedro

    import_kedro()
    from kedro.utils import find_kedro_project

    found = find_kedro_project(Path.cwd())
    return None if found is None else Path(found)


def find_project() -> Path:
    """Return the project that the current folder belongs to.

    Raises:
        InputError: it belongs to none, or Kedro cannot read its logging file.
    """
    found = project_folder()
    if found is None:
        raise InputError(f"{Path.cwd()} is not inside a Kedro project: change to the project's folder first")
    return found
