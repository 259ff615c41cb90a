"""``contrastive-nas``: the project's own commands.

A command's file imports only what its options need; its work is imported when it runs.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from contrastive_nas import __version__
from contrastive_nas.command_line.catalog import rankers, spaces
from contrastive_nas.command_line.comparing import report
from contrastive_nas.command_line.doctor import doctor
from contrastive_nas.command_line.networks import evaluate, inspect, sample
from contrastive_nas.command_line.output import log_lines
from contrastive_nas.command_line.ranking import rank
from contrastive_nas.command_line.runs import clean, export, runs
from contrastive_nas.command_line.searching import search
from contrastive_nas.command_line.starting import init
from contrastive_nas.errors import InputError
from contrastive_nas.user_code import blame

COMMANDS = (
    rank,
    search,
    init,
    doctor,
    spaces,
    rankers,
    inspect,
    sample,
    evaluate,
    runs,
    report,
    export,
    clean,
)
# Exit code, as docs/command_line.md states it; that of wrong use is typer's own.
FAILED = 1
# What the system says of files, and what to do.
_ELSEWHERE = "check its permissions, or name another place"
REASONS = {
    errno.EISDIR: "it is a folder: name a file",
    errno.ENOTDIR: "a part of its path is a file and no folder: name another place",
    errno.ENOENT: "there is no such file or folder, and it cannot be made: name another place",
    errno.EACCES: f"permission denied: {_ELSEWHERE}",
    errno.EPERM: f"permission denied: {_ELSEWHERE}",
    errno.EROFS: f"the disk cannot be written: {_ELSEWHERE}",
    errno.ENOSPC: "no space is left on the disk: free some, or name another place",
}


class OneMessage(TyperGroup):
    """Shows progress and warnings as lines, and what a user can mend as one line."""

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> Any:
        if not args:  # typer shows the help, by an exception of its own
            return super().make_context(info_name, args, *more, **extra)
        with _one_line():
            return super().make_context(info_name, args, *more, **extra)

    def invoke(self, ctx: Any) -> Any:
        with _one_line(), log_lines():
            return super().invoke(ctx)


@contextmanager
def _one_line() -> Iterator[None]:
    """Ends the program with one line where a user can mend what is wrong."""
    try:
        yield
    except typer.TyperException as error:
        typer.echo(f"Error: {_wrong_use(error)}", err=True)
        raise typer.Exit(error.exit_code) from None
    except InputError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(FAILED) from None
    except OSError as error:
        # A file that cannot be written or read. What names none is no file of the user's, or a full disk.
        if error.filename is None and error.errno != errno.ENOSPC:
            raise
        reason = REASONS.get(error.errno or 0, error.strerror)
        typer.echo(f"Error: {error.filename2 or error.filename or 'the output'}: {reason}", err=True)
        raise typer.Exit(FAILED) from None
    except Exception as error:
        place = blame(error)
        if place is None:
            raise
        typer.echo(f"Error: {place}", err=True)
        raise typer.Exit(FAILED) from None


def _wrong_use(error: typer.TyperException) -> str:
    """What is wrong, and which command's help to read."""
    own = isinstance(error, typer.BadParameter) and error.param is None and error.param_hint is None
    text = " ".join((error.message if own else error.format_message()).split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return text if context is None else f"{text} (help: {context.command_path} --help)"


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
