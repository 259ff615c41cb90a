"""Checks parameters against the types of the nodes that take them, before anything runs."""

import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from pydantic import TypeAdapter, ValidationError

from contrastive_nas.errors import InputError, instead
from contrastive_nas.typed import describe_validation, is_model

PREFIX = "params:"


def check_parameters(raw: Mapping[str, Any], pipelines: Mapping[str, Pipeline]) -> dict[str, Any]:
    """Return the parameters as their nodes want them.

    Every block must be taken by some node of ``pipelines``: what nobody takes is a slip of the pen, and a run
    that leaves it out silently would be a run of something else.

    Raises:
        InputError: unknown, missing or unfit parameters; all of them are named.
    """
    types = parameter_types(pipelines)
    known = sorted({*types, *(name.partition(".")[0] for name in types)})
    problems = [f"parameter {name!r} is unknown{instead(name, known)}" for name in _unknown(raw, types)]
    checked = dict(raw)
    for name in sorted(types, key=lambda name: name.count(".")):
        checked, found = _checked(checked, name, types[name])
        problems += found
    if problems:
        raise InputError("; ".join(dict.fromkeys(problems)))
    return checked


def parameter_types(pipelines: Mapping[str, Pipeline]) -> dict[str, Any]:
    """Return the annotation of every parameter that a node takes, by its dotted name."""
    nodes = {node.name: node for pipeline in pipelines.values() for node in pipeline.nodes}
    return {name: annotation for node in nodes.values() for name, annotation in _taken(node)}


def _taken(node: Node) -> Iterator[tuple[str, Any]]:
    try:
        arguments = inspect.signature(node.func).bind(*_positional(node), **_named(node)).arguments
        signature = inspect.signature(node.func).parameters
    except (TypeError, ValueError):
        return
    for argument, dataset in arguments.items():
        if isinstance(dataset, str) and dataset.startswith(PREFIX):
            yield dataset.removeprefix(PREFIX), _resolved(signature[argument].annotation, node)


def _positional(node: Node) -> list[str]:
    inputs = node._inputs
    return [] if isinstance(inputs, dict) else [inputs] if isinstance(inputs, str) else list(inputs or [])


def _named(node: Node) -> dict[str, str]:
    return dict(node._inputs) if isinstance(node._inputs, dict) else {}


def _resolved(annotation: Any, node: Node) -> Any:
    """The type behind an annotation; the others of a signature may name imports for type checkers only."""
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    namespace = vars(sys.modules[node.func.__module__])
    holder = type("Holder", (), {"__annotations__": {"value": annotation}})
    return inspect.get_annotations(holder, globals=dict(namespace), eval_str=True)["value"]


def _unknown(raw: Mapping[str, Any], types: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in raw.items():
        name = f"{prefix}{key}"
        if name in types:
            continue
        if isinstance(value, Mapping) and any(other.startswith(f"{name}.") for other in types):
            yield from _unknown(value, types, f"{name}.")
        else:
            yield name


def _checked(parameters: dict[str, Any], name: str, annotation: Any) -> tuple[dict[str, Any], list[str]]:
    try:
        return _replaced(parameters, name.split("."), annotation), []
    except ValidationError as error:
        return parameters, describe_validation(error, annotation, name)


def _replaced(block: Any, keys: list[str], annotation: Any) -> Any:
    """``block`` with the value at ``keys`` in its type; parts of a block that has its type already stay."""
    if not keys:
        # A file in which all values of a block are commented out leaves nothing of it.
        given = {} if block is None and is_model(annotation) else block
        return TypeAdapter(annotation).validate_python(given)
    if not isinstance(block, Mapping) or keys[0] not in block:
        return block
    return {**block, keys[0]: _replaced(block[keys[0]], keys[1:], annotation)}
