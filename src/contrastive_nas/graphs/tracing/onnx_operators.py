"""How each operator of ONNX becomes nodes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURES
from contrastive_nas.graphs.tracing import elementwise, layers
from contrastive_nas.graphs.tracing.record import Constant, Dims, Recorder, Value

Array = NDArray[Any]
_ACTIVATIONS = {
    "Relu": Operation.RELU,
    "LeakyRelu": Operation.LEAKY_RELU,
    "Elu": Operation.ELU,
    "Celu": Operation.ELU,
    "Selu": Operation.SELU,
    "Gelu": Operation.GELU,
    "Swish": Operation.SILU,
    "Mish": Operation.MISH,
    "Sigmoid": Operation.SIGMOID,
    "HardSigmoid": Operation.HARD_SIGMOID,
    "HardSwish": Operation.HARD_SWISH,
    "Tanh": Operation.TANH,
    "Softplus": Operation.SOFTPLUS,
    "Softmax": Operation.SOFTMAX,
    "LogSoftmax": Operation.LOG_SOFTMAX,
}
_FUNCTIONS = {
    **{
        name: name.lower()
        for name in ("Abs", "Neg", "Sqrt", "Exp", "Log", "Erf", "Sin", "Cos", "Tan", "Sign")
    },
    **{name: name.lower() for name in ("Floor", "Ceil", "Round", "Reciprocal", "Pow", "Where", "Min", "Mod")},
    **{name: name.lower() for name in ("Equal", "Less", "Greater", "Not", "And", "Or", "Softsign", "Shrink")},
    **{name: name.lower() for name in ("LessOrEqual", "GreaterOrEqual", "IsNaN", "IsInf", "ThresholdedRelu")},
}
_REDUCTIONS = {"ReduceMean": "mean", "ReduceMax": "amax", "ReduceSum": "sum", "ReduceMin": "amin"}
_REDUCTIONS |= {"ReduceL1": "norm", "ReduceL2": "norm", "ReduceProd": "prod", "ReduceSumSquare": "norm"}
_NORMS = {
    "BatchNormalization": Operation.BATCH_NORM,
    "LayerNormalization": Operation.LAYER_NORM,
    "GroupNormalization": Operation.GROUP_NORM,
    "InstanceNormalization": Operation.INSTANCE_NORM,
    "RMSNormalization": Operation.LAYER_NORM,
}


@dataclass
class OnnxCall:
    """One operator of an ONNX graph.

    Attributes:
        record: where to write nodes.
        operator: its type.
        arguments: tensors as values or constants, None where one is left out.
        attributes: by name.
        shapes: of its results.
        numbers: contents of a constant argument, by position, where they are known.
    """

    record: Recorder
    operator: str
    arguments: list[Value | Constant | None]
    attributes: dict[str, Any]
    shapes: list[Dims]
    numbers: Callable[[int], Array | None]

    @property
    def x(self) -> Value:
        """The first argument as a tensor."""
        return self.value(0)

    @property
    def shape(self) -> Dims:
        """Shape of the first result."""
        return self.shapes[0]

    @property
    def values(self) -> list[Value]:
        """All arguments that depend on the input."""
        return [argument for argument in self.arguments if isinstance(argument, Value)]

    def value(self, position: int) -> Value:
        """An argument as a node, constants included."""
        partner = self.values[0] if self.values else None
        return elementwise.as_value(self.record, self.arguments[position], partner)

    def constant(self, position: int) -> Constant | None:
        """An argument that is a constant; None where it is left out or computed from the input."""
        argument = self.arguments[position] if position < len(self.arguments) else None
        return argument if isinstance(argument, Constant) else None

    def given(self, position: int) -> bool:
        """Whether there is such an argument, and not just zeros in its place."""
        argument = self.arguments[position] if position < len(self.arguments) else None
        return argument is not None and not (isinstance(argument, Constant) and argument.zero)

    def integers(self, name: str, position: int) -> list[int]:
        """Numbers that older versions of an operator keep as an attribute and newer ones as an argument."""
        if name in self.attributes:
            return np.atleast_1d(self.attributes[name]).tolist()
        numbers = self.numbers(position)
        return [] if numbers is None else [int(number) for number in np.atleast_1d(numbers)]


Handler = Callable[[OnnxCall], Value | list[Value]]


def _convolution(call: OnnxCall) -> Value:
    weight = call.constant(1)
    if weight is None:
        return call.record.unknown_node(f"{call.operator} with computed weights", call.values, call.shape)
    return layers.convolution(
        call.record,
        call.x,
        weight.shape,
        call.shape,
        stride=call.attributes.get("strides", (1,)),
        dilation=call.attributes.get("dilations", (1,)),
        groups=call.attributes.get("group", 1),
        bias=call.given(2),
        key=weight.key,
        transposed=call.operator == "ConvTranspose",
    )


def _gemm(call: OnnxCall) -> Value:
    weight = call.constant(1)
    if weight is None:
        return layers.matrix_product(call.record, call.x, call.value(1), call.shape)
    shape = weight.shape if call.attributes.get("transB", 0) else weight.shape[::-1]
    return layers.linear(call.record, call.x, shape, call.shape, bias=call.given(2), key=weight.key)


def _matmul(call: OnnxCall) -> Value:
    weight = call.constant(1)
    if weight is not None and len(weight.shape) == 2:
        return layers.linear(call.record, call.x, weight.shape[::-1], call.shape, bias=False, key=weight.key)
    return layers.matrix_product(call.record, call.value(0), call.value(1), call.shape)


def _norm(call: OnnxCall) -> Value:
    weight = call.constant(1)
    return layers.norm(
        call.record,
        _NORMS[call.operator],
        call.x,
        weight.shape if weight else None,
        bias=call.given(2),
        key=weight.key if weight else None,
        groups=call.attributes.get("num_groups", 0),
    )


def _prelu(call: OnnxCall) -> Value:
    slope = call.constant(1)
    size = math.prod(slope.shape) if slope else 1
    return call.record.add(
        Operation.PRELU, [call.x], call.shape, weight=(size,), weight_key=slope and slope.key
    )


def _pool(call: OnnxCall) -> Value:
    return layers.pool(
        call.record,
        Operation.MAX_POOL if call.operator == "MaxPool" else Operation.AVG_POOL,
        call.x,
        call.shape,
        kernel=call.attributes["kernel_shape"],
        stride=call.attributes.get("strides", (1,)),
        dilation=call.attributes.get("dilations", (1,)),
    )


def _global_pool(call: OnnxCall) -> Value:
    kind = Operation.GLOBAL_MAX_POOL if call.operator == "GlobalMaxPool" else Operation.GLOBAL_AVG_POOL
    return layers.global_pool(call.record, kind, call.x, call.shape)


def _arithmetic(call: OnnxCall) -> Value:
    operands = [_number(call, position) for position in (0, 1)]
    biased = _bias_of_linear(call) if call.operator == "Add" else None
    return biased or elementwise.arithmetic(
        call.record, call.operator.lower(), operands[0], operands[1], call.shape
    )


def _number(call: OnnxCall, position: int) -> Any:
    """An operand, single numbers as such."""
    numbers = call.numbers(position)
    return (
        float(numbers.reshape(-1)[0])
        if numbers is not None and numbers.size == 1
        else call.arguments[position]
    )


def _bias_of_linear(call: OnnxCall) -> Value | None:
    """A product with a matrix plus a vector is a linear layer with bias."""
    for position in (0, 1):
        x, bias = call.arguments[position], call.constant(1 - position)
        if not isinstance(x, Value) or bias is None or len(bias.shape) != 1:
            continue
        node = call.record.nodes[x.node]
        if node.row[0] == Operation.LINEAR and bias.shape[0] == node.row[FEATURES["out_shape"].start]:
            value = call.record.unary(Operation.LINEAR, x)
            row = list(node.row)
            row[FEATURES["bias"].start] = 1
            node.absorbed = True
            call.record.nodes[value.node].row = tuple(row)
            call.record.nodes[value.node].sources[:] = node.sources
            return value
    return None


def _join(call: OnnxCall) -> Value:
    kinds = {
        "Sum": Operation.ADD,
        "Mean": Operation.MEAN,
        "Max": Operation.MAXIMUM,
        "Concat": Operation.CONCAT,
    }
    values = [call.value(position) for position in range(len(call.arguments))]
    return layers.join(call.record, kinds[call.operator], values, call.shape)


def _clip(call: OnnxCall) -> Value:
    bounds = [call.attributes.get(name) for name in ("min", "max")]
    for index in (0, 1):
        numbers = call.numbers(index + 1)
        if numbers is not None:
            bounds[index] = float(numbers.reshape(-1)[0])
    return elementwise.clamp(call.record, call.x, *bounds)


def _activation(call: OnnxCall) -> Value:
    return call.record.unary(_ACTIVATIONS[call.operator], call.x)


def _function(call: OnnxCall) -> Value:
    numbers = call.numbers(1) if call.operator == "Pow" else None
    if numbers is not None and numbers.size == 1 and numbers.reshape(-1)[0] == 2:
        return layers.join(call.record, Operation.MUL, [call.x, call.x], call.shape)
    return elementwise.function(call.record, _FUNCTIONS[call.operator], call.arguments, call.shape)


def _reduction(call: OnnxCall) -> Value:
    name = _REDUCTIONS[call.operator]
    kind = elementwise.REDUCTIONS[name]
    return layers.reduction(call.record, call.x, call.integers("axes", 1), call.shape, kind, name)


def _reshape(call: OnnxCall) -> Value:
    return layers.reshape(call.record, call.x, call.shape)


def _transpose(call: OnnxCall) -> Value:
    order = call.attributes.get("perm", list(range(len(call.shape)))[::-1])
    return layers.permute(call.record, call.x, order, call.shape)


def _identity(call: OnnxCall) -> Value:
    return call.record.unary(Operation.IDENTITY, call.x)


def _split(call: OnnxCall) -> list[Value]:
    return [call.record.add(Operation.SLICE, [call.x], shape) for shape in call.shapes]


def _pad(call: OnnxCall) -> Value:
    widths = call.integers("pads", 1)
    if widths and not any(widths):
        return _identity(call)
    return call.record.add(Operation.PAD, call.values, call.shape)


def _attention(call: OnnxCall) -> Value:
    return layers.attention(call.record, call.value(0), call.value(1), call.value(2), call.shape)


def _plain(operation: Operation) -> Handler:
    def handler(call: OnnxCall) -> Value:
        return call.record.add(operation, call.values, call.shape)

    return handler


def _table(groups: Sequence[tuple[Handler, Sequence[str]]]) -> dict[str, Handler]:
    return {name: handler for handler, names in groups for name in names}


HANDLERS = _table(
    [
        (_convolution, ("Conv", "ConvTranspose")),
        (_gemm, ("Gemm",)),
        (_matmul, ("MatMul",)),
        (_attention, ("Attention",)),
        (_norm, tuple(_NORMS)),
        (_plain(Operation.LOCAL_RESPONSE_NORM), ("LRN",)),
        (_prelu, ("PRelu",)),
        (_pool, ("MaxPool", "AveragePool", "LpPool")),
        (_global_pool, ("GlobalAveragePool", "GlobalMaxPool")),
        (_arithmetic, ("Add", "Sub", "Mul", "Div")),
        (_join, ("Sum", "Mean", "Max", "Concat")),
        (_clip, ("Clip",)),
        (_activation, tuple(_ACTIVATIONS)),
        (_function, tuple(_FUNCTIONS)),
        (_reduction, tuple(_REDUCTIONS)),
        (_reshape, ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand")),
        (_transpose, ("Transpose",)),
        (_identity, ("Identity", "Dropout", "Cast", "CastLike")),
        (_plain(Operation.SLICE), ("Slice", "Gather", "GatherElements", "GatherND", "SequenceAt")),
        (_split, ("Split",)),
        (_pad, ("Pad",)),
        (_plain(Operation.INTERPOLATE), ("Resize", "Upsample", "GridSample")),
        (_plain(Operation.PERMUTE), ("DepthToSpace", "SpaceToDepth")),
        (_plain(Operation.RESHAPE), ("Tile",)),
    ]
)
