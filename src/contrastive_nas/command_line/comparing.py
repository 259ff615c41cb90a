"""``contrastive-nas report``: two runs of a project on one page."""

from pathlib import Path
from typing import Annotated, Any

import typer

from contrastive_nas.command_line.runs import find_project
from contrastive_nas.errors import InputError

# Where pages go that are not the result of a node.
FOLDER = Path("data", "08_reporting", "comparisons")


def report(
    compare: Annotated[
        tuple[str, str],
        typer.Option(
            metavar="RUN RUN",
            help="Two runs with a search: the beginning of each name, or latest for the last run.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help=f"HTML file to write; by default one in {FOLDER} named after both runs."),
    ] = None,
) -> None:
    """Write a page that shows the searches of two runs side by side.

    `contrastive-nas runs` lists the runs. The page of a single run is made by
    `kedro run --pipeline report`.
    """
    project = find_project()
    from contrastive_nas.execution.run_history import read_runs
    from contrastive_nas.files import atomic_path
    from contrastive_nas.reporting.comparison_page import comparison_page, read_searched_run

    records = read_runs(project)
    chosen = _chosen(records, compare)
    _add_own_code(project)
    latest = records[::-1]
    page = comparison_page(*(read_searched_run(project, record, latest) for record in chosen))
    file = out or project / FOLDER / f"{chosen[0]['run']}_{chosen[1]['run']}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(file) as partial:
        partial.write_text(page, encoding="utf-8")
    typer.echo(file)


def _chosen(records: list[dict[str, Any]], names: tuple[str, str]) -> list[dict[str, Any]]:
    from contrastive_nas.execution.run_history import find_run
    from contrastive_nas.reporting.comparison_page import has_search

    try:
        chosen = [find_run(records, name) for name in names]
    except InputError as error:
        raise typer.BadParameter(f"--compare: {error}") from None
    if chosen[0]["run"] == chosen[1]["run"]:
        raise typer.BadParameter(f"--compare: {names[0]!r} and {names[1]!r} are the same run: name two")
    for record in chosen:
        if not has_search(record):
            raise typer.BadParameter(
                f"--compare: run {record['run']} has no finished search (it is {record['status']}): name a "
                "run of the pipeline search or report"
            )
    return chosen


def _add_own_code(project: Path) -> None:
    """Let a space that is a module of the project be found."""
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(project)
