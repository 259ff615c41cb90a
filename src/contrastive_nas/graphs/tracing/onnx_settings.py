"""What operators of ONNX are called in PyTorch, and with which arguments, so that both have one digest.

Each rule gives the name of PyTorch's function and its arguments that are no tensors, by the names that they
have there, or None where no function of PyTorch is known to be that operator.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from contrastive_nas.graphs.tracing.onnx_origins import short, short_attribute
from contrastive_nas.graphs.tracing.onnx_tensors import FLOATS, Tensor
from contrastive_nas.graphs.tracing.record import Dims, Value

# Defaults of ONNX where PyTorch has none, or others.
_SLOPE, _ALPHA, _EPSILON, _MOMENTUM, _AXIS_BEFORE_13, _RATIO = 0.01, 1.0, 1e-5, 0.9, 1, 0.5
# PyTorch's hard sigmoid is x / 6 + 1 / 2; that of ONNX is x / 5 + 1 / 2 if nothing is said.
_HARD_SLOPE, _HARD_SHIFT = 0.2, 0.5
_SELU = {"alpha": 1.6732632, "gamma": 1.0507010}
_PADDINGS = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
# A sum of squares or the like is no sum.
_REDUCTIONS = {"ReduceMean": "mean", "ReduceMax": "amax", "ReduceSum": "sum", "ReduceMin": "amin"}
_ELEMENTWISE = {
    **{one: one.lower() for one in ("Abs", "Neg", "Sqrt", "Exp", "Log", "Erf", "Sin", "Cos", "Tan", "Sign")},
    **{one: one.lower() for one in ("Floor", "Ceil", "Round", "Reciprocal", "Softsign", "IsNaN")},
    **{"Relu": "relu", "Mish": "mish", "Sigmoid": "sigmoid", "HardSwish": "hardswish", "Tanh": "tanh"},
    **{"Softplus": "softplus", "Identity": "alias", "Cast": "to", "CastLike": "to"},
    **{"Not": "logical_not", "GlobalAveragePool": "mean", "GlobalMaxPool": "amax"},
}
_COMPARISONS = {"Equal": "eq", "Less": "lt", "Greater": "gt", "LessOrEqual": "le", "GreaterOrEqual": "ge"}


@dataclass
class Operator:
    """An operator of a file with its arguments.

    Attributes:
        domain: of its definition.
        kind: its type.
        version: of its definition.
        attributes: by name.
        tensors: its arguments, None where one is left out.
        result: the shape of its first result, with the batch as tracing has it.
        type: the number of the type of that.
    """

    domain: str
    kind: str
    version: int
    attributes: Mapping[str, Any]
    tensors: Sequence[Tensor | None]
    result: Dims
    type: int

    @property
    def shapes(self) -> list[Dims]:
        """Of its arguments, with the batch; empty for those that are left out."""
        return [() if one is None else one.found.shape for one in self.tensors]

    def given(self, place: int) -> bool:
        """Return whether there is such an argument."""
        return place < len(self.tensors) and self.tensors[place] is not None

    def number(self, place: int) -> float | None:
        """Return an argument that is one known number, and no parameter."""
        tensor = self.tensors[place] if place < len(self.tensors) else None
        if tensor is None or tensor.numbers is None or tensor.numbers.size != 1 or tensor.origin.reads:
            return None
        return short(tensor.numbers)

    def integers(self, name: str, place: int) -> list[int] | None:
        """Return integers that are an attribute, or an argument in newer versions."""
        if name in self.attributes:
            return [int(one) for one in np.atleast_1d(self.attributes[name])]
        tensor = self.tensors[place] if place < len(self.tensors) else None
        if tensor is None or tensor.numbers is None:
            return None
        return [int(one) for one in np.atleast_1d(tensor.numbers)]

    def real(self, name: str, default: float) -> float:
        """Return an attribute that is a real number."""
        return short_attribute(self.attributes.get(name, default))

    @property
    def are_real(self) -> bool:
        """Whether it computes with real numbers."""
        return all(one.kind in FLOATS for one in self.tensors if one is not None)


# Name and arguments; the places of arguments that these, or the features of the node, tell.
Named = tuple[str, dict[str, Any], set[int]]
Rule = Callable[[Operator], Named | None]


# Before, tensors of unequal rank were aligned as attributes said, and norms had two forms.
_ALIGNED_AT_THE_END = 7
_ALIGNED = frozenset(
    {"Add", "Sub", "Mul", "Div", "Pow", "PRelu", "Gemm", "BatchNormalization", *_COMPARISONS}
)


def is_aligned_otherwise(call: Operator) -> bool:
    """Return whether an operator is of a version that is another function than the later ones."""
    return call.kind in _ALIGNED and call.version < _ALIGNED_AT_THE_END


def _plain(call: Operator) -> Named | None:
    return _ELEMENTWISE[call.kind], {}, {1} if call.kind == "CastLike" else set()


def _with_real(name: str, function: str, argument: str, default: float) -> Rule:
    return lambda call: (function, {argument: call.real(name, default)}, set())


def _elu(call: Operator) -> Named | None:
    return "elu", {"alpha": call.real("alpha", _ALPHA), "scale": 1, "input_scale": 1}, set()


def _selu(call: Operator) -> Named | None:
    usual = all(
        math.isclose(call.attributes.get(name, value), value, rel_tol=1e-6) for name, value in _SELU.items()
    )
    return ("selu", {}, set()) if usual else None


def _gelu(call: Operator) -> Named | None:
    return "gelu", {"approximate": call.attributes.get("approximate", b"none").decode()}, set()


def _swish(call: Operator) -> Named | None:
    return ("silu", {}, set()) if call.attributes.get("alpha", 1.0) == 1 else None


def _hard_sigmoid(call: Operator) -> Named | None:
    slope, shift = call.attributes.get("alpha", _HARD_SLOPE), call.attributes.get("beta", _HARD_SHIFT)
    is_usual = np.float32(slope) == np.float32(1 / 6) and shift == _HARD_SHIFT
    return ("hardsigmoid", {}, set()) if is_usual else None


def _softmax(call: Operator) -> Named | None:
    """Before version 13 all dimensions from the axis on are one."""
    rank = len(call.shapes[0])
    axis = call.attributes.get("axis", -1 if call.version >= 13 else _AXIS_BEFORE_13) % rank
    if call.version < 13 and axis != rank - 1:
        return None
    name = "softmax" if call.kind == "Softmax" else "log_softmax"
    return name, {"dim": axis, "half_to_float": False}, set()


def _padding(call: Operator, rank: int) -> list[int] | None:
    """The same padding at both ends; None where they differ or the shapes say it."""
    if call.attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        return None
    pads = list(call.attributes.get("pads", [0] * 2 * rank))
    return pads[:rank] if pads[:rank] == pads[rank:] else None


def _convolution(call: Operator) -> Named | None:
    rank = len(call.result) - 2
    padding = _padding(call, rank)
    if padding is None or not _is_constant(call, 1) or "output_shape" in call.attributes:
        return None
    numbers = {
        "stride": list(call.attributes.get("strides", [1] * rank)),
        "padding": padding,
        "dilation": list(call.attributes.get("dilations", [1] * rank)),
        "groups": call.attributes.get("group", 1),
    }
    if call.kind == "Conv":
        return f"conv{rank}d", numbers, set()
    numbers["output_padding"] = list(call.attributes.get("output_padding", [0] * rank))
    return f"conv_transpose{rank}d", numbers, set()


def _is_constant(call: Operator, place: int) -> bool:
    tensor = call.tensors[place] if place < len(call.tensors) else None
    return tensor is not None and not isinstance(tensor.found, Value)


def _pool(call: Operator) -> Named | None:
    rank = len(call.attributes["kernel_shape"])
    padding = _padding(call, rank)
    if padding is None:
        return None
    dilation = list(call.attributes.get("dilations", [1] * rank))
    numbers = {
        "kernel_size": list(call.attributes["kernel_shape"]),
        "stride": list(call.attributes.get("strides", [1] * rank)),
        "padding": padding,
        "ceil_mode": bool(call.attributes.get("ceil_mode", 0)),
    }
    if call.kind == "MaxPool":
        return f"max_pool{rank}d", numbers | {"dilation": dilation}, set()
    if max(dilation) > 1:
        return None
    return (
        f"avg_pool{rank}d",
        numbers | {"count_include_pad": bool(call.attributes.get("count_include_pad", 0))},
        set(),
    )


def _linear(call: Operator) -> Named | None:
    """A product with a matrix of weights, maybe with a bias; the features tell all."""
    plain = call.real("alpha", 1.0) == call.real("beta", 1.0) == 1 and not call.attributes.get("transA", 0)
    return ("linear", {}, set()) if plain and _is_constant(call, 1) else None


def _matmul(call: Operator) -> Named | None:
    left, right = call.tensors[:2]
    assert left is not None
    assert right is not None
    if isinstance(left.found, Value) and _is_constant(call, 1) and len(right.shape) == 2:
        return _linear(call)
    return "matmul", {}, set()


def _einsum(call: Operator) -> Named | None:
    held = [
        None if one is None or isinstance(one.found, Value) else one.origin.operand for one in call.tensors
    ]
    numbers: dict[str, Any] = {"equation": call.attributes["equation"].decode()}
    if any(one is not None for one in held):
        numbers["tensors"] = held
    return "einsum", numbers, set(range(len(call.tensors)))


def _batch_norm(call: Operator) -> Named | None:
    """Its momentum is one minus that of PyTorch; running statistics are no part of the function."""
    trained = bool(call.attributes.get("training_mode", 0))
    statistics = [one for one in call.tensors[3:5] if one is not None and one.origin.reads]
    if trained and len(statistics) < 2:
        # Statistics that are computed may be those of a norm that keeps none.
        return None
    kept = Decimal(str(call.real("momentum", _MOMENTUM)))
    numbers = {"eps": call.real("epsilon", _EPSILON), "momentum": float(1 - kept), "training": trained}
    return "batch_norm", numbers, {3, 4}


def _layer_norm(call: Operator) -> Named | None:
    weight = call.tensors[1]
    axis = call.attributes.get("axis", -1) % len(call.shapes[0])
    shape = list(call.shapes[0][axis:])
    if weight is None or list(weight.shape) != shape or call.attributes.get("stash_type", 1) != 1:
        return None
    return "layer_norm", {"normalized_shape": shape, "eps": call.real("epsilon", _EPSILON)}, set()


def _other_norm(call: Operator) -> Named | None:
    name = "instance_norm" if call.kind == "InstanceNormalization" else "group_norm"
    if call.attributes.get("stash_type", 1) != 1 or (name == "group_norm" and call.version < 21):
        # Group norm had one weight a group before.
        return None
    return name, {"eps": call.real("epsilon", _EPSILON)}, set()


def _prelu(call: Operator) -> Named | None:
    """One slope, or one for each channel."""
    slope, rank = call.tensors[1], len(call.shapes[0])
    if slope is None or isinstance(slope.found, Value):
        return None
    shape = [1] * (rank - len(slope.shape)) + list(slope.shape)
    of_channels = [call.shapes[0][1] if axis == 1 else 1 for axis in range(rank)]
    return ("prelu", {}, set()) if math.prod(shape) == 1 or shape == of_channels else None


def _arithmetic(call: Operator) -> Named | None:
    name = {"Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div"}[call.kind]
    told = {place for place in (0, 1) if call.number(place) is not None}
    return (name, {}, told) if call.are_real else None


def _maximum(call: Operator) -> Named | None:
    return ("maximum", {}, set()) if len(call.tensors) == 2 else None


def _minimum(call: Operator) -> Named | None:
    return ("minimum", {}, set()) if len(call.tensors) == 2 and _one_rank(call) else None


def _one_rank(call: Operator) -> bool:
    return (
        len({len(shape) for shape, one in zip(call.shapes, call.tensors, strict=True) if one is not None})
        == 1
    )


def _join(call: Operator) -> Named | None:
    """A sum or mean of several tensors of one shape."""
    name = {"Sum": "add", "Mean": "mean"}[call.kind]
    return (name, {}, set()) if len(set(call.shapes)) == 1 else None


def _concatenation(call: Operator) -> Named | None:
    return "cat", {"dim": call.attributes["axis"]}, set()


def _clip(call: Operator) -> Named | None:
    bounds = [
        call.number(place) if call.given(place) else call.attributes.get(name) for place, name in _BOUNDS
    ]
    if any(call.given(place) and bound is None for (place, _), bound in zip(_BOUNDS, bounds, strict=True)):
        return None
    return "clamp", {}, {1, 2}


_BOUNDS = ((1, "min"), (2, "max"))


def _power(call: Operator) -> Named | None:
    exponent = call.number(1)
    return ("pow", {"exponent": exponent}, {1}) if exponent is not None else None


def _comparison(call: Operator) -> Named | None:
    other = call.number(1)
    return (_COMPARISONS[call.kind], {"other": other}, {1}) if other is not None else None


def _where(call: Operator) -> Named | None:
    if _is_constant(call, 0):
        return None
    numbers = {name: call.number(place) for name, place in (("self", 1), ("other", 2))}
    known = {name: one for name, one in numbers.items() if one is not None}
    return "where", known, {place for name, place in (("self", 1), ("other", 2)) if name in known}


def _reduction(call: Operator) -> Named | None:
    axes = call.integers("axes", 1)
    if not axes:
        return None
    return _REDUCTIONS[call.kind], {"dim": axes, "keepdim": bool(call.attributes.get("keepdims", 1))}, {1}


def _view(call: Operator) -> Named | None:
    return "reshape", {}, set(range(1, len(call.tensors)))


def _expand(call: Operator) -> Named | None:
    """Only where it changes nothing is it a view."""
    return _view(call) if call.shapes[0] == call.result else None


def _transpose(call: Operator) -> Named | None:
    order = list(call.attributes.get("perm", range(len(call.result))[::-1]))
    return "permute", {"dims": order}, set()


def _slice(call: Operator) -> Named | None:
    """Along the one dimension that it shortens."""
    starts, axes = call.integers("starts", 1), call.integers("axes", 3)
    steps = call.integers("steps", 4)
    if starts is None or (call.given(4) and steps is None) or (call.given(3) and axes is None):
        return None
    axes = axes if axes is not None else list(range(len(starts)))
    steps = steps if steps is not None else [1] * len(starts)
    rank = len(call.shapes[0])
    shortened = [
        (axis % rank, start, step)
        for axis, start, step in zip(axes, starts, steps, strict=True)
        if call.shapes[0][axis % rank] != call.result[axis % rank]
    ]
    if len(shortened) != 1 or min(steps) < 1 or rank > 4:
        return None
    axis, start, step = shortened[0]
    return "slice", {"dim": axis, "start": start, "step": step}, {1, 2, 3, 4}


def _split(call: Operator) -> Named | None:
    """Into several parts; without sizes they are even."""
    sizes = call.integers("split", 1)
    if call.given(1) and sizes is None:
        return None
    given = {} if sizes is None else {"split_sizes": sizes}
    return "split_with_sizes", {"dim": call.attributes.get("axis", 0)} | given, {1}


def _gather(call: Operator) -> Named | None:
    """One place along a dimension, or the rows of a table that the input names."""
    axis, index = call.attributes.get("axis", 0), call.tensors[1]
    if _is_constant(call, 0):
        return ("embedding", {"padding_idx": -1, "scale_grad_by_freq": False}, set()) if axis == 0 else None
    number = call.number(1)
    if number is None or index is None or index.shape or not isinstance(call.tensors[0], Tensor):
        return None
    return "select", {"dim": axis, "index": int(number)}, {1}


def _pad(call: Operator) -> Named | None:
    """PyTorch names the last dimension first, and leaves out those in front that are not padded."""
    pads, rank = call.integers("pads", 1), len(call.result)
    mode = call.attributes.get("mode", b"constant").decode()
    value = call.number(2) if call.given(2) else call.attributes.get("value")
    if pads is None or len(pads) != 2 * rank or (call.given(2) and value is None) or call.given(3):
        return None
    if mode not in _PADDINGS:
        return None
    padded = rank - 2 if not any(pads[:2] + pads[rank : rank + 2]) else rank
    ends = [pads[axis + half] for axis in reversed(range(rank - padded, rank)) for half in (0, rank)]
    numbers = {"pad": ends, "mode": _PADDINGS[mode]} | ({} if value is None else {"value": value})
    return "pad", numbers, {1, 2}


def _resize(call: Operator) -> Named | None:
    """Enlarging images, by copies or by lines between their points."""
    scales = call.tensors[2] if len(call.tensors) > 2 else None
    wanted = {
        "nearest": (b"asymmetric", "upsample_nearest2d"),
        "linear": (b"half_pixel", "upsample_bilinear2d"),
    }
    mode = call.attributes.get("mode", b"nearest").decode()
    if scales is None or scales.numbers is None or call.given(3) or mode not in wanted or call.given(1):
        return None
    how, name = wanted[mode]
    given = call.attributes.get("coordinate_transformation_mode", b"half_pixel")
    factors = [short(one) for one in scales.numbers.reshape(-1)]
    told = {"mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a"}
    # PyTorch's own half pixels differ only where one pixel is made.
    is_usual = (
        given.removeprefix(b"pytorch_") == how and set(call.attributes) <= told and min(call.result) > 1
    )
    if not is_usual or len(factors) != 4 or factors[:2] != [1, 1]:
        return None
    if mode == "nearest" and call.attributes.get("nearest_mode", b"round_prefer_floor") != b"floor":
        return None
    numbers: dict[str, Any] = {"scale_factors": factors[2:]}
    return name, numbers | ({"align_corners": False} if mode == "linear" else {}), {2}


def _shuffle(call: Operator) -> Named | None:
    if call.attributes.get("mode", b"DCR") != b"CRD":
        return None
    return "pixel_shuffle", {"upscale_factor": call.attributes["blocksize"]}, set()


def dropout_probability(call: Operator) -> float | None:
    """Return the probability of dropout, an argument or an attribute; None where it is not known."""
    return call.number(1) if call.given(1) else call.real("ratio", _RATIO)


def _dropout(call: Operator) -> Named | None:
    """Dropout that is trained."""
    probability = dropout_probability(call)
    return None if probability is None else ("dropout", {"p": probability}, {1, 2})


RULES: dict[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE, _plain),
    **dict.fromkeys(_COMPARISONS, _comparison),
    **dict.fromkeys(_REDUCTIONS, _reduction),
    **dict.fromkeys(("Conv", "ConvTranspose"), _convolution),
    **dict.fromkeys(("MaxPool", "AveragePool"), _pool),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _softmax),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _arithmetic),
    **dict.fromkeys(("Sum", "Mean"), _join),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), _view),
    **dict.fromkeys(("InstanceNormalization", "GroupNormalization"), _other_norm),
    "LeakyRelu": _with_real("alpha", "leaky_relu", "negative_slope", _SLOPE),
    "Celu": _with_real("alpha", "celu", "alpha", _ALPHA),
    "Elu": _elu,
    "Selu": _selu,
    "Gelu": _gelu,
    "Swish": _swish,
    "HardSigmoid": _hard_sigmoid,
    "Gemm": _linear,
    "MatMul": _matmul,
    "Einsum": _einsum,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "PRelu": _prelu,
    "Max": _maximum,
    "Min": _minimum,
    "Concat": _concatenation,
    "Clip": _clip,
    "Pow": _power,
    "Where": _where,
    "Expand": _expand,
    "Transpose": _transpose,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Pad": _pad,
    "Resize": _resize,
    "DepthToSpace": _shuffle,
    "Dropout": _dropout,
}
