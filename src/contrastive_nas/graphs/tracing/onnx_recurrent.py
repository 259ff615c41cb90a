"""Recurrent layers of ONNX as linear layers and gates."""

from collections.abc import Sequence
from typing import Any

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing import layers
from contrastive_nas.graphs.tracing.onnx_calls import OnnxCall
from contrastive_nas.graphs.tracing.record import Constant, Dims, Recorder, Value


def recurrent(call: OnnxCall) -> list[Value]:
    """Return LSTM, GRU or RNN: the input times a matrix, the state of each step times another, for each
    direction.

    ``W`` is directions x gates * hidden x inputs, ``R`` directions x gates * hidden x hidden, ``B``
    directions x 2 * gates * hidden.
    """
    inputs, states = call.constant(1), call.constant(2)
    if inputs is None or states is None or not isinstance(call.arguments[0], Value):
        return [call.unknown(f"{call.operator} with computed weights")] * len(call.shapes)
    x = call.x
    hidden = states.shape[2]
    steps = x.shape[:2]
    sides = []
    for side in range(inputs.shape[0]):
        side_of = [_side(call, one, side) for one in (inputs, states)]
        sides.append(_direction(call.record, x, (*steps, hidden), side_of, bias=call.given(3)))
    initial = [call.value(place) for place in (5, 6) if _is_learned(call, place)]
    if len(sides) == 1 and not initial:
        whole = sides[0]
    else:
        whole = layers.join(call.record, Operation.CONCAT, [*sides, *initial], (*steps, len(sides) * hidden))
    values = []
    for place, shape in enumerate(call.shapes):
        if place == 0:
            values.append(call.record.add(Operation.RESHAPE, [whole], shape, last=True))
        else:
            values.append(call.record.add(Operation.SLICE, [whole], shape, last=True))
    return values


def _side(call: OnnxCall, weight: Constant, side: int) -> tuple[Dims, Any]:
    """Shape and key of the weights of one direction."""
    weights = call.weights(weight)
    return weight.shape[1:], (weights.key, side)


def _is_learned(call: OnnxCall, place: int) -> bool:
    argument, numbers = call.argument(place), call.numbers(place)
    if numbers is not None and not numbers.any():
        return False
    return isinstance(argument, Value) or (argument is not None and bool(argument.parameters))


def _direction(
    record: Recorder, x: Value, shape: Dims, weights: Sequence[tuple[Dims, Any]], *, bias: bool
) -> Value:
    """A recurrent layer in one direction: a linear layer of the input, one of the states, and their gates.

    Args:
        record: where to write.
        x: steps x batch x inputs, or batch x steps x inputs.
        shape: of the states of all steps.
        weights: shape (gates * hidden, inputs) and key of those of the input, then (gates * hidden, hidden)
            and key of those of the state.
        bias: whether both have a bias.
    """
    (first, first_key), (second, second_key) = weights
    gates = (*shape[:2], first[0])
    mapped = layers.linear(record, x, first, gates, bias=bias, key=first_key)
    state = record.add(Operation.SLICE, [mapped], shape, last=True)
    repeated = layers.linear(record, state, second, gates, bias=bias, key=second_key)
    summed = layers.join(record, Operation.ADD, [mapped, repeated], gates)
    return record.add(Operation.ELEMENTWISE, [summed], shape, last=True, detail=("gates",))
