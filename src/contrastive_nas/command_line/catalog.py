"""What the package knows by name: search spaces and rankers."""

import inspect
import json
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def spaces(*, as_json: AsJson = False) -> None:
    """Lists the search spaces, with their sizes and image shapes."""
    from contrastive_nas.spaces import list_spaces, load_space

    rows = []
    for name in list_spaces():
        space = load_space(name)
        shape = " x ".join(map(str, space.input_shape))
        rows.append(
            {"space": name, "architectures": space.size, "image": shape, "about": _about(type(space))}
        )
    _show(rows, as_json)


def rankers(*, as_json: AsJson = False) -> None:
    """Lists the rankers, with what each does."""
    from contrastive_nas.ranking.registry import list_rankers, ranker_maker

    _show([{"ranker": name, "about": _about(ranker_maker(name))} for name in list_rankers()], as_json)


def _about(known: Callable[..., Any]) -> str:
    """The first line of its docstring; a partial function has that of the function."""
    text = inspect.getdoc(known.func if isinstance(known, partial) else known) or ""
    return text.partition("\n")[0].removesuffix(".")


def _show(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (f"{cell:{width}}" for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _cell(value: object) -> str:
    return value if isinstance(value, str) else f"{value:.3g}" if isinstance(value, int) else ""
