"""``contrastive-nas runs``: what was run, on what, and what came of it."""

import json
from typing import Annotated, Any

import typer

from contrastive_nas.command_line.project import find_project

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
    as_json: Annotated[bool, typer.Option("--json", help="Prints the full records.")] = False,
    metrics: Annotated[bool, typer.Option(help="Lists the metrics of every run.")] = False,
) -> None:
    """Lists the runs of this project, shows one in full, or compares two.

    A run is named by its beginning, or by the word latest.
    """
    from contrastive_nas.execution.run_history import compare_runs, find_run, read_runs

    records = read_runs(find_project())
    chosen = [find_run(records, name) for name in names or []]
    if len(chosen) > 2:
        raise typer.BadParameter("at most two runs can be named")
    if as_json:
        typer.echo(json.dumps(chosen or records, indent=1))
    elif len(chosen) == 2:
        rows = [(name, _text(left), _text(right)) for name, left, right in compare_runs(*chosen)]
        typer.echo(_table([("", chosen[0]["run"], chosen[1]["run"]), *rows]))
    elif chosen:
        typer.echo(_in_full(chosen[0]))
    elif not records:
        typer.echo("nothing has been run in this project")
    else:
        typer.echo(_table([COLUMNS, *(_row(record) for record in records)]))
        if metrics:
            for record in records:
                typer.echo(f"\n{record['run']}\n{_table(_metrics(record))}")


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    from contrastive_nas.execution.run_history import flat

    nodes = record.get("nodes", [])
    ran = sum(node["ran"] for node in nodes)
    git = record["git"]
    given = flat(record.get("runtime_parameters") or {})
    return (
        record["run"],
        record["status"],
        record["experiment"],
        " ".join(_text(value) for value in record["asked"].values()) or "everything",
        " ".join(f"{name}={_text(value)}" for name, value in given) or "-",
        f"{ran}/{len(nodes)}",
        _text(record.get("seconds")),
        git.get("commit", "")[:10] + ("+changes" if git.get("dirty") else ""),
        _text(record["seeds"].get("seed")),
        record["machine"]["host"],
    )


def _in_full(record: dict[str, Any]) -> str:
    nodes = [
        (
            node["name"],
            "ran" if node["ran"] else "skipped" if "reason" in node else "left out",
            _text(node.get("seconds")),
            _text(node.get("peak_memory_mb")),
            node.get("reason", ""),
        )
        for node in record.get("nodes", [])
    ]
    parts = [_table([COLUMNS, _row(record)])]
    parts.append(_table([("node", "", "seconds", "MB", "reason"), *nodes]))
    parts.append(_table(_metrics(record)))
    shown = ("seeds", "machine", "libraries", "git", "parameters")
    parts.extend(f"{name}: {json.dumps(record[name], indent=1)}" for name in shown)
    if "error" in record:
        parts.append(f"error: {record['error']}")
    return "\n\n".join(part for part in parts if part)


def _metrics(record: dict[str, Any]) -> list[tuple[str, ...]]:
    return [(name, _text(value)) for name, value in record.get("metrics", {}).items()]


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
