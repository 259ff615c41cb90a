"""Unfinished work on the disk, so that a killed computation continues where it was."""

import hashlib
import json
import logging
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file as save_arrays

from contrastive_nas.files import atomic_path

logger = logging.getLogger(__name__)
FORMAT = "1"
# A save may take at most this part of the time between two saves.
LARGEST_SHARE = 0.05


class Checkpoints:
    """Named states in a folder, saved at a bounded interval.

    A state is a nest of dictionaries, lists and tuples of None, truth values, numbers, strings, numpy arrays
    and torch tensors: ``state_dict()`` of modules and optimisers, ``rng.bit_generator.state`` and
    ``torch.get_rng_state()`` are states as they are. It comes back with the same types, shapes and bits,
    tensors on the CPU; dictionaries of any kind come back plain.

    Args:
        folder: where the states lie; without one nothing is kept and nothing is found.
        seconds: least time between two saves of :meth:`save_if_due`.
    """

    def __init__(self, folder: Path | None, seconds: float = 20.0) -> None:
        self._folder = folder
        self._seconds = seconds
        self._due = time.monotonic() + seconds

    @property
    def folder(self) -> Path | None:
        """For work that keeps files of its own, such as a ledger; None where nothing is kept."""
        return self._folder

    @property
    def seconds(self) -> float:
        """Least time between two saves, for work that saves by itself."""
        return self._seconds

    def load(self, name: str = "state") -> Any | None:
        """Return the state saved last under that name; None when there is none, or when it is damaged."""
        if self._folder is None or not self._file(name).exists():
            return None
        try:
            state = _read(self._file(name))
        except (SafetensorError, ValueError, KeyError) as error:
            logger.warning("checkpoint %s is damaged and not used: %s", self._file(name), error)
            return None
        logger.info("continuing from checkpoint %s", self._file(name))
        return state

    def save(self, state: Any, name: str = "state") -> None:
        """Keep a state, whole or not at all.

        Raises:
            TypeError: the state holds something that is not data.
        """
        if self._folder is None:
            return
        started = time.monotonic()
        with atomic_path(self._file(name)) as path:
            _write(state, path)
        ended = time.monotonic()
        self._due = ended + max(self._seconds, (ended - started) / LARGEST_SHARE)

    def save_if_due(self, make_state: Callable[[], Any], name: str = "state") -> None:
        """Save ``make_state()`` when the last save is long enough ago."""
        if self._folder is not None and time.monotonic() >= self._due:
            self.save(make_state(), name)

    def part(self, name: str) -> "Checkpoints":
        """Return checkpoints of a part of the work, in a folder below this one."""
        return Checkpoints(None if self._folder is None else self._folder / name, self._seconds)

    def remove(self) -> None:
        """Forget all states, those of the parts too."""
        if self._folder is not None and self._folder.exists():
            shutil.rmtree(self._folder)

    def _file(self, name: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{name}.safetensors"


def _write(state: Any, path: Path) -> None:
    tensors: list[Any] = []
    structure = json.dumps(_packed(state, tensors))
    digest = _digest(structure, tensors)
    named = {str(index): tensor for index, tensor in enumerate(tensors)}
    metadata = {"format": FORMAT, "structure": structure, "digest": digest}
    if not any(_is_tensor(tensor) for tensor in tensors):
        save_arrays(named, path, metadata)
        return
    import torch
    from safetensors.torch import save_file as save_tensors

    on_cpu = {name: value if _is_tensor(value) else torch.from_numpy(value) for name, value in named.items()}
    save_tensors(on_cpu, path, metadata)


def _read(path: Path) -> Any:
    with safe_open(path, framework="np") as file:
        metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise ValueError(f"its format is {metadata.get('format')!r}, not {FORMAT!r}")
        structure = json.loads(metadata["structure"])
        count = len(file.keys())
        tensors = [] if _holds_tensors(structure) else [file.get_tensor(str(index)) for index in range(count)]
    if _holds_tensors(structure):
        with safe_open(path, framework="pt") as file:
            tensors = [file.get_tensor(str(index)) for index in range(count)]
    if _digest(metadata["structure"], tensors) != metadata["digest"]:
        raise ValueError("its checksum is wrong")
    return _unpacked(structure, tensors)


def _packed(value: Any, tensors: list[Any]) -> Any:
    """``value`` as JSON, its arrays and tensors put at the end of ``tensors``."""
    if isinstance(value, np.ndarray | np.generic):
        # np.array, as ascontiguousarray would give a scalar a dimension.
        tensors.append(np.array(value, order="C"))
        return {"array" if isinstance(value, np.ndarray) else "number": len(tensors) - 1}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if _is_tensor(value):
        # A copy: views of one storage cannot be saved as they are.
        tensors.append(value.detach().cpu().contiguous().clone())
        return {"tensor": len(tensors) - 1}
    if isinstance(value, dict):
        return {"dict": [[_packed(key, tensors), _packed(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {"list" if isinstance(value, list) else "tuple": [_packed(item, tensors) for item in value]}
    raise TypeError(f"{type(value).__qualname__} cannot be part of a checkpoint: {value!r:.80}")


def _unpacked(packed: Any, tensors: list[Any]) -> Any:
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    if kind == "dict":
        return {_unpacked(key, tensors): _unpacked(item, tensors) for key, item in content}
    if kind in ("list", "tuple"):
        items = [_unpacked(item, tensors) for item in content]
        return items if kind == "list" else tuple(items)
    tensor = tensors[content]
    if kind == "tensor":
        return tensor
    array = tensor.numpy() if _is_tensor(tensor) else tensor
    return array if kind == "array" else array[()]


def _holds_tensors(packed: Any) -> bool:
    if isinstance(packed, dict):
        return "tensor" in packed or any(_holds_tensors(item) for item in packed.values())
    return isinstance(packed, list) and any(_holds_tensors(item) for item in packed)


def _digest(structure: str, tensors: list[Any]) -> str:
    digest = hashlib.sha256(structure.encode())
    for tensor in tensors:
        if _is_tensor(tensor):
            import torch

            digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
        else:
            digest.update(np.ascontiguousarray(tensor).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _is_tensor(value: Any) -> bool:
    # Whoever has a tensor has imported torch; nobody else shall wait for it.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)
