"""Inputs that a node can do without, depending on its parameters, and what would be made for these alone."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from contrastive_nas.execution.parameters import PREFIX

Function = TypeVar("Function", bound=Callable[..., Any])
_MARK = "inputs_to_do_without"


def does_without(argument: str, when: Callable[..., bool]) -> Callable[[Function], Function]:
    """Mark a node's function: the caching runner leaves an input out, and nodes that nothing else needs.

    Args:
        argument: name of the input, which has a default; the node must name its inputs.
        when: takes parameters of the node by the function's names for them, and tells whether the input is
            left out.
    """

    def mark(function: Function) -> Function:
        setattr(function, _MARK, {**getattr(function, _MARK, {}), argument: when})
        return function

    return mark


def needed_part(pipeline: Pipeline, catalog: CatalogProtocol) -> Pipeline:
    """Return the pipeline without inputs that its nodes do without, and without nodes that nothing else
    needs.

    Args:
        pipeline: what was asked for; its last nodes are needed in any case.
        catalog: has the parameters.
    """
    nodes = [_reduced(node, catalog) for node in pipeline.nodes]
    if nodes == pipeline.nodes:
        return pipeline
    taken = {name for node in pipeline.nodes for name in node.inputs}
    last = [node.name for node in pipeline.nodes if taken.isdisjoint(node.outputs)]
    return Pipeline(nodes).to_nodes(*last)


def _reduced(node: Node, catalog: CatalogProtocol) -> Node:
    marks: dict[str, Callable[..., bool]] = getattr(node.func, _MARK, {})
    inputs = node._inputs
    if not marks or not isinstance(inputs, dict):
        return node
    unneeded = [argument for argument, when in marks.items() if when(**_parameters(when, inputs, catalog))]
    kept = {argument: name for argument, name in inputs.items() if argument not in unneeded}
    return node._copy(inputs=kept) if unneeded else node


def _parameters(
    when: Callable[..., bool], inputs: dict[str, str], catalog: CatalogProtocol
) -> dict[str, Any]:
    names = {name: inputs[name] for name in inspect.signature(when).parameters}
    assert all(dataset.startswith(PREFIX) for dataset in names.values()), names
    return {name: catalog.load(dataset) for name, dataset in names.items()}
