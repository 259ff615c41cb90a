"""Weights on the disk: safetensors whose header says what they are."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.ranking.comparator.comparator import Comparator, ComparatorShape
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.encoder.parameters import EncoderParameters
from contrastive_nas.ranking.gaussian_process.kernel import View

# 4: graphs hold the attributes of nodes, of which models read none.
SCHEMA_VERSION = 4
_VOCABULARY = {operation.name: int(operation) for operation in Operation}


def save_weights(model: Encoder | Comparator, path: str | Path) -> None:
    """Writes an encoder or a comparator; equal weights give equal bytes.

    Raises:
        OSError: the file cannot be written.
    """
    encoder = model.encoder if isinstance(model, Comparator) else model
    header: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "model": type(model).__name__,
        "parameters": encoder.parameters_.model_dump(exclude={"engine"}),
        "statistics": encoder.statistics,
        "vocabulary": _VOCABULARY,
    }
    if isinstance(model, Comparator):
        header["views"] = [[view.kernel, view.columns] for view in model.shape.views]
        header["support"] = model.shape.support
    tensors = {name: values.detach().cpu().contiguous() for name, values in model.state_dict().items()}
    with atomic_path(path) as partial:
        save_file(tensors, partial, metadata={"contrastive_nas": json.dumps(header, sort_keys=True)})


def load_encoder(path: str | Path) -> Encoder:
    """The encoder of a file that :func:`save_weights` wrote.

    Raises:
        InputError: the file is missing, is no such file, or was written for another vocabulary or schema.
    """
    model = _load(path)
    return model.encoder if isinstance(model, Comparator) else model


def load_comparator(path: str | Path) -> Comparator:
    """The comparator of a file that :func:`save_weights` wrote.

    Raises:
        InputError: as :func:`load_encoder`, or the file holds an encoder alone.
    """
    model = _load(path)
    if not isinstance(model, Comparator):
        raise InputError(f"{path}: holds an encoder, no comparator")
    return model


def _load(path: str | Path) -> Encoder | Comparator:
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["contrastive_nas"])
            # safetensors hands out views of the mapped file; clones outlive it.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        version = header["schema_version"]
        if version != SCHEMA_VERSION:
            raise InputError(f"{path}: schema version {version}, this program reads {SCHEMA_VERSION}")
        _check_vocabulary(path, header["vocabulary"])
        encoder = Encoder(EncoderParameters(**header["parameters"]), header["statistics"])
        model: Encoder | Comparator = encoder
        if header["model"] == "Comparator":
            model = Comparator(
                encoder, ComparatorShape(tuple(View(*view) for view in header["views"]), header["support"])
            )
        model.load_state_dict(tensors)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except InputError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: no weights of this project ({error})") from error
    return model.eval()


def _check_vocabulary(path: str | Path, vocabulary: dict[str, int]) -> None:
    # Operations appended since are fine: their embeddings were never trained, and are counted nowhere.
    moved = [name for name, number in vocabulary.items() if _VOCABULARY.get(name) != number]
    if moved:
        raise InputError(f"{path}: written for another vocabulary, {', '.join(moved)} have other numbers")
