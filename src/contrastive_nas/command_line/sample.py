"""``contrastive-nas sample SPACE FILE``: some architectures of a space, as a table without accuracies."""

from pathlib import Path
from typing import Annotated

import typer

from contrastive_nas.command_line.options import parse_options

ROUNDS = 50


def sample(
    space: Annotated[str, typer.Argument(help="A space's name, or file.py:Class.")],
    file: Annotated[Path, typer.Argument(help="The CSV file to be written.")],
    count: Annotated[int, typer.Option(min=2, help="How many different architectures.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample.")] = 0,
    options: Annotated[str, typer.Option(help="Options of the space, as JSON.")] = "{}",
) -> None:
    """Writes random architectures of SPACE to FILE: where a search begins in a space that has no table."""
    import numpy as np
    import pandas as pd

    from contrastive_nas.files import atomic_path
    from contrastive_nas.spaces import load_space

    known, rng = load_space(space, **parse_options(options)), np.random.default_rng(seed)
    found: dict[str, None] = {}
    for _ in range(ROUNDS):
        if len(found) < count:
            found.update(dict.fromkeys(known.sample(rng, count - len(found))))
    with atomic_path(file) as path:
        pd.DataFrame({"architecture": list(found)}).to_csv(path, index=False)
    typer.echo(f"{len(found)} architectures of {known.name} in {file}")
