"""Supernets as files: safetensors with a header, and back."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.identity import described, digest
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.spaces.registry import load_space
from contrastive_nas.training.data.prepare import Preprocessing
from contrastive_nas.training.supernet.shared_weights import Supernet

SCHEMA = 1
_HEADER = "supernet"


@dataclass(frozen=True)
class SupernetHeader:
    """What a supernet's file says about itself.

    Attributes:
        space: name of the space, or ``file.py:Class``.
        space_options: its options.
        preprocessing: of the largest network's images; smaller networks have the same means and deviations.
        classes: their names, or their numbers as words.
        data: settings of the images that it was trained on; None where the file was made elsewhere.
        recipe: how, and by which schedule.
        train_images: number of training images; None for all that are not held out.
        valid_images: number of held-out training images.
    """

    space: str
    space_options: dict[str, Any]
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    data: dict[str, Any] | None
    recipe: str
    train_images: int | None
    valid_images: int


def save_supernet(supernet: Supernet, header: SupernetHeader, path: Path) -> None:
    """Write weights and header as one safetensors file."""
    content = json.dumps({"schema": SCHEMA} | asdict(header), sort_keys=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in supernet.state_dict().items()}
    with atomic_path(path) as partial:
        save_file(tensors, partial, metadata={_HEADER: content})


def load_supernet(path: Path, space: SearchSpace | None = None) -> tuple[Supernet, SupernetHeader]:
    """Return a trained supernet.

    Args:
        path: of its file.
        space: what its networks must be of; the file's own by default.

    Raises:
        InputError: no such file, of another space or other options, or its weights do not fit.
    """
    header = read_supernet_header(path)
    own = load_space(header.space, **header.space_options)
    if space is not None and _choices(space) != _choices(own):
        raise InputError(
            f"supernet {path} was trained for the space {header.space} with options {header.space_options}; "
            f"the experiment's space {space.name} has options {described(space._options or {})}: take those "
            "of the supernet, or train one for these"
        )
    supernet = Supernet(own)
    try:
        supernet.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise InputError(
            f"supernet {path}: the weights do not fit the space {header.space}: {error}"
        ) from None
    return supernet, header


def file_digest(path: Path) -> str:
    """Return sixteen hexadecimal digits that differ where the content of two files does."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def read_supernet_header(path: Path) -> SupernetHeader:
    """Return the header of a supernet's file.

    Raises:
        InputError: not such a file, or of another version.
    """
    if not path.exists():
        raise InputError(f"there is no supernet {path}: train one with `kedro run --pipeline supernet`")
    try:
        with safe_open(path, framework="pt") as file:
            content: dict[str, Any] = json.loads((file.metadata() or {})[_HEADER])
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is not a file of a supernet: {error!r}") from None
    if content.pop("schema", None) != SCHEMA:
        raise InputError(f"supernet {path} has another schema version than {SCHEMA}")
    preprocessing = content.pop("preprocessing")
    for key in ("mean", "std"):
        preprocessing[key] = tuple(preprocessing[key])
    classes = tuple(content.pop("classes"))
    return SupernetHeader(preprocessing=Preprocessing(**preprocessing), classes=classes, **content)


def _choices(space: SearchSpace) -> str:
    """What a supernet of a space depends on: its choices, and the options that it was made with."""
    options = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in (space._options or {}).items()
    }
    return digest([space.name, described(options), [[one.name, *one.options] for one in space.choices]])
