"""How linear layers, products of tensors and attention become nodes."""

import math

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing import einsum, elementwise, layers
from contrastive_nas.graphs.tracing.calls import Call, Handlers, Result
from contrastive_nas.graphs.tracing.record import Constant, Dims, Value
from contrastive_nas.graphs.tracing.weights import layer_weights

HANDLERS = Handlers()


def plus(call: Call, value: Value, bias: Value | Constant | None) -> Value:
    """Return a result plus a bias that is not the layer's own, if there is one."""
    if bias is None:
        return value
    return elementwise.arithmetic(call.record, "add", value, bias, value.shape)


@HANDLERS.of("linear")
def _linear(call: Call) -> Result:
    weight = call["weight"]
    if isinstance(weight, Value):
        x = elementwise.as_value(call.record, call["input"], weight)
        product = layers.matrix_product(call.record, x, weight, call.shape)
        return plus(call, product, call["bias"])
    return _linear_layer(call, call.x, weight, weight.shape, call["bias"])


def _linear_layer(
    call: Call, x: Value, weight: Constant, shape: Dims, shift: Value | Constant | None
) -> Value:
    held = layer_weights(call.record, weight, shift)
    value = layers.linear(call.record, x, shape, call.shape, **held)
    return value if held["bias"] else plus(call, value, shift)


@HANDLERS.of("addmm", "baddbmm", "addmv")
def _matrix_product_and_sum(call: Call) -> Result:
    left, right = list(call.arguments.values())[1:3]
    summand = None if call["beta"] == 0 else call["self"]
    is_bias = isinstance(summand, Constant) and len(summand.shape) == 1
    if isinstance(left, Value) and isinstance(right, Constant) and len(right.shape) == 2 and is_bias:
        return _linear_layer(call, left, right, right.shape[::-1], summand)
    return plus(call, _product(call, left, right), summand)


@HANDLERS.of("matmul", "mm", "bmm", "mv", "dot")
def _matrix_product(call: Call) -> Result:
    left, right = list(call.arguments.values())[:2]
    return _product(call, left, right)


def _product(call: Call, left: Value | Constant, right: Value | Constant) -> Value:
    if isinstance(left, Value) and isinstance(right, Constant) and right.parameters and len(right.shape) == 2:
        return _linear_layer(call, left, right, right.shape[::-1], None)
    a, b = elementwise.as_value(call.record, left, right), elementwise.as_value(call.record, right, left)
    return layers.matrix_product(call.record, a, b, call.shape, summed=left.shape[-1])


@HANDLERS.of("inner")
def _inner_product(call: Call) -> Result:
    """A product of two tensors that is summed over the last dimension of both."""
    left, right = call["self"], call["other"]
    if isinstance(left, Value) and isinstance(right, Constant) and right.parameters and len(right.shape) == 2:
        return _linear_layer(call, left, right, right.shape, None)
    a, b = elementwise.as_value(call.record, left, right), elementwise.as_value(call.record, right, left)
    return layers.matrix_product(call.record, a, b, call.shape, summed=left.shape[-1])


@HANDLERS.of("einsum")
def _einsum(call: Call) -> Result:
    terms, output = einsum.letters(call["equation"], [len(one.shape) for one in call["tensors"]])
    return einsum.product(call.record, terms, output, call["tensors"], call.shape)


@HANDLERS.of("tensordot")
def _tensor_product(call: Call) -> Result:
    left, right = call["self"], call["other"]
    terms, output = einsum.letters_of_tensordot(
        len(left.shape), len(right.shape), call["dims_self"], call["dims_other"]
    )
    return einsum.product(call.record, terms, output, [left, right], call.shape)


@HANDLERS.of("bilinear")
def _bilinear(call: Call) -> Result:
    """Each output sums the products of all pairs of inputs with a weight of their own."""
    pair = [_value(call, call[name]) for name in ("input1", "input2")]
    weight = call["weight"]
    value = call.record.add(
        Operation.MATMUL,
        [*pair, _value(call, weight)],
        call.shape,
        last=True,
        in_shape=(math.prod(weight.shape[1:]), max(math.prod(pair[0].dims[:-1]), 1), 1),
    )
    return plus(call, value, call["bias"])


@HANDLERS.of("cdist", "_cdist_forward", "_euclidean_dist")
def _distances(call: Call) -> Result:
    """Distances of all pairs of points: as many products as there are coordinates for each.

    They are no products, and not zero where one of the points is: so they read both points beside these.
    """
    left, right = list(call.arguments.values())[:2]
    a, b = _value(call, left), _value(call, right)
    products = layers.matrix_product(call.record, a, b, call.shape, summed=left.shape[-1])
    return call.record.add(Operation.ELEMENTWISE, [products, a, b], call.shape, detail=(call.name,))


@HANDLERS.of("scaled_dot_product_attention")
def _attention(call: Call) -> Result:
    q, k, v = (_value(call, call[name]) for name in ("query", "key", "value"))
    mask = None if call["attn_mask"] is None else _value(call, call["attn_mask"])
    return layers.attention(call.record, q, k, v, call.shape, mask)


def _value(call: Call, operand: Value | Constant) -> Value:
    return elementwise.as_value(call.record, operand, None)
