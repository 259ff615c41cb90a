"""Trained networks as files: safetensors with a header, and back."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.training.data.prepare import Preprocessing
from contrastive_nas.training.network import Built, NetworkName, build_network

SCHEMA = 1
_HEADER = "network"


@dataclass(frozen=True)
class Header:
    """What a file of weights says about itself, enough to rebuild the network and to feed it.

    Attributes:
        name: space and architecture.
        preprocessing: of its images.
        classes: their names, or their numbers as words.
        dataset: what it was trained on.
        recipe: how.
        test_top1_accuracy: percent, as reported after training.
        test_top5_accuracy: percent, as reported after training.
    """

    name: NetworkName
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    dataset: str
    recipe: str
    test_top1_accuracy: float
    test_top5_accuracy: float


def save_network(network: nn.Module, header: Header, path: Path) -> None:
    """Write weights and header as one safetensors file."""
    content = json.dumps({"schema": SCHEMA} | asdict(header), sort_keys=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    with atomic_path(path) as partial:
        save_file(tensors, partial, metadata={_HEADER: content})


def load_network(path: Path) -> tuple[Built, Header]:
    """Return the network of a file of weights, with these weights.

    Raises:
        InputError: not such a file, or its weights do not fit its architecture.
    """
    header = read_header(path)
    built = build_network(header.name, header.preprocessing.size)
    try:
        built.network.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise InputError(f"{path}: the weights do not fit {header.name.architecture!r}: {error}") from None
    return built, header


def read_header(path: Path) -> Header:
    """Return the header of a file of weights.

    Raises:
        InputError: not such a file, or of a newer version.
    """
    try:
        with safe_open(path, framework="pt") as file:
            content: dict[str, Any] = json.loads((file.metadata() or {})[_HEADER])
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is not a file of weights of this project: {error!r}") from None
    if content.pop("schema", None) != SCHEMA:
        raise InputError(f"{path} has another schema version than {SCHEMA}")
    preprocessing = content.pop("preprocessing")
    for key in ("mean", "std"):
        preprocessing[key] = tuple(preprocessing[key])
    return Header(
        name=NetworkName(**content.pop("name")),
        preprocessing=Preprocessing(**preprocessing),
        classes=tuple(content.pop("classes")),
        **content,
    )
