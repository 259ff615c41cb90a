"""``contrastive-nas inspect FILE``: what a benchmark file is and what is wrong with it."""

from pathlib import Path
from typing import Annotated

import typer


def inspect(
    file: Annotated[Path, typer.Argument(help="A benchmark file or folder, in any format that can be read.")],
    source: Annotated[str, typer.Option(help="Its format; auto tells it by content.")] = "auto",
    space: Annotated[
        str | None, typer.Option(help="Its search space, where the file does not say it.")
    ] = None,
    rows: Annotated[int, typer.Option(min=0, help="How many first rows are shown.")] = 5,
) -> None:
    """Says what FILE is: its format, architectures, accuracies, first rows, and the problems found in it."""
    from contrastive_nas.tables import describe_file

    typer.echo(describe_file(file, source=source, space=space, rows=rows))
