"""What a node's result depends on, as data that can be compared, and as one checksum of it."""

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from kedro.pipeline.node import Node

from contrastive_nas.execution.code import closure, strings_in
from contrastive_nas.execution.datasets.raw_file import raw_folders
from contrastive_nas.execution.hashing import checksums_for
from contrastive_nas.execution.machine import library_versions
from contrastive_nas.execution.parameters import PREFIX

DEVICE = f"{PREFIX}device"
GPU_TAG = "gpu"
# Where these are absent there is no accelerator, and nobody has to wait for torch to say so.
ACCELERATORS = ("nvidia*", "kfd", "dxg")


class Unknowable(Exception):
    """Something that a node depends on cannot be told from one run to the next."""


@dataclass(frozen=True)
class Fingerprint:
    """Everything that a node's result depends on.

    Attributes:
        function: module and name.
        code: checksum of each module that it may run.
        libraries: version of each library that these import.
        parameters: the values that it takes.
        files: checksum of each file that a parameter names.
        inputs: fingerprint of each dataset that it takes.
        device: kind of device; empty for a node that uses none.
        outputs: names of what it makes.
    """

    function: str
    code: Mapping[str, str]
    libraries: Mapping[str, str]
    parameters: Mapping[str, Any]
    files: Mapping[str, str]
    inputs: Mapping[str, str]
    device: str
    outputs: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, as it is kept beside an artifact."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.loads(json.dumps(values, sort_keys=True, default=dict))

    @cached_property
    def checksum(self) -> str:
        """One checksum of everything."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()


def fingerprint(
    node: Node,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, str],
    formats: Mapping[str, str],
    project: Path,
) -> Fingerprint:
    """Return the fingerprint of a node.

    Args:
        parameters: value of each parameter input, by its name in the catalog.
        inputs: fingerprint of each other input.
        formats: what its outputs' datasets say about how they write.
        project: its folder; names of files in parameters are looked up there.

    Raises:
        Unknowable: with the reason.
    """
    function, extra = _function(node)
    values = {name: plain(value) for name, value in parameters.items() if name != DEVICE}
    strings = set(strings_in([*values.values(), extra]))
    code = closure(function.__module__, function.__qualname__, strings)
    if code.outdated:
        raise Unknowable(f"{', '.join(sorted(code.outdated))} was edited after this process had imported it")
    return Fingerprint(
        function=f"{function.__module__}:{function.__qualname__}" + (f" {extra}" if extra else ""),
        code={**code.modules, **formats},
        libraries=library_versions(code.libraries),
        parameters=values,
        files=dict(_named_files(strings, project)),
        inputs=inputs,
        device=device_kind(str(parameters.get(DEVICE, "auto"))) if uses_device(node) else "",
        outputs=tuple(node.outputs),
    )


def device_kind(name: str) -> str:
    """Return kind of device (``cpu``, ``cuda``) behind a parameter ``device``."""
    if name != "auto":
        return name.partition(":")[0]
    if not any(any(Path("/dev").glob(pattern)) for pattern in ACCELERATORS):
        return "cpu"
    from contrastive_nas.devices import pick_device

    return pick_device(name).type


def uses_device(node: Node) -> bool:
    """Tell whether a node's result depends on the kind of device."""
    return GPU_TAG in node.tags or DEVICE in node.inputs


def _function(node: Node) -> tuple[Callable[..., Any], Any]:
    """The function behind a node, and what is bound to it."""
    function, bound = node.func, []
    while isinstance(function, functools.partial) or hasattr(function, "__wrapped__"):
        if isinstance(function, functools.partial):
            bound.append(plain([*function.args, *function.keywords.items()]))
            function = function.func
        else:
            function = function.__wrapped__
    if not hasattr(function, "__qualname__"):
        raise Unknowable(f"{function!r} is not a function")
    cells = getattr(function, "__closure__", None)
    if cells:
        bound.append(plain([cell.cell_contents for cell in cells]))
    return function, bound


def plain(value: Any) -> Any:
    """Return a parameter's value as JSON knows it."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    try:
        return json.loads(json.dumps(value, sort_keys=True, default=_plain_part))
    except TypeError as error:
        raise Unknowable(f"{error}, and cannot be compared between runs") from error


def _plain_part(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a parameter is of type {type(value).__qualname__}")


def _named_files(strings: set[str], project: Path) -> Iterator[tuple[str, str]]:
    """Files that parameters name, relative to the project or among the raw data; folders only among these."""
    raw = raw_folders(project)
    for name in sorted(strings):
        if not name or len(name) > 255 or not name.isprintable():
            continue
        for place in (project, *raw):
            path = place / name
            if path.is_file() or (path.is_dir() and any(folder in path.parents for folder in raw)):
                yield name, checksums_for(project).of(path)
                break


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return what differs between two fingerprints as data, in words, the plainest first."""
    found: list[str] = []
    for part, word in (
        ("parameters", "parameter"),
        ("files", "file"),
        ("inputs", "input"),
        ("device", "device"),
        ("code", "module"),
        ("libraries", "library"),
        ("function", "function"),
        ("outputs", "outputs"),
    ):
        before, after = old.get(part), new.get(part)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += _differences(word, before, after)
        else:
            found.append(f"{word} changed from {before} to {after}")
    return found


def _differences(
    word: str, before: Mapping[str, Any], after: Mapping[str, Any], within: str = ""
) -> Iterator[str]:
    for key in sorted({*before, *after}):
        name, old, new = f"{within}{key}".removeprefix(PREFIX), before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(word, old, new, f"{name}.")
        elif key not in before or key not in after:
            yield f"{word} {name} is {'new' if key not in before else 'gone'}"
        elif word in ("parameter", "library"):
            yield f"{word} {name} changed from {_brief(old)} to {_brief(new)}"
        else:
            yield f"{word} {name} changed"


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
