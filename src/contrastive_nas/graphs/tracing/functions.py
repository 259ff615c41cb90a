"""How each layer and each function on numbers of PyTorch's ATen becomes nodes."""

import math

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing import elementwise, layers
from contrastive_nas.graphs.tracing.calls import Call, Handlers, Result
from contrastive_nas.graphs.tracing.products import plus
from contrastive_nas.graphs.tracing.record import Constant, Value
from contrastive_nas.graphs.tracing.weights import layer_weights, weights_of

HANDLERS = Handlers()
_SAME_NAME = {"subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div"}


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
        product = layers.matrix_product(
            call.record, call.x, weight, call.shape, summed=math.prod(weight.shape[1:])
        )
        return plus(call, product, call["bias"])
    held = layer_weights(call.record, weight, call["bias"])
    value = layers.convolution(
        call.record,
        call.x,
        weight.shape,
        call.shape,
        stride=call["stride"],
        dilation=call["dilation"],
        groups=call["groups"],
        transposed=transposed,
        **held,
    )
    return value if held["bias"] else plus(call, value, call["bias"])


@HANDLERS.of("deform_conv2d")
def _deformable_convolution(call: Call) -> Result:
    """A convolution that also reads where to look, and how strongly."""
    places = [call["offset"], *([call["mask"]] if call["use_mask"] else [])]
    reads = [elementwise.as_value(call.record, place, call.x) for place in places]
    return layers.convolution(
        call.record,
        call.x,
        call["weight"].shape,
        call.shape,
        stride=(call["stride_h"], call["stride_w"]),
        dilation=(call["dilation_h"], call["dilation_w"]),
        groups=call["groups"],
        **layer_weights(call.record, call["weight"], call["bias"], reads),
    )


@HANDLERS.of("embedding", "embedding_bag")
def _embedding(call: Call) -> Result:
    if isinstance(call["weight"], Value):
        return call.record.add(Operation.SLICE, call.operands, call.shape)
    held = weights_of(call.record, call["weight"])
    value = call.record.add(
        Operation.EMBEDDING,
        [*call.values, *held.beside],
        call.shape,
        last=True,
        weight=(*call["weight"].shape, 1, 1),
        weight_key=held.key,
    )
    return [value, None, None, None] if call.name == "embedding_bag" else value


@HANDLERS.of("batch_norm", "layer_norm", "rms_norm", "group_norm", "instance_norm", "native_batch_norm")
def _norm(call: Call) -> Result:
    """A norm whose scale or shift the network computes is one without, then a product or a sum."""
    kind = call.name.removeprefix("native_").replace("rms", "layer").upper()
    weight, shift = call["weight"], call["bias"]
    fixed = isinstance(weight, Constant)
    held = layer_weights(call.record, weight if fixed else None, shift if fixed else None)
    value = layers.norm(
        call.record,
        Operation[kind],
        call.x,
        weight.shape if fixed else None,
        groups=call["num_groups"] or 0,
        **held,
    )
    if isinstance(weight, Value):
        value = layers.join(call.record, Operation.MUL, [value, weight], call.shape)
    value = value if held["bias"] else plus(call, value, shift)
    return [value, None, None] if call.name.startswith("native_") else value


@HANDLERS.of("prelu")
def _prelu(call: Call) -> Result:
    weight, x = call["weight"], call.x
    if isinstance(weight, Value):
        return elementwise.function(call.record, call.name, [x, weight], call.shape)
    held = weights_of(call.record, weight)
    return call.record.add(
        Operation.PRELU, [x, *held.beside], x.shape, weight=weight.shape, weight_key=held.key
    )


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
    if call["rounding_mode"] is not None:
        return elementwise.function(call.record, name, list(call.arguments.values()), call.shape)
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
        return elementwise.function(call.record, call.name, list(call.arguments.values()), call.shape)
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
    """Return what a stack was made of."""
    return [Value(source, call.shape, last=False) for source in call.record.nodes[x.node].sources]
