"""Arithmetic, activations and reductions as nodes."""

import math
from collections.abc import Sequence

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing import layers, patterns
from contrastive_nas.graphs.tracing.record import Constant, Dims, Noise, Recorder, Value

Operand = Value | Constant | complex | float | int | bool | None

ACTIVATIONS = {
    "relu": Operation.RELU,
    "relu6": Operation.RELU6,
    "leaky_relu": Operation.LEAKY_RELU,
    "rrelu": Operation.LEAKY_RELU,
    "elu": Operation.ELU,
    "celu": Operation.ELU,
    "selu": Operation.SELU,
    "gelu": Operation.GELU,
    "silu": Operation.SILU,
    "mish": Operation.MISH,
    "sigmoid": Operation.SIGMOID,
    "hardsigmoid": Operation.HARD_SIGMOID,
    "hardswish": Operation.HARD_SWISH,
    "tanh": Operation.TANH,
    "softplus": Operation.SOFTPLUS,
    "softmax": Operation.SOFTMAX,
    "log_softmax": Operation.LOG_SOFTMAX,
}
# Functions of numbers that have no type of their own; comparisons and selections among them.
_FUNCTION_NAMES = """
    abs neg sqrt rsqrt square exp exp2 expm1 log log2 log10 log1p log_sigmoid erf sin cos tan atan asin acos
    sinh cosh reciprocal sign floor ceil round trunc frac remainder fmod pow rsub softshrink hardshrink
    tanhshrink softsign threshold nan_to_num isnan isinf eq ne lt le gt ge logical_and logical_or logical_not
    bitwise_and bitwise_or bitwise_not where masked_fill minimum lerp hypot floor_divide
"""
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
REDUCTIONS = {
    "mean": Operation.GLOBAL_AVG_POOL,
    "amax": Operation.GLOBAL_MAX_POOL,
    "sum": None,
    "max": None,
    "min": None,
    "amin": None,
    "prod": None,
    "var": None,
    "std": None,
    "norm": None,
    "linalg_vector_norm": None,
    "frobenius_norm": None,
}


def arithmetic(record: Recorder, name: str, a: Operand, b: Operand, shape: Dims) -> Value:
    """Return ``a`` + - * / ``b``, of which one at least depends on the input."""
    if isinstance(a, Noise) or isinstance(b, Noise):
        x, noise = (a, b) if isinstance(a, Value) else (b, a)
        assert isinstance(x, Value)
        assert isinstance(noise, Noise)
        if name in {"mul", "div"} and not noise.parameters:
            return record.unary(Operation.IDENTITY, x)
        read = [record.constant(noise, x)] if noise.parameters else []
        return record.add(Operation.ELEMENTWISE, [x, *read], shape, detail=(f"noise {name}",))
    if isinstance(a, Value) and isinstance(b, int | float):
        return _with_number(record, name, a, float(b))
    if isinstance(b, Value) and isinstance(a, int | float):
        if name in {"add", "mul"}:
            return _with_number(record, name, b, float(a))
        return record.unary(Operation.ELEMENTWISE, b, (f"r{name}", float(a)))
    if isinstance(a, complex) or isinstance(b, complex):
        return function(record, name, [a, b], shape)
    left, right = as_value(record, a, b), as_value(record, b, a)
    fused = None
    if name == "mul":
        fused = patterns.product(record, left, right, shape)
    elif name == "div":
        fused = patterns.quotient(record, left, right)
    return fused or layers.join(record, Operation[name.upper()], [left, right], shape)


def clamp(record: Recorder, x: Value, low: float | None, high: float | None) -> Value:
    """Limit the range, which is one of several activations."""
    kinds: dict[tuple[float | None, float | None], Operation]
    kinds = {(0.0, None): Operation.RELU, (0.0, 6.0): Operation.RELU6, (-1.0, 1.0): Operation.HARD_TANH}
    bounds = (None if low is None else float(low), None if high is None else float(high))
    if bounds == (0.0, math.inf):
        bounds = (0.0, None)
    return record.unary(kinds.get(bounds, Operation.ELEMENTWISE), x, ("clamp", *bounds))


def function(record: Recorder, name: str, operands: Sequence[Operand], shape: Dims) -> Value:
    """Return a function of numbers without a type of its own; constant tensors are arguments like others."""
    partner = next((operand for operand in operands if isinstance(operand, Value)), None)
    arguments = [
        as_value(record, operand, partner) for operand in operands if isinstance(operand, Value | Constant)
    ]
    return record.add(Operation.ELEMENTWISE, arguments, shape, detail=(name,))


def as_value(record: Recorder, operand: Operand, partner: Operand) -> Value:
    """Return a tensor as a node, constants included."""
    if isinstance(operand, Value):
        return operand
    assert isinstance(operand, Constant)
    return record.constant(operand, partner if isinstance(partner, Value) else None)


def _with_number(record: Recorder, name: str, x: Value, number: float) -> Value:
    if (name in {"add", "sub"} and number == 0) or (name in {"mul", "div"} and number == 1):
        return record.unary(Operation.IDENTITY, x)
    if name == "mul" and number == 0:
        return record.unary(Operation.ZERO, x)
    if name == "sub":
        name, number = "add", -number
    if name == "div" and number != 0:
        name, number = "mul", 1 / number
    fused = patterns.scaled(record, x, number) if name == "mul" else None
    return fused or record.unary(Operation.ELEMENTWISE, x, (name, number))
