"""Weights on the disk: safetensors whose header says what they are."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.parameters import EncoderParameters

# 4: graphs hold the attributes of nodes, of which models read none.
SCHEMA_VERSION = 4
_VOCABULARY = {operation.name: int(operation) for operation in Operation}
_KEY = "contrastive_nas"


def save_encoder(encoder: Encoder, path: str | Path) -> None:
    """Write an encoder; equal weights give equal bytes.

    Raises:
        OSError: the file cannot be written.
    """
    write_weights(encoder, encoder_header(encoder) | {"model": "Encoder"}, path)


def load_encoder(path: str | Path) -> Encoder:
    """Return the encoder of a file that :func:`save_encoder` wrote.

    Raises:
        InputError: the file is missing, is no such file, or was written for another vocabulary or schema.
    """
    header, tensors = read_weights(path, "Encoder")
    encoder = encoder_of(header)
    fill(encoder, tensors, path)
    return encoder


def encoder_header(encoder: Encoder) -> dict[str, Any]:
    """Return what has to be known to make an encoder of this size."""
    return {
        "parameters": encoder.parameters_.model_dump(exclude={"engine"}),
        "statistics": encoder.statistics,
    }


def encoder_of(header: dict[str, Any]) -> Encoder:
    """Return an encoder of the size that a header states."""
    return Encoder(EncoderParameters(**header["parameters"]), header["statistics"])


def write_weights(model: nn.Module, header: dict[str, Any], path: str | Path) -> None:
    """Write a model's tensors with a header, which gets schema version and vocabulary."""
    header = {"schema_version": SCHEMA_VERSION, "vocabulary": _VOCABULARY, **header}
    tensors = {name: values.detach().cpu().contiguous() for name, values in model.state_dict().items()}
    with atomic_path(path) as partial:
        save_file(tensors, partial, metadata={_KEY: json.dumps(header, sort_keys=True)})


def read_weights(path: str | Path, model: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return header and tensors of a file that holds a model of this class.

    Raises:
        InputError: the file is missing, is no such file, or was written for another vocabulary or schema.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            # safetensors hands out views of the mapped file; clones outlive it.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        version, held = header["schema_version"], header["model"]
        vocabulary = header["vocabulary"]
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a file of weights of this project ({error})") from error
    if version != SCHEMA_VERSION:
        raise InputError(f"{path}: schema version {version}, this program reads {SCHEMA_VERSION}")
    # Operations appended since are fine: their embeddings were never trained, and are counted nowhere.
    moved = [name for name, number in vocabulary.items() if _VOCABULARY.get(name) != number]
    if moved:
        raise InputError(f"{path}: written for another vocabulary, {', '.join(moved)} have other numbers")
    if held != model:
        raise InputError(f"{path}: holds {held.lower()} weights, not those of a {model.lower()}")
    return header, tensors


def fill(model: nn.Module, tensors: dict[str, Tensor], path: str | Path) -> None:
    """Give a model its tensors, and turn it to inference.

    Raises:
        InputError: they are not those of such a model.
    """
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path}: not a file of weights of this project ({error})") from error
    model.eval()
