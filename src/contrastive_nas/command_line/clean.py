"""``contrastive-nas clean``: frees what no kept run refers to."""

import re
import time
from datetime import datetime
from typing import Annotated, Any

import typer

from contrastive_nas.command_line.project import find_project

SECONDS = {"h": 3600, "d": 86400, "w": 7 * 86400}


def clean(
    older_than: Annotated[
        str | None, typer.Option(help="Keeps the runs of this time: 12h, 30d or 8w.", metavar="TIME")
    ] = None,
    keep: Annotated[int | None, typer.Option(min=0, help="Keeps this many last runs.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Does not ask.")] = False,
) -> None:
    """Shows, asks, and then removes versions of results that no kept run made or used.

    With both options a run is kept that either keeps. The versions that data/ shows always stay, as do all
    records of runs.
    """
    from contrastive_nas.execution.cleaning import find_garbage, free
    from contrastive_nas.execution.run_history import read_runs

    if older_than is None and keep is None:
        raise typer.BadParameter("say which runs to keep: --older-than or --keep")
    project = find_project()
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
    typer.echo(f"{len(kept)} of {len(records)} runs are kept; {len(garbage)} folders, {total:.2f} MB can go")
    if garbage and (yes or typer.confirm("Remove them?")):
        free(project, garbage, kept.values(), oldest)
        typer.echo("removed")


def _start(run: dict[str, Any]) -> float:
    return datetime.fromisoformat(run["started"]).timestamp()


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)([hdw])", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no time: use 12h, 30d or 8w")
    return int(found[1]) * SECONDS[found[2]]
