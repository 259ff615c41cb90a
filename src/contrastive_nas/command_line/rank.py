"""``contrastive-nas rank``: a user's networks in order, without any label."""

from pathlib import Path
from typing import Annotated

import typer

from contrastive_nas.command_line.options import parse_options


def rank(
    architectures: Annotated[
        list[str] | None, typer.Argument(help="Architectures of the space, in its own spelling.")
    ] = None,
    space: Annotated[str | None, typer.Option(help="A space's name, or file.py:Class.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="A table of architectures of the space; without a space, a folder of ONNX networks or a "
            "Python file with a function networks()."
        ),
    ] = None,
    sample: Annotated[int, typer.Option(min=0, help="Also so many random architectures of the space.")] = 0,
    top: Annotated[int, typer.Option(min=1, help="How many are shown.")] = 20,
    output: Annotated[Path | None, typer.Option(help="A CSV file for the whole ranking.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of random architectures.")] = 0,
    options: Annotated[str, typer.Option(help="Options of the space, as JSON.")] = "{}",
) -> None:
    """Ranks networks before any of them is trained, by what labelled spaces taught.

    The probability shown is that of beating another network of the list.
    """
    import numpy as np

    from contrastive_nas.files import atomic_path
    from contrastive_nas.learning import rank as ranking
    from contrastive_nas.sources.reading import read_graphs, read_table
    from contrastive_nas.spaces import load_space

    if space is None:
        if file is None or architectures or sample:
            raise typer.BadParameter("say whose architectures these are with --space, or name a --file")
        names, graphs = zip(*read_graphs(file, source=_format(file)), strict=True)
        table = ranking.rank_graphs(names, graphs)
    else:
        known = load_space(space, **parse_options(options))
        listed = list(architectures or [])
        if file is not None:
            read = read_table(file, space=space, metrics=[], validate=known.validate)
            listed += read.frame["architecture"].tolist()
        listed += known.sample(np.random.default_rng(seed), sample)
        table = ranking.rank(known, listed, seed=seed)
    shown = table.head(top).round({"score": 3, "win_probability": 3})
    typer.echo(shown.to_string(index=False, max_colwidth=None))
    typer.echo(f"{len(table)} networks, ranked without labels")
    if output is not None:
        with atomic_path(output) as path:
            table.to_csv(path, index=False)


def _format(file: Path) -> str:
    """Python files are run, so they are read only where they are named as such."""
    return "python_file" if file.suffix == ".py" else "auto"
