"""How each operator of ONNX becomes nodes: the table of all, and those without weights."""

from collections.abc import Sequence
from typing import Any

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing import elementwise, layers, onnx_layers
from contrastive_nas.graphs.tracing.onnx_calls import Handler, OnnxCall
from contrastive_nas.graphs.tracing.onnx_origins import short, short_attribute
from contrastive_nas.graphs.tracing.record import Constant, Value

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
_BOUNDS = ("min", "max")
_REDUCTIONS = {"ReduceMean": "mean", "ReduceMax": "amax", "ReduceSum": "sum", "ReduceMin": "amin"}
_REDUCTIONS |= {"ReduceL1": "norm", "ReduceL2": "norm", "ReduceProd": "prod", "ReduceSumSquare": "norm"}


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
    fused = None
    if call.operator == "Add":
        fused = onnx_layers.with_bias(call)
    if call.operator in {"Add", "Mul"}:
        fused = fused or onnx_layers.affine_groups(call)
    operands = [_number(call, position) for position in (0, 1)]
    return fused or elementwise.arithmetic(
        call.record, call.operator.lower(), operands[0], operands[1], call.shape
    )


def _number(call: OnnxCall, position: int) -> Any:
    """An operand, single numbers that are no parameters as such."""
    numbers, argument = call.numbers(position), call.arguments[position]
    is_own = isinstance(argument, Constant) and bool(argument.parameters)
    return argument if numbers is None or numbers.size != 1 or is_own else short(numbers)


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
    bounds = [short_attribute(call.attributes[name]) if name in call.attributes else None for name in _BOUNDS]
    for index in (0, 1):
        numbers = call.numbers(index + 1)
        if numbers is not None:
            bounds[index] = short(numbers)
        elif call.given(index + 1):
            return elementwise.function(call.record, "clamp", call.values, call.shape)
    return elementwise.clamp(call.record, call.x, *bounds)


def _activation(call: OnnxCall) -> Value:
    return call.record.unary(_ACTIVATIONS[call.operator], call.x)


def _function(call: OnnxCall) -> Value:
    numbers = call.numbers(1) if call.operator == "Pow" else None
    if numbers is not None and numbers.size == 1 and numbers.reshape(-1)[0] == 2:
        return layers.join(call.record, Operation.MUL, [call.x, call.x], call.shape)
    return elementwise.function(call.record, _FUNCTIONS[call.operator], call.values, call.shape)


def _reduction(call: OnnxCall) -> Value:
    name = _REDUCTIONS[call.operator]
    kind = elementwise.REDUCTIONS[name]
    return layers.reduction(call.record, call.x, call.integers("axes", 1), call.shape, kind, name)


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


def _plain(operation: Operation) -> Handler:
    def handler(call: OnnxCall) -> Value:
        return call.record.add(operation, call.values, call.shape)

    return handler


def _table(groups: Sequence[tuple[Handler, Sequence[str]]]) -> dict[str, Handler]:
    return {name: handler for handler, names in groups for name in names}


HANDLERS = onnx_layers.LAYERS | _table(
    [
        (_plain(Operation.LOCAL_RESPONSE_NORM), ("LRN",)),
        (_pool, ("MaxPool", "AveragePool", "LpPool")),
        (_global_pool, ("GlobalAveragePool", "GlobalMaxPool")),
        (_arithmetic, ("Add", "Sub", "Mul", "Div")),
        (_join, ("Sum", "Mean", "Max", "Concat")),
        (_clip, ("Clip",)),
        (_activation, tuple(_ACTIVATIONS)),
        (_function, tuple(_FUNCTIONS)),
        (_reduction, tuple(_REDUCTIONS)),
        (onnx_layers.view, ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand")),
        (_transpose, ("Transpose",)),
        (_identity, ("Identity", "Dropout", "Cast", "CastLike")),
        (_plain(Operation.SLICE), ("Slice", "GatherElements", "GatherND")),
        (_split, ("Split",)),
        (_pad, ("Pad",)),
        (_plain(Operation.INTERPOLATE), ("Resize", "Upsample", "GridSample")),
        (_plain(Operation.PERMUTE), ("DepthToSpace", "SpaceToDepth")),
        (_plain(Operation.RESHAPE), ("Tile",)),
    ]
)
