"""``contrastive-nas evaluate WEIGHTS DATA``: the accuracy of an exported network, from its file alone."""

from pathlib import Path
from typing import Annotated

import typer


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
