"""``contrastive-nas``: the project's own commands.

A command's file imports only what its options need; its work is imported when it runs.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from contrastive_nas import __version__
from contrastive_nas.command_line.catalog import rankers, spaces
from contrastive_nas.command_line.networks import evaluate, inspect, sample
from contrastive_nas.command_line.ranking import rank
from contrastive_nas.command_line.runs import clean, export, runs
from contrastive_nas.errors import InputError

COMMANDS = (runs, export, clean, inspect, sample, rank, evaluate, spaces, rankers)


class OneMessage(TyperGroup):
    """Shows progress and warnings as lines, and what a user can mend as one line."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with _lines():
                return super().invoke(ctx)
        except InputError as error:
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(1) from None
        except OSError as error:
            # A file that cannot be written or read; what names none is no file of the user's.
            if error.filename is None:
                raise
            typer.echo(f"Error: {error.filename2 or error.filename}: {error.strerror}", err=True)
            raise typer.Exit(1) from None


@contextmanager
def _lines() -> Iterator[None]:
    """What this package logs goes to standard error, where nothing else takes it."""
    logger = logging.getLogger("contrastive_nas")
    handler, level = logging.StreamHandler(), logger.level
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


app = typer.Typer(
    name="contrastive-nas",
    cls=OneMessage,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    app.command()(command)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"contrastive-nas {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Neural architecture search across search spaces."""
