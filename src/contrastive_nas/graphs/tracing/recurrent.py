"""How recurrent layers become nodes.

A step of a recurrent layer maps its input and its state by a matrix each, adds both and takes gates of the
sum. Over a sequence these are a linear layer of all inputs and one of all states; a state is known by what it
is computed from, the mapped inputs. Gates multiply numbers, not matrices, and count nothing.
"""

from collections.abc import Sequence
from itertools import islice

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing import elementwise, layers
from contrastive_nas.graphs.tracing.calls import Call, Handlers, Result
from contrastive_nas.graphs.tracing.record import Constant, Value
from contrastive_nas.graphs.tracing.weights import layer_weights

HANDLERS = Handlers()
_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
Operand = Value | Constant


@HANDLERS.of("lstm", "gru", "rnn_tanh", "rnn_relu")
def _recurrent(call: Call) -> Result:
    """All layers of one call, in one or both directions; dropout between them is none."""
    if call["data"] is not None:
        return _unknown_lengths(call)
    states = call["hx"] if isinstance(call["hx"], list) else [call["hx"]]
    directions = 2 if call["bidirectional"] else 1
    tensors = iter(call["params"])
    x, ends = call.x, []
    count = len(call["params"]) // (call["num_layers"] * directions)
    for _ in range(call["num_layers"]):
        sides = [_side(call, x, list(islice(tensors, count)), states) for _ in range(directions)]
        x = sides[0]
        if directions == 2:
            x = layers.join(call.record, Operation.CONCAT, sides, (*x.shape[:-1], 2 * x.shape[-1]))
        ends.append(x)
    return [x, *(_last_state(call, ends, place) for place in range(1, len(call.shapes)))]


def _side(call: Call, x: Value, weights: Sequence[Constant], states: Sequence[Operand]) -> Value:
    """One layer in one direction."""
    biases = weights[2:4] if call["has_biases"] else (None, None)
    projection = weights[-1] if len(weights) in (3, 5) else None
    mapped = _linear(call, x, weights[0], biases[0])
    width = weights[1].shape[1]
    read = [
        elementwise.as_value(call.record, state, x)
        for state in states
        if isinstance(state, Value) or state.parameters
    ]
    state = call.record.add(Operation.SLICE, [mapped, *read], (*x.shape[:-1], width), last=True)
    return _step(call, mapped, _linear(call, state, weights[1], biases[1]), projection)


def _step(call: Call, mapped: Value, repeated: Value, projection: Constant | None = None) -> Value:
    total = layers.join(call.record, Operation.ADD, [mapped, repeated], mapped.shape)
    shape = (*mapped.shape[:-1], mapped.shape[-1] // _GATES[call.name])
    value = call.record.add(Operation.ELEMENTWISE, [total], shape, last=True, detail=(call.name,))
    return value if projection is None else _linear(call, value, projection, None)


def _linear(call: Call, x: Value, weight: Constant, bias: Constant | None) -> Value:
    held = layer_weights(call.record, weight, bias)
    return layers.linear(call.record, x, weight.shape, (*x.shape[:-1], weight.shape[0]), **held)


def _last_state(call: Call, ends: Sequence[Value], place: int) -> Value | None:
    """The states after the last step, of every layer."""
    if not call.is_read(place):
        return None
    return call.record.add(Operation.SLICE, ends, call.shapes[place])


@HANDLERS.of("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
def _cell(call: Call) -> Result:
    """One step, whose states are known."""
    states = call["hx"] if isinstance(call["hx"], list) else [call["hx"]]
    x = elementwise.as_value(call.record, call["input"], None)
    hidden, *memory = (elementwise.as_value(call.record, state, x) for state in states)
    mapped, repeated = (
        _linear(call, x, call["w_ih"], call["b_ih"]),
        _linear(call, hidden, call["w_hh"], call["b_hh"]),
    )
    total = layers.join(call.record, Operation.ADD, [mapped, repeated], mapped.shape)
    # A simple cell forgets its state; the others keep a part of it.
    kept = memory or ([hidden] if call.name == "gru_cell" else [])
    value = call.record.add(
        Operation.ELEMENTWISE, [total, *kept], hidden.shape, last=True, detail=(call.name,)
    )
    if not memory:
        return value
    output = call.record.add(
        Operation.ELEMENTWISE, [total, value], hidden.shape, last=True, detail=("output",)
    )
    return [output, value]


def _unknown_lengths(call: Call) -> Result:
    """Sequences of several lengths, packed into one."""
    parts = [part for constant in call.constants for part in constant.parameters]
    first, *others = call.shapes
    value = call.record.unknown_node(call.name, call.values, first, parts)
    return [value, *(call.record.unknown_node(call.name, [value], shape) for shape in others)]
