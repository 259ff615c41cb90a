"""``contrastive-nas inspect``, ``sample``, ``evaluate``: tables of networks, and trained ones."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from contrastive_nas.command_line.output import AsJson, Quiet, show_json
from contrastive_nas.errors import InputError
from contrastive_nas.quantities import LARGEST_SEED

# Of drawing: a small space may run out of new architectures.
ROUNDS = 50


def inspect(
    file: Annotated[Path, typer.Argument(help="A benchmark file or folder, in any format that can be read.")],
    source: Annotated[str, typer.Option(help="Format of the file; auto detects it.")] = "auto",
    space: Annotated[
        str | None, typer.Option(help="Search space of the file, if it does not name one.")
    ] = None,
    rows: Annotated[int, typer.Option(min=0, help="Number of rows to show.")] = 5,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show what FILE is: its format, architectures, accuracies, first rows and problems."""
    from contrastive_nas.tables import describe_file

    found = describe_file(file, source=source, space=space, rows=rows)
    if as_json:
        show_json(found.as_data())
    else:
        typer.echo(found.in_words())


def sample(
    space: Annotated[str, typer.Argument(help="A space's name, or file.py:Class.")],
    file: Annotated[Path, typer.Argument(help="CSV file to write.")],
    count: Annotated[int, typer.Option(min=2, help="Number of different architectures.")] = 500,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Random seed of the sample.")] = 0,
    options: Annotated[str, typer.Option(help="Options of the space, as JSON.")] = "{}",
    quiet: Quiet = False,
) -> None:
    """Write random architectures of SPACE to FILE, as the table that a search needs."""
    import numpy as np
    import pandas as pd

    from contrastive_nas.files import atomic_path
    from contrastive_nas.spaces import load_space

    known, rng = load_space(space, **parse_options(options)), np.random.default_rng(seed)
    found: dict[str, None] = {}
    for _ in range(ROUNDS):
        if len(found) < count:
            found.update(dict.fromkeys(map(known.read, known.sample(rng, count - len(found)))))
    with atomic_path(file) as path:
        pd.DataFrame({"architecture": list(found)}).to_csv(path, index=False)
    fewer = "" if len(found) >= count else "; more different ones were not found"
    typer.echo(f"{len(found)} architectures of {known.name} in {file}{fewer}")


def evaluate(
    weights: Annotated[Path, typer.Argument(help="Exported weights, network.safetensors.")],
    data: Annotated[
        str,
        typer.Argument(
            help="Test images: 'digits', a folder with one folder per class, Parquet files, or tar shards."
        ),
    ],
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Number of processes that decode images.")] = 0,
    max_corrupt: Annotated[
        int, typer.Option(min=0, help="Number of corrupt images to skip; more end the command.")
    ] = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test the exported network WEIGHTS on the images DATA, and show the accuracy reported in its file."""
    from contrastive_nas.training.evaluate import evaluate_network

    found = evaluate_network(weights, data, device, workers, max_corrupt)
    header, score = found.header, found.score
    if as_json:
        show_json(
            {
                "space": header.name.space,
                "architecture": header.name.architecture,
                "images": score.images,
                "corrupt_images": found.corrupt,
                "top1_accuracy": score.top1_accuracy,
                "top5_accuracy": score.top5_accuracy,
                "reported_dataset": header.dataset,
                "reported_top1_accuracy": header.test_top1_accuracy,
                "reported_top5_accuracy": header.test_top5_accuracy,
            }
        )
        return
    typer.echo(f"{header.name.space} {header.name.architecture}")
    typer.echo(f"{score.images} images, {found.corrupt} corrupt ones left out")
    typer.echo(
        f"top-1 {score.top1_accuracy:.3f} % (reported {header.test_top1_accuracy:.3f} % on {header.dataset})"
    )
    typer.echo(f"top-5 {score.top5_accuracy:.3f} % (reported {header.test_top5_accuracy:.3f} %)")


def parse_options(text: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        InputError: it is none.
    """
    try:
        options = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"--options {text!r} is not valid JSON: {error}") from None
    if not isinstance(options, dict):
        raise InputError(f"--options {text!r} is not a JSON object")
    return options
