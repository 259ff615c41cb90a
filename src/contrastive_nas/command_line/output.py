"""What commands have in common: options about output, tables, JSON, and lines of progress."""

import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "K"))
_LOGGER = logging.getLogger("contrastive_nas")


def _hush(asked: bool) -> None:
    if asked:
        _LOGGER.setLevel(logging.ERROR)


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Print the result and errors alone: no progress and no warnings.",
        callback=_hush,
        is_eager=True,
    ),
]


@contextmanager
def log_lines() -> Iterator[None]:
    """Show what this package logs as lines on standard error; with ``--quiet`` errors alone."""
    handler, level = logging.StreamHandler(), _LOGGER.level
    handler.setFormatter(logging.Formatter("%(message)s"))
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
        _LOGGER.setLevel(level)


def show_json(value: Any) -> None:
    """Print plain data; numbers that are not finite, which JSON does not know, as null."""
    typer.echo(json.dumps(_finite(value), indent=1, ensure_ascii=False))


def show_rows(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows of the same columns, at least one, as a table under their names or as JSON."""
    if as_json:
        show_json(rows)
    else:
        typer.echo(table_text([list(rows[0]), *(map(_cell, row.values()) for row in rows)]))


def table_text(lines: Iterable[Iterable[str]]) -> str:
    """Return lines of cells with aligned columns."""
    lines = [list(line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    return "\n".join(aligned)


def short_number(number: int) -> str:
    """Return three digits and a unit: 4.09 G."""
    for size, unit in _UNITS:
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _cell(value: object) -> str:
    return value if isinstance(value, str) else f"{value:.3g}" if isinstance(value, int) else ""


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
