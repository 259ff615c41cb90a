"""``contrastive-nas inspect``, ``sample``, ``rank``, ``evaluate``: tables of networks, and trained ones."""

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contrastive_nas.errors import InputError, instead

if TYPE_CHECKING:
    from contrastive_nas.tables.reading import SourceTable

# Images of satellites and tissue have some ten thousand pixels a side; more is a slip of the keyboard.
_LARGEST_SIDE = 65_536
# Libraries that draw random numbers take no larger one.
_LARGEST_SEED = 2**32 - 1
# Of drawing: a small space may run out of new architectures.
ROUNDS = 50


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


def sample(
    space: Annotated[str, typer.Argument(help="A space's name, or file.py:Class.")],
    file: Annotated[Path, typer.Argument(help="The CSV file to be written.")],
    count: Annotated[int, typer.Option(min=2, help="How many different architectures.")] = 500,
    seed: Annotated[int, typer.Option(min=0, max=_LARGEST_SEED, help="Of the sample.")] = 0,
    options: Annotated[str, typer.Option(help="Options of the space, as JSON.")] = "{}",
) -> None:
    """Writes random architectures of SPACE to FILE: where a search begins in a space that has no table."""
    import numpy as np
    import pandas as pd

    from contrastive_nas.files import atomic_path
    from contrastive_nas.spaces import load_space

    known, rng = load_space(space, **_parse_options(options)), np.random.default_rng(seed)
    found: dict[str, None] = {}
    for _ in range(ROUNDS):
        if len(found) < count:
            found.update(dict.fromkeys(known.sample(rng, count - len(found))))
    with atomic_path(file) as path:
        pd.DataFrame({"architecture": list(found)}).to_csv(path, index=False)
    typer.echo(f"{len(found)} architectures of {known.name} in {file}")


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
    seed: Annotated[int, typer.Option(min=0, max=_LARGEST_SEED, help="Of all that is random.")] = 0,
    options: Annotated[str, typer.Option(help="Options of the space, as JSON.")] = "{}",
) -> None:
    """Ranks networks before they are trained, by what labelled spaces taught and by those that were.

    The probability shown is that of beating another network of the list.
    """
    import numpy as np

    from contrastive_nas.files import atomic_path
    from contrastive_nas.ranking import rank as ranking
    from contrastive_nas.spaces import load_space
    from contrastive_nas.tables.reading import read_graphs, read_labelled_graphs, read_table

    if labels is not None and file is None:
        raise typer.BadParameter("--labels names a column of --file")
    size = None if image_size is None else _parse_image_size(image_size)
    if size is not None and (file is None or space is not None):
        raise typer.BadParameter("--image-size is that of ONNX networks, which are given by --file alone")
    if space is None:
        if file is None or architectures or sample:
            raise typer.BadParameter("say whose architectures these are with --space, or name a --file")
        known = {}
        if labels is None:
            graphs = dict(read_graphs(file, source=_format(file), image_size=size))
        else:
            read, graphs = read_labelled_graphs(file, source=_format(file), image_size=size)
            known = _labels(read, labels)
        table = ranking.rank_graphs(
            list(graphs), list(graphs.values()), labels=known, ranker=ranker, seed=seed
        )
    else:
        own = load_space(space, **_parse_options(options))
        listed, known = [own.read(given) for given in architectures or []], {}
        if file is not None:
            if file.suffix == ".py":
                raise typer.BadParameter(
                    "a Python file of networks is ranked by --file alone, without a space"
                )
            read = read_table(file, space=space, metrics=[], validate=own.read)
            listed += read.frame["architecture"].tolist()
            known = {} if labels is None else _labels(read, labels)
        listed += own.sample(np.random.default_rng(seed), sample)
        table = ranking.rank(own, listed, labels=known, ranker=ranker, seed=seed)
    shown = table.head(top).round({"score": 3, "win_probability": 3})
    typer.echo(shown.to_string(index=False, max_colwidth=None))
    typer.echo(f"{len(table)} networks, ranked {f'with {len(known)} labels' if known else 'without labels'}")
    if table["score"].nunique() == 1:
        typer.echo("all have one score, so the order says nothing: to this ranker these networks are alike")
    if table.attrs["similarity"]:
        typer.echo(_likeness(table.attrs["similarity"], labelled=bool(known)))
    if output is not None:
        with atomic_path(output) as path:
            table.to_csv(path, index=False)


def evaluate(
    weights: Annotated[Path, typer.Argument(help="Exported weights, network.safetensors.")],
    data: Annotated[
        str,
        typer.Argument(
            help="Test images: 'digits', a folder with one folder per class, Parquet files, or tar shards."
        ),
    ],
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that decode images.")] = 0,
    max_corrupt: Annotated[int, typer.Option(min=0, help="Corrupt images that are let through.")] = 0,
) -> None:
    """Tests the network in WEIGHTS on the images in DATA, beside the accuracy that its file reports."""
    from contrastive_nas.training.evaluate import evaluate_network

    found = evaluate_network(weights, data, device, workers, max_corrupt)
    header, score = found.header, found.score
    typer.echo(f"{header.name.space} {header.name.architecture}")
    typer.echo(f"{score.images} images, {found.corrupt} corrupt ones left out")
    typer.echo(
        f"top-1 {score.top1_accuracy:.3f} % (reported {header.test_top1_accuracy:.3f} % on {header.dataset})"
    )
    typer.echo(f"top-5 {score.top5_accuracy:.3f} % (reported {header.test_top5_accuracy:.3f} %)")


def _likeness(similarity: dict[str, float], *, labelled: bool) -> str:
    from contrastive_nas.ranking.transfer.ranker import NEAR

    ordered = sorted(similarity.items(), key=lambda pair: -pair[1])
    found = "like " + ", ".join(f"{space} {alike:.2f}" for space, alike in ordered)
    if labelled or ordered[0][1] >= NEAR:
        return found
    return f"{found}: none is near, so trust this little; parameters may rank better, and labels help"


def _labels(table: "SourceTable", column: str) -> dict[str, float]:
    """The numbers of a column that are there, by architecture."""
    from contrastive_nas.tables.parsing.headers import alike

    columns = [name for name in table.frame.columns if name != "architecture"]
    asked, column = column, alike(column, columns)
    if column not in columns:
        raise InputError(f"{table.file}: there is no column {asked} of labels{instead(asked, columns)}")
    given = table.frame.loc[table.frame[column].notna(), ["architecture", column]]
    if given.empty:
        raise InputError(f"{table.file}: column {column} is empty")
    return {name: _number(value, f"{table.file}: {column} of {name}") for name, value in given.to_numpy()}


def _number(value: object, where: str) -> float:
    try:
        number = math.nan if isinstance(value, str) and "_" in value else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            f"{where} is no number but {value!r:.60}; leave it empty where a network was not trained"
        )
    return number


def _format(file: Path) -> str:
    """Python files are run, so they are read only where they are named as such."""
    return "python_file" if file.suffix == ".py" else "auto"


def _parse_image_size(text: str) -> tuple[int, int]:
    """Height and width, ``224x160``; one number stands for both.

    Raises:
        InputError: it is neither, or a side is of no pixels or of too many.
    """
    found = re.fullmatch(r"\s*(\d{1,6})(?:\s*[xX]\s*(\d{1,6}))?\s*", text)
    height, width = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not (0 < height <= _LARGEST_SIDE and 0 < width <= _LARGEST_SIDE):
        raise InputError(
            f"image size {text!r:.60} is no HEIGHTxWIDTH, nor one number from 1 to {_LARGEST_SIDE}"
        )
    return height, width


def _parse_options(text: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        InputError: it is none.
    """
    try:
        options = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"options {text!r} are no JSON: {error}") from None
    if not isinstance(options, dict):
        raise InputError(f"options {text!r} are no JSON object")
    return options
