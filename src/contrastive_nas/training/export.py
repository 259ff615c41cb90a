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
from contrastive_nas.training.results import WEIGHTS

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
    if not path.is_file():
        found = "it is a folder" if path.is_dir() else "there is no such file"
        raise InputError(f"{path}: {found}: name {WEIGHTS} of a retraining")
    try:
        with safe_open(path, framework="pt") as file:
            content: dict[str, Any] = json.loads((file.metadata() or {})[_HEADER])
    except KeyError:
        raise InputError(f"{path} was not written by this project: name {WEIGHTS} of a retraining") from None
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path} is damaged or no file of weights ({reason}): name {WEIGHTS} of a retraining"
        ) from None
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
