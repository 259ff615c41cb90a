"""``contrastive-nas rank``: a user's networks in order, without any label or with few."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contrastive_nas.command_line.options import parse_image_size, parse_options

if TYPE_CHECKING:
    from contrastive_nas.tables.reading import SourceTable


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
    labels: Annotated[
        str | None,
        typer.Option(
            help="The file's column of numbers to go by, higher being better, empty where a network was not "
            "trained. Columns named ..._accuracy are in percent."
        ),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(help="HEIGHTxWIDTH of an image, or one number, where ONNX networks leave them free."),
    ] = None,
    sample: Annotated[int, typer.Option(min=0, help="Also so many random architectures of the space.")] = 0,
    top: Annotated[int, typer.Option(min=1, help="How many are shown.")] = 20,
    output: Annotated[Path | None, typer.Option(help="A CSV file for the whole ranking.")] = None,
    ranker: Annotated[
        str, typer.Option(help="What ranks: a name, or file.py:Class of your own.")
    ] = "stacked",
    seed: Annotated[int, typer.Option(min=0, help="Of all that is random.")] = 0,
    options: Annotated[str, typer.Option(help="Options of the space, as JSON.")] = "{}",
) -> None:
    """Ranks networks before they are trained, by what labelled spaces taught and by those that were.

    The probability shown is that of beating another network of the list.
    """
    import numpy as np

    from contrastive_nas.files import atomic_path
    from contrastive_nas.ranking import rank as ranking
    from contrastive_nas.spaces import load_space
    from contrastive_nas.tables.reading import read_graphs, read_table

    if labels is not None and file is None:
        raise typer.BadParameter("--labels names a column of --file")
    size = None if image_size is None else parse_image_size(image_size)
    if size is not None and (file is None or space is not None):
        raise typer.BadParameter("--image-size is that of ONNX networks, which are given by --file alone")
    if space is None:
        if file is None or architectures or sample:
            raise typer.BadParameter("say whose architectures these are with --space, or name a --file")
        known = {}
        if labels is not None:
            known = _labels(read_table(file, source=_format(file), metrics=[]), labels)
        graphs = dict(read_graphs(file, source=_format(file), image_size=size))
        table = ranking.rank_graphs(
            list(graphs), list(graphs.values()), labels=known, ranker=ranker, seed=seed
        )
    else:
        own = load_space(space, **parse_options(options))
        listed, known = [own.read(given) for given in architectures or []], {}
        if file is not None:
            read = read_table(file, space=space, metrics=[], validate=own.read)
            listed += read.frame["architecture"].tolist()
            known = {} if labels is None else _labels(read, labels)
        listed += own.sample(np.random.default_rng(seed), sample)
        table = ranking.rank(own, listed, labels=known, ranker=ranker, seed=seed)
    shown = table.head(top).round({"score": 3, "win_probability": 3})
    typer.echo(shown.to_string(index=False, max_colwidth=None))
    typer.echo(f"{len(table)} networks, ranked {f'with {len(known)} labels' if known else 'without labels'}")
    if table.attrs["similarity"]:
        typer.echo(_likeness(table.attrs["similarity"], labelled=bool(known)))
    if output is not None:
        with atomic_path(output) as path:
            table.to_csv(path, index=False)


def _likeness(similarity: dict[str, float], *, labelled: bool) -> str:
    from contrastive_nas.ranking.transfer.ranker import NEAR

    ordered = sorted(similarity.items(), key=lambda pair: -pair[1])
    found = "like " + ", ".join(f"{space} {alike:.2f}" for space, alike in ordered)
    if labelled or ordered[0][1] >= NEAR:
        return found
    return f"{found}: none is near, so trust this little; parameters may rank better, and labels help"


def _labels(table: "SourceTable", column: str) -> dict[str, float]:
    """The numbers of a column that are there, by architecture."""
    from contrastive_nas.errors import InputError

    columns = [name for name in table.frame.columns if name != "architecture"]
    if column not in columns:
        found = ", ".join(columns) or "none"
        raise InputError(f"{table.file}: there is no column {column} of labels; there is {found}")
    given = table.frame.loc[table.frame[column].notna(), ["architecture", column]]
    if given.empty:
        raise InputError(f"{table.file}: column {column} is empty")
    return {name: _number(value, f"{table.file}: {column} of {name}") for name, value in given.to_numpy()}


def _number(value: object, where: str) -> float:
    from contrastive_nas.errors import InputError

    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise InputError(f"{where} is no number but {value!r:.60}") from error


def _format(file: Path) -> str:
    """Python files are run, so they are read only where they are named as such."""
    return "python_file" if file.suffix == ".py" else "auto"
