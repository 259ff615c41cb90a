"""Recurrent layers among the nodes of a graph: several nodes, the last of which has the settings of all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from contrastive_nas.graphs.operations import Operation

FUNCTIONS = ("lstm", "gru", "rnn_tanh", "rnn_relu")


@dataclass(frozen=True)
class RecurrentLayer:
    """One call of a recurrent layer.

    Attributes:
        source: node that gives the sequence.
        maps: linear layers of the inputs and of the states, of each layer in each direction.
        inside: all nodes but the last one.
    """

    source: int
    maps: list[tuple[int, int]]
    inside: set[int]


def find(
    op: Sequence[int], sources: Sequence[Sequence[int]], node: int, values: Mapping[str, Any]
) -> RecurrentLayer:
    """The layer whose last node is ``node``, with settings ``values``."""
    maps: list[tuple[int, int]] = []
    inside: set[int] = set()
    last = node
    for _ in range(values["num_layers"]):
        inside.add(last)
        sides = list(sources[last]) if values["bidirectional"] else [last]
        found = [_maps(op, sources, side) for side in sides]
        for side, (mapped, repeated) in zip(sides, found, strict=True):
            inside |= {side, sources[side][0], mapped, repeated, sources[repeated][0]}
        maps[:0] = found
        last = sources[found[0][0]][0]
    return RecurrentLayer(last, maps, inside - {node})


def _maps(op: Sequence[int], sources: Sequence[Sequence[int]], side: int) -> tuple[int, int]:
    """The linear layer of the inputs and that of the states, which are a slice of what the first gives."""
    one, other = sources[sources[side][0]]
    state = sources[other][0]
    return (one, other) if op[state] == Operation.SLICE and sources[state] == [one] else (other, one)


def run(
    layer: RecurrentLayer,
    x: Tensor,
    values: Mapping[str, Any],
    weights: Mapping[int, Sequence[Tensor]],
    constant: Callable[[int], Tensor],
    *,
    training: bool,
) -> Any:
    """All results of the layer."""
    parameters = []
    for mapped, repeated in layer.maps:
        pairs = zip(weights[mapped], weights[repeated], strict=True)
        parameters += [one for pair in pairs for one in pair]
    hidden = values["hx"]
    states: Any = (
        [constant(one).to(x) for one in hidden] if isinstance(hidden, list) else constant(hidden).to(x)
    )
    return getattr(torch, values["function"])(
        *(x, states, parameters, bool(values["has_biases"]), values["num_layers"], float(values["dropout"])),
        *(training, bool(values["bidirectional"]), bool(values["batch_first"])),
    )
