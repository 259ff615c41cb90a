"""How those operators of ONNX become nodes that have weights, or that multiply tensors."""

import math
from collections.abc import Sequence

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURES
from contrastive_nas.graphs.tracing import einsum, elementwise, layers
from contrastive_nas.graphs.tracing.onnx_calls import Handler, OnnxCall
from contrastive_nas.graphs.tracing.onnx_recurrent import recurrent
from contrastive_nas.graphs.tracing.record import BATCH, Constant, Dims, Recorder, Value

_NORMS = {
    "BatchNormalization": Operation.BATCH_NORM,
    "LayerNormalization": Operation.LAYER_NORM,
    "GroupNormalization": Operation.GROUP_NORM,
    "InstanceNormalization": Operation.INSTANCE_NORM,
    "RMSNormalization": Operation.LAYER_NORM,
}
# A group norm in two operators: the norm of each group without weights, then those.
_NORMED, _SCALED = "normed groups", "scaled groups"


def _convolution(call: OnnxCall) -> Value:
    weight, x = call.constant(1), call.x
    if weight is None:
        # Weights that the network computes for each image: a product of two tensors.
        filters = call.value(1)
        product = layers.matrix_product(
            call.record, x, filters, call.shape, summed=math.prod(filters.shape[1:])
        )
        return _plus(call, product, 2)
    return _convolve(call, weight, bias=2, transposed=call.operator == "ConvTranspose")


def _deformable(call: OnnxCall) -> Value:
    """A convolution whose windows the network moves: offsets, and the mask, are read beside the image."""
    moved = [call.value(place) for place in (2, 4) if call.given(place)]
    weight = call.constant(1)
    if weight is None:
        return call.unknown("DeformConv with computed weights")
    return _convolve(call, weight, bias=3, reads=moved)


def _convolve(
    call: OnnxCall, weight: Constant, *, bias: int, reads: Sequence[Value] = (), transposed: bool = False
) -> Value:
    """A convolution; ``bias`` is the place of its bias among the arguments."""
    weights = call.weights(weight)
    return layers.convolution(
        call.record,
        call.x,
        weight.shape,
        call.shape,
        stride=call.attributes.get("strides", (1,)),
        dilation=call.attributes.get("dilations", (1,)),
        groups=call.attributes.get("group", 1),
        bias=call.given(bias),
        key=weights.key,
        beside=(*reads, *weights.beside),
        transposed=transposed,
    )


def _gemm(call: OnnxCall) -> Value:
    weight = call.constant(1)
    if weight is None or not isinstance(call.arguments[0], Value):
        left, right = call.value(0), call.value(1)
        summed = left.shape[0 if call.attributes.get("transA", 0) else -1]
        return _plus(call, layers.matrix_product(call.record, left, right, call.shape, summed=summed), 2)
    shape = weight.shape if call.attributes.get("transB", 0) else weight.shape[::-1]
    bias = call.constant(2)
    is_bias = bias is not None and math.prod(bias.shape) == shape[0]
    product = _linear(call, weight, shape, bias=is_bias and call.given(2))
    return product if is_bias else _plus(call, product, 2)


def _linear(call: OnnxCall, weight: Constant, shape: Dims, *, bias: bool) -> Value:
    weights = call.weights(weight)
    return layers.linear(
        call.record, call.x, shape, call.shape, bias=bias, key=weights.key, beside=weights.beside
    )


def _plus(call: OnnxCall, product: Value, position: int) -> Value:
    if not call.given(position):
        return product
    return elementwise.arithmetic(call.record, "add", product, call.value(position), call.shape)


def _matmul(call: OnnxCall) -> Value:
    left, weight = call.arguments[0], call.constant(1)
    if weight is not None and len(weight.shape) == 2 and isinstance(left, Value):
        return _linear(call, weight, weight.shape[::-1], bias=False)
    assert left is not None
    return layers.matrix_product(
        call.record, call.value(0), call.value(1), call.shape, summed=_unbatched(left.shape[-1])
    )


def _unbatched(size: int) -> int:
    """A size that may hold the batch, without it."""
    return size // BATCH if size and size % BATCH == 0 else size


def with_bias(call: OnnxCall) -> Value | None:
    """Return a product with a matrix plus a vector, which is a linear layer with bias; None if it is not
    that.
    """
    for position in (0, 1):
        x, bias = call.arguments[position], call.constant(1 - position)
        if not isinstance(x, Value) or bias is None or not bias.shape or not call.alone(position):
            continue
        row = call.record.nodes[x.node].row
        is_vector = math.prod(bias.shape) == bias.shape[-1] == row[FEATURES["out_shape"].start]
        if row[0] == Operation.LINEAR and not row[FEATURES["bias"].start] and is_vector:
            return _biased(call.record, x)
    return None


def _biased(record: Recorder, x: Value) -> Value:
    """The same layer with a bias, in place of the one without."""
    node = record.nodes[x.node]
    node.absorbed = True
    row = list(node.row)
    row[FEATURES["bias"].start] = 1
    value = record.unary(Operation(row[0]), x)
    record.nodes[value.node].row = tuple(row)
    record.nodes[value.node].sources[:] = node.sources
    return value


def _norm(call: OnnxCall) -> Value:
    if call.operator == "InstanceNormalization":
        groups = _normed_groups(call)
        if groups is not None:
            return groups
    weight = call.constant(1)
    if weight is None or isinstance(call.argument(2), Value):
        return _computed_norm(call)
    weights = None if _stands_in(call, 1, 1) else call.weights(weight)
    return layers.norm(
        call.record,
        _NORMS[call.operator],
        call.x,
        None if weights is None else weight.shape,
        bias=call.given(2) and not _stands_in(call, 2, 0),
        key=None if weights is None else weights.key,
        groups=call.attributes.get("num_groups", 0),
    )


def _stands_in(call: OnnxCall, position: int, number: float) -> bool:
    """Whether ones as scale or zeros as bias are no parameters: exporters write them for a norm without.

    PyTorch's exporters keep the names of parameters, and call what they computed ``val_`` and a number.
    """
    argument, numbers = call.constant(position), call.numbers(position)
    if argument is None or numbers is None or not (numbers == number).all():
        return False
    return not argument.parameters or str(argument.key).startswith("val_")


def _computed_norm(call: OnnxCall) -> Value:
    """A norm whose scale or bias the network computes: the norm, a product and a sum."""
    value = layers.norm(call.record, _NORMS[call.operator], call.x, None, bias=False)
    if call.given(1):
        value = layers.join(call.record, Operation.MUL, [value, call.value(1)], call.shape)
    return _plus(call, value, 2)


def _normed_groups(call: OnnxCall) -> Value | None:
    """A group norm without weights, which exporters write as instance norm of a view of the groups."""
    x = call.x
    view = call.record.nodes[x.node]
    if view.detail[:1] != ("view",) or len(x.shape) != 3:
        return None
    whole: Value = view.detail[1]
    channels, groups = layers.first_layout(whole).encoded[0], x.shape[1]
    if channels == groups or channels % groups or math.prod(whole.shape) != math.prod(x.shape):
        return None
    view.absorbed = True
    value = layers.norm(call.record, Operation.GROUP_NORM, whole, None, bias=False, groups=groups)
    call.record.nodes[value.node].detail = (_NORMED, groups, whole)
    return Value(value.node, x.shape, last=False)


def view(call: OnnxCall) -> Value:
    """Return another view of the same numbers; that of normed groups gives the image back."""
    x = call.x
    detail = call.record.nodes[x.node].detail
    if detail[:1] == (_NORMED,) and call.shape == detail[2].shape:
        return Value(x.node, call.shape, last=False)
    value = layers.reshape(call.record, x, call.shape)
    if not call.record.nodes[value.node].detail:
        call.record.nodes[value.node].detail = ("view", x)
    return value


def affine_groups(call: OnnxCall) -> Value | None:
    """Return the scale or the bias of a group norm of which only the rest was met so far; None if it is not
    that.
    """
    for position in (0, 1):
        x, own = call.arguments[position], call.constant(1 - position)
        if not isinstance(x, Value) or own is None or not call.alone(position):
            continue
        node = call.record.nodes[x.node]
        wanted = _NORMED if call.operator == "Mul" else _SCALED
        if node.detail[:1] != (wanted,) or not _is_one_a_channel(own.shape, x.shape):
            continue
        if wanted == _SCALED:
            return _biased(call.record, x)
        node.absorbed = True
        groups, whole = node.detail[1:]
        key, shape = call.weights(own).key, (x.shape[1],)
        value = layers.norm(
            call.record, Operation.GROUP_NORM, whole, shape, bias=False, key=key, groups=groups
        )
        call.record.nodes[value.node].detail = (_SCALED,)
        return value
    return None


def _is_one_a_channel(own: Dims, shape: Dims) -> bool:
    """Whether numbers of shape ``own`` are one a channel of an image, and not one a column."""
    ones = [1] * (len(shape) - 2)
    return bool(ones) and list(own[-len(ones) - 1 :]) == [shape[1], *ones] and math.prod(own) == shape[1]


def _prelu(call: OnnxCall) -> Value:
    slope = call.constant(1)
    if slope is None:
        return call.unknown("PRelu with computed slopes")
    weights = call.weights(slope)
    return call.record.add(
        Operation.PRELU,
        [call.x, *weights.beside],
        call.shape,
        weight=(math.prod(slope.shape),),
        weight_key=weights.key,
    )


def _attention(call: OnnxCall) -> Value:
    if call.given(4) or call.given(5):
        return call.unknown("Attention with a past")
    value = layers.attention(call.record, call.value(0), call.value(1), call.value(2), call.shape)
    mask = call.argument(3)
    if isinstance(mask, Value) or (mask is not None and mask.parameters):
        # The mask is the fourth argument; its shape is no part of the node's.
        call.record.nodes[value.node].sources.append(call.value(3).node)
    return value


def _gather(call: OnnxCall) -> Value:
    """Parts of a tensor, or the rows of a table of parameters that the input names."""
    table = call.constant(0)
    if table is None or len(table.shape) != 2 or call.attributes.get("axis", 0):
        return call.record.add(Operation.SLICE, call.values, call.shape)
    weights = call.weights(table)
    return call.record.add(
        Operation.EMBEDDING,
        [call.value(1), *weights.beside],
        call.shape,
        last=True,
        weight=(*table.shape, 1, 1),
        weight_key=weights.key,
    )


def _einsum(call: OnnxCall) -> Value:
    operands = [one for one in call.arguments if one is not None]
    terms, output = einsum.letters(call.attributes["equation"].decode(), [len(one.shape) for one in operands])
    return einsum.product(call.record, terms, output, operands, call.shape)


LAYERS: dict[str, Handler] = {
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "DeformConv": _deformable,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Einsum": _einsum,
    "Attention": _attention,
    "Gather": _gather,
    "PRelu": _prelu,
    **dict.fromkeys(_NORMS, _norm),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), recurrent),
}
