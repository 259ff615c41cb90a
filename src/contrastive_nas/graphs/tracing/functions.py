"""How each layer and each function on numbers of PyTorch's ATen becomes nodes."""

import math
from typing import Any

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing import elementwise, layers
from contrastive_nas.graphs.tracing.calls import Call, Handlers, Result
from contrastive_nas.graphs.tracing.record import Constant, Dims, Value
from contrastive_nas.graphs.tracing.weights import weights_of

HANDLERS = Handlers()
_SAME_NAME = {"subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div"}


def _dims(weight: Any) -> Dims:
    return tuple(weight.shape)


def _key(weight: Any) -> Any:
    return (weight.parameters or weight.key) if isinstance(weight, Constant) else None


@HANDLERS.of("conv1d", "conv2d", "conv3d", "convolution")
def _convolution(call: Call) -> Result:
    return _any_convolution(call, transposed=bool(call["transposed"]))


@HANDLERS.of("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _transposed(call: Call) -> Result:
    return _any_convolution(call, transposed=True)


def _any_convolution(call: Call, *, transposed: bool) -> Result:
    weight = call["weight"]
    if isinstance(weight, Value):
        # Weights that the network computes for each image are no weights of a layer: this is a product of two
        # tensors.
        return layers.matrix_product(
            call.record, call.x, weight, call.shape, summed=math.prod(weight.shape[1:])
        )
    weights = weights_of(call.record, weight)
    return layers.convolution(
        call.record,
        call.x,
        _dims(weight),
        call.shape,
        stride=call["stride"],
        dilation=call["dilation"],
        groups=call["groups"],
        bias=call["bias"] is not None,
        key=weights.key,
        beside=weights.beside,
        transposed=transposed,
    )


@HANDLERS.of("linear")
def _linear(call: Call) -> Result:
    if isinstance(call["weight"], Value):
        return layers.matrix_product(call.record, call.x, call["weight"], call.shape)
    return _linear_layer(call, call.x, call["weight"], _dims(call["weight"]), bias=call["bias"] is not None)


def _linear_layer(call: Call, x: Value, weight: Constant, shape: Dims, *, bias: bool) -> Value:
    weights = weights_of(call.record, weight)
    return layers.linear(call.record, x, shape, call.shape, bias=bias, key=weights.key, beside=weights.beside)


@HANDLERS.of("addmm", "baddbmm")
def _matrix_product_and_sum(call: Call) -> Result:
    names = ("mat1", "mat2") if call.name == "addmm" else ("batch1", "batch2")
    left, right = call[names[0]], call[names[1]]
    if isinstance(right, Constant) and isinstance(call["self"], Constant):
        return _linear_layer(call, left, right, _dims(right)[::-1], bias=True)
    product = _product(call, left, right)
    if call["beta"] == 0:
        return product
    return elementwise.arithmetic(call.record, "add", product, call["self"], call.shape)


@HANDLERS.of("matmul", "mm", "bmm", "mv", "dot")
def _matrix_product(call: Call) -> Result:
    left, right = list(call.arguments.values())[:2]
    return _product(call, left, right)


def _product(call: Call, left: Any, right: Any) -> Value:
    if isinstance(right, Constant) and right.parameters and len(right.shape) == 2:
        return _linear_layer(call, left, right, right.shape[::-1], bias=False)
    a, b = elementwise.as_value(call.record, left, right), elementwise.as_value(call.record, right, left)
    return layers.matrix_product(call.record, a, b, call.shape, summed=left.shape[-1])


@HANDLERS.of("einsum")
def _einsum(call: Call) -> Result:
    operands = call["tensors"]
    if len(operands) != 2 or "." in call["equation"]:
        return call.record.unknown_node("einsum", call.values, call.shape)
    inputs, _, output = call["equation"].replace(" ", "").partition("->")
    sizes: dict[str, int] = {}
    for letters, operand in zip(inputs.split(","), operands, strict=True):
        sizes.update(zip(letters, operand.shape, strict=True))
    summed = math.prod(size for letter, size in sizes.items() if letter not in output)
    a, b = (elementwise.as_value(call.record, operand, None) for operand in operands)
    if summed == 1:
        return layers.join(call.record, Operation.MUL, [a, b], call.shape)
    return layers.matrix_product(call.record, a, b, call.shape, summed=summed)


@HANDLERS.of("scaled_dot_product_attention")
def _attention(call: Call) -> Result:
    q, k, v = (elementwise.as_value(call.record, call[name], None) for name in ("query", "key", "value"))
    return layers.attention(call.record, q, k, v, call.shape)


@HANDLERS.of("embedding")
def _embedding(call: Call) -> Result:
    weight = call["weight"]
    return call.record.add(
        Operation.EMBEDDING,
        call.values,
        call.shape,
        last=True,
        weight=(*_dims(weight), 1, 1),
        weight_key=_key(weight),
    )


@HANDLERS.of("batch_norm", "layer_norm", "rms_norm", "group_norm", "instance_norm", "native_batch_norm")
def _norm(call: Call) -> Result:
    kind = call.name.removeprefix("native_").replace("rms", "layer").upper()
    weight = call["weight"]
    value = layers.norm(
        call.record,
        Operation[kind],
        call.x,
        None if weight is None else _dims(weight),
        bias=call["bias"] is not None,
        key=_key(weight),
        groups=call["num_groups"] or 0,
    )
    return [value, None, None] if call.name.startswith("native_") else value


@HANDLERS.of("prelu")
def _prelu(call: Call) -> Result:
    weight = call["weight"]
    x = call.x
    return call.record.add(Operation.PRELU, [x], x.shape, weight=_dims(weight), weight_key=_key(weight))


@HANDLERS.of("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d")
def _pool(call: Call) -> Result:
    kind = Operation.MAX_POOL if call.name.startswith("max") else Operation.AVG_POOL
    return layers.pool(
        call.record,
        kind,
        call.x,
        call.shape,
        kernel=call["kernel_size"],
        stride=call["stride"],
        dilation=call["dilation"] or (1,),
    )


@HANDLERS.of("max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices")
def _pool_with_indices(call: Call) -> Result:
    return [_pool(call), None]


@HANDLERS.of("lp_pool2d")
def _lp_pool(call: Call) -> Result:
    return layers.pool(
        call.record, Operation.AVG_POOL, call.x, call.shape, kernel=call["kernel_size"], stride=call["stride"]
    )


@HANDLERS.of("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def _adaptive_average(call: Call) -> Result:
    return layers.adaptive_pool(call.record, Operation.AVG_POOL, call.x, call.shape)


@HANDLERS.of("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def _adaptive_maximum(call: Call) -> Result:
    return [layers.adaptive_pool(call.record, Operation.MAX_POOL, call.x, call.shape), None]


@HANDLERS.of("add", "sub", "mul", "div", "subtract", "multiply", "divide", "true_divide")
def _arithmetic(call: Call) -> Result:
    name = _SAME_NAME.get(call.name, call.name)
    factor, other = call["alpha"], call["other"]
    if factor not in (None, 1) and isinstance(other, int | float):
        other = other * factor
    return elementwise.arithmetic(call.record, name, call["self"], other, call.shape)


@HANDLERS.of("addcmul")
def _add_product(call: Call) -> Result:
    product = elementwise.arithmetic(call.record, "mul", call["tensor1"], call["tensor2"], call.shape)
    return elementwise.arithmetic(call.record, "add", call["self"], product, call.shape)


@HANDLERS.of("maximum")
def _maximum(call: Call) -> Result:
    a, b = call["self"], call["other"]
    pair = [elementwise.as_value(call.record, a, b), elementwise.as_value(call.record, b, a)]
    return layers.join(call.record, Operation.MAXIMUM, pair, call.shape)


@HANDLERS.of(*elementwise.ACTIVATIONS, "_softmax", "_log_softmax", "special_log_softmax")
def _activation(call: Call) -> Result:
    name = call.name.removeprefix("special_").removeprefix("_")
    return call.record.unary(elementwise.ACTIVATIONS[name], call.x)


@HANDLERS.of("hardtanh", "clamp", "clip", "clamp_min", "clamp_max")
def _clamp(call: Call) -> Result:
    low = call["min_val"] if call.name == "hardtanh" else call["min"]
    high = call["max_val"] if call.name == "hardtanh" else call["max"]
    if not isinstance(low, int | float | None) or not isinstance(high, int | float | None):
        return elementwise.function(call.record, call.name, call.values, call.shape)
    return elementwise.clamp(call.record, call.x, low, high)


@HANDLERS.of("glu")
def _gated_linear_unit(call: Call) -> Result:
    halves = [call.record.add(Operation.SLICE, [call.x], call.shape) for _ in range(2)]
    gate = call.record.unary(Operation.SIGMOID, halves[1])
    return layers.join(call.record, Operation.MUL, [halves[0], gate], call.shape)


@HANDLERS.of(*elementwise.FUNCTIONS)
def _function(call: Call) -> Result:
    name = call.name
    if name == "square" or (name == "pow" and call["exponent"] == 2):
        return layers.join(call.record, Operation.MUL, [call.x, call.x], call.shape)
    return elementwise.function(call.record, name, list(call.arguments.values()), call.shape)


@HANDLERS.of(*elementwise.REDUCTIONS)
def _reduction(call: Call) -> Result:
    if call.name == "max" and call["other"] is not None:
        return _maximum(call)
    axes = call["dim"]
    axes = [] if axes is None else [axes] if isinstance(axes, int) else list(axes)
    kind = elementwise.REDUCTIONS[call.name]
    x = call.x
    stacked = call.record.nodes[x.node]
    if call.name == "mean" and len(axes) == 1 and stacked.detail == ("stack", axes[0] % len(x.shape)):
        stacked.absorbed = True
        return call.record.add(Operation.MEAN, stacked_values(call, x), call.shape)
    value = layers.reduction(call.record, x, axes, call.shape, kind, call.name)
    return [value, None] if isinstance(call.node.meta["val"], list | tuple) else value


def stacked_values(call: Call, x: Value) -> list[Value]:
    """What a stack was made of."""
    return [Value(source, call.shape, last=False) for source in call.record.nodes[x.node].sources]
