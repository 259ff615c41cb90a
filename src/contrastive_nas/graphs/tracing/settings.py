"""What a function's arguments that are no tensors say beyond the features of its node.

Every argument counts unless it is known that the features or the edges of the node tell it (``_TOLD``), or
it has its usual value (``_USUAL``); so a function that nobody thought of is told apart by all its arguments.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from contrastive_nas.graphs.attributes import (
    NOT_HELD,
    digest,
    settings_digest,
    slice_attributes,
    window_attributes,
)
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing.record import Dims, encode, without_batch

# How tensors lie in memory, on which device: no matter what they hold.
_PLACE_NAMES = """
    device layout pin_memory memory_format requires_grad non_blocking copy sparse cudnn_enable cudnn_enabled
    inplace dtype
"""
_PLACES = frozenset(_PLACE_NAMES.split())
# Settings that are told by a node's features, edges or shapes.
_TOLD: dict[str, set[str]] = {
    name: set(told.split())
    for names, told in {
        "conv1d conv2d conv3d convolution": "stride padding dilation groups transposed",
        "conv_transpose1d conv_transpose2d conv_transpose3d": "stride dilation groups",
        "batch_norm native_batch_norm": "running_mean running_var training",
        "instance_norm": "running_mean running_var use_input_stats",
        "layer_norm": "normalized_shape",
        "group_norm": "num_groups",
        "max_pool1d max_pool2d max_pool3d": "kernel_size stride padding dilation ceil_mode",
        "avg_pool1d avg_pool2d avg_pool3d": "kernel_size stride padding ceil_mode count_include_pad",
        "lp_pool2d": "kernel_size stride",
        "cat concat concatenate": "dim axis tensors",
        "dropout lstm gru rnn_tanh rnn_relu": "train",
        "add sub mul div": "self other",
    }.items()
    for name in names.split()
}
# Those that tell only which mode the network is in, whatever nodes a function becomes.
_MODES = frozenset({"train", "training", "running_mean", "running_var", "use_input_stats"})
_USUAL: dict[str, dict[str, Any]] = {
    "conv_transpose1d": {"padding": [0], "output_padding": [0]},
    "conv_transpose2d": {"padding": [0, 0], "output_padding": [0, 0]},
    "conv_transpose3d": {"padding": [0, 0, 0], "output_padding": [0, 0, 0]},
    "convolution": {"output_padding": [0, 0]},
    "batch_norm": {"eps": 1e-5, "momentum": 0.1},
    "instance_norm": {"eps": 1e-5, "momentum": 0.1},
    "layer_norm": {"eps": 1e-5},
    "group_norm": {"eps": 1e-5},
    "leaky_relu": {"negative_slope": 0.01},
    "elu": {"alpha": 1, "scale": 1, "input_scale": 1},
    "celu": {"alpha": 1},
    "gelu": {"approximate": "none"},
    "softplus": {"beta": 1, "threshold": 20},
    "embedding": {"padding_idx": -1, "scale_grad_by_freq": False},
    "add": {"alpha": 1},
    "sub": {"alpha": 1},
}
_SAME_NAME = {
    "native_batch_norm": "batch_norm",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "_softmax": "softmax",
    "_log_softmax": "log_softmax",
    "special_log_softmax": "log_softmax",
    "native_dropout": "dropout",
    "max_pool1d_with_indices": "max_pool1d",
    "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d",
}
# Functions that an operation stands for, where its name alone says which it is.
_PLAIN = {
    Operation.CONV: "conv1d conv2d conv3d convolution",
    Operation.CONV_TRANSPOSE: "conv_transpose1d conv_transpose2d conv_transpose3d",
    Operation.LINEAR: "linear",
    Operation.EMBEDDING: "embedding",
    Operation.BATCH_NORM: "batch_norm",
    Operation.LAYER_NORM: "layer_norm",
    Operation.GROUP_NORM: "group_norm",
    Operation.INSTANCE_NORM: "instance_norm",
    Operation.LEAKY_RELU: "leaky_relu",
    Operation.PRELU: "prelu",
    Operation.ELU: "elu celu",
    Operation.MAX_POOL: "max_pool1d max_pool2d max_pool3d",
    Operation.AVG_POOL: "avg_pool1d avg_pool2d avg_pool3d",
    Operation.ADD: "add linear addmm",
    Operation.MUL: "mul",
    Operation.SUB: "sub",
    Operation.DIV: "div",
    Operation.CONCAT: "cat concat concatenate",
    Operation.MAXIMUM: "maximum max",
    Operation.SLICE: "slice narrow",
    Operation.RESHAPE: "view reshape flatten unflatten squeeze unsqueeze view_as reshape_as _unsafe_view",
}
_COPY_NAMES = "contiguous clone alias to _to_copy type_as lift_fresh_copy positive"
_COPIES = frozenset(_COPY_NAMES.split())
# Activations whose names are those of the functions; what a network spells out as them is them.
_NAMED = {one: one.name.lower() for one in Operation if Operation.RELU <= one <= Operation.LOG_SOFTMAX}
_NAMED |= {Operation.HARD_SIGMOID: "hardsigmoid", Operation.HARD_SWISH: "hardswish"}


@dataclass(frozen=True)
class Settings:
    """A call as its settings see it.

    Attributes:
        name: of the function.
        numbers: arguments that are no tensors, and digests of those that are constants, by name.
        shapes: of the tensors among the arguments that depend on the input, with the batch.
        constants: shapes of the arguments that are constants, by name.
        result: the first tensor that it gives.
        changes_type: whether that has another type than the first argument.
        training: whether the network is in training mode.
        detail: of the node, as :class:`contrastive_nas.graphs.tracing.record.Node` has it.
        last: whether one of the tensors has its channels last.
    """

    name: str
    numbers: Mapping[str, Any]
    shapes: Sequence[Dims]
    constants: Mapping[str, Dims]
    result: Tensor
    changes_type: bool
    training: bool
    detail: tuple[Any, ...]
    last: bool

    def attributes(self, operation: Operation) -> int:
        """Return the digest for a node of this type; 0 if nothing is unusual.

        Raises:
            TypeError: an argument is of a kind that has no digest.
        """
        name = _SAME_NAME.get(self.name, self.name)
        found = _RULES.get(operation, _general)(self, name, operation)
        return digest("type", str(self.result.dtype), found) if self.changes_type else found

    def unusual(self, name: str, *, is_plain: bool = True) -> dict[str, Any]:
        """Return the settings that nothing else tells.

        Args:
            name: of the function.
            is_plain: whether the node is of the type that stands for the function; the features of another
                one, e.g. of the product that a convolution with computed weights is, tell nothing.
        """
        told, usual = _TOLD.get(name, set()), _USUAL.get(name, {})
        told = told if is_plain else told & _MODES
        found = {
            key: self._counted(key, value)
            for key, value in self.numbers.items()
            if key not in told and (key in self.constants or key not in _PLACES)
        }
        self._check(found)
        found = {key: value for key, value in found.items() if value is not None}
        kept = {key: value for key, value in found.items() if key not in usual}
        return kept | {
            key: found[key] for key in usual if key in found and digest(found[key]) != digest(usual[key])
        }

    def noise(self) -> dict[str, Any]:
        """Return how the constants among the arguments are computed."""
        found = {key: self.numbers[key] for key in sorted(self.constants) if key in self.numbers}
        self._check(found)
        return found

    def _check(self, found: Mapping[str, Any]) -> None:
        if holds_unknown(found.values()):
            raise TypeError("a constant of unknown contents")

    def _counted(self, key: str, value: Any) -> Any:
        """Negative dimensions as positive ones."""
        if key not in {"dim", "dims", "dim0", "dim1"} or not self.shapes:
            return value
        rank = max(len(self.shapes[0]), 1)
        return [one % rank for one in value] if isinstance(value, list | tuple) else value % rank


def _general(call: Settings, name: str, operation: Operation) -> int:
    is_plain = name in _PLAIN.get(operation, "").split() or name == _NAMED.get(operation)
    found = call.unusual(name, is_plain=is_plain)
    return settings_digest(name, found if is_plain else found | {"function": name})


def _activation(call: Settings, name: str, operation: Operation) -> int:
    """What is spelled out in several functions is the activation itself, if its numbers are exact."""
    if call.detail[:1] == ("inexact",):
        return digest(*call.detail)
    if name in {"mul", "div", "hardtanh", "clamp", "clip", "clamp_min", "clamp_max"}:
        return 0
    return _general(call, name, operation)


def _softmax(call: Settings, name: str, operation: Operation) -> int:
    """Usually over the last dimension of more than one size, as sizes of one at the end are not told."""
    last = len(_without_ones(call.shapes[0])) - 1
    return settings_digest(name, call.unusual(name), {"dim": last, "half_to_float": False})


def _elementwise(call: Settings, name: str, operation: Operation) -> int:
    detail = call.detail
    if len(detail) > 1 and all(one is None or isinstance(one, int | float) for one in detail[1:]):
        return digest(*detail)
    return _both(_general(call, name, operation), settings_digest("aligned", _alignment(call)))


def _identity(call: Settings, name: str, operation: Operation) -> int:
    if "dropout" in name:
        probability = call.numbers.get("p")
        return digest(name, probability) if probability else 0
    if name == "detach":
        return digest(name)
    if name in _COPIES:
        return 0
    # A number that changes nothing is told by the operation; noise is a constant.
    return settings_digest(name, call.noise())


def _usual(call: Settings, name: str, operation: Operation) -> int:
    return 0


def _join(call: Settings, name: str, operation: Operation) -> int:
    further = _alignment(call)
    if name in _SUMS and operation in _PLAIN and name in _PLAIN[operation].split():
        return settings_digest(name, {**_of_sums(call, name), **further})
    return _both(settings_digest(name, further), _general(call, name, operation))


def _alignment(call: Settings) -> dict[str, Any]:
    """Tensors of unequal rank are aligned by their shapes, which nodes do not hold in full."""
    return {"shapes": list(call.shapes)} if len({len(shape) for shape in call.shapes}) > 1 else {}


_SUMS = frozenset({"add", "sub", "mul", "div", "maximum"})


def _of_sums(call: Settings, name: str) -> dict[str, Any]:
    return {key: value for key, value in call.unusual(name).items() if key not in call.constants}


_CONCATENATIONS = frozenset({*_PLAIN[Operation.CONCAT].split(), "hstack", "vstack"})


def _concatenation(call: Settings, name: str, operation: Operation) -> int:
    rank = len(call.result.shape)
    if name == "stack" or rank > 4:
        return digest(name, call.numbers.get("dim", 0), list(call.shapes))
    # Recurrent layers that go both ways end in one too.
    return 0 if name in _CONCATENATIONS else _general(call, name, operation)


def _convolution(call: Settings, name: str, operation: Operation) -> int:
    rank = len(call.result.shape) - 2
    found = call.unusual(name)
    stride, padding, dilation = (call.numbers.get(key) for key in ("stride", "padding", "dilation"))
    weight = call.constants.get("weight")
    if name not in _PLAIN[Operation.CONV].split() or weight is None:
        return _general(call, name, operation)
    kernel = weight[2:]
    stride, dilation = _spread(stride, rank), _spread(dilation, rank)
    if rank > 2:
        found |= {"kernel": kernel, "stride": stride, "dilation": dilation}
    whole = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if padding in ("same", "valid"):
        padding = [size / 2 if padding == "same" else 0 for size in whole]
    window = window_attributes(
        call.shapes[0][2:], call.result.shape[2:], kernel, stride, dilation, _spread(padding, rank)
    )
    return _both(window, settings_digest("convolution", found))


def _transposed_convolution(call: Settings, name: str, operation: Operation) -> int:
    """Features hold the windows of one or two dimensions; of three they hold two in one."""
    found, weight = _general(call, name, operation), call.constants.get("weight")
    if weight is None or len(weight) < 5:
        return found
    sizes = {key: _spread(call.numbers.get(key) or [1], 3) for key in ("stride", "dilation")}
    return _both(found, settings_digest("windows", sizes | {"kernel": weight[2:]}))


def _pool(call: Settings, name: str, operation: Operation) -> int:
    if name not in _PLAIN[operation].split():
        return _general(call, name, operation)
    rank = int(name[-2])
    kernel = _spread(call.numbers["kernel_size"], rank)
    stride = _spread(call.numbers.get("stride") or kernel, rank)
    dilation = _spread(call.numbers.get("dilation") or [1], rank)
    padding = _spread(call.numbers.get("padding") or [0], rank)
    found = call.unusual(name)
    if rank > 2:
        found |= {"kernel": kernel, "stride": stride, "dilation": dilation}
    # Without padding there is none to be counted.
    if operation == Operation.AVG_POOL and any(padding) and call.numbers.get("count_include_pad", True):
        found |= {"count_include_pad": True}
    ceil = bool(call.numbers.get("ceil_mode"))
    window = window_attributes(
        call.shapes[0][-rank:], call.result.shape[-rank:], kernel, stride, dilation, padding, ceil=ceil
    )
    return _both(window, settings_digest("pool", found))


def _spread(sizes: Any, rank: int) -> list[Any]:
    listed = list(sizes) if isinstance(sizes, list | tuple) else [sizes]
    return listed * rank if len(listed) == 1 else listed


def _both(*digests: int) -> int:
    found = [one for one in digests if one]
    return found[0] if len(found) == 1 else digest("both", found) if found else 0


def _global_pool(call: Settings, name: str, operation: Operation) -> int:
    """Where channels are last it matters what stays, and whether the layer takes other ones for channels."""
    dims = without_batch(call.shapes[0])
    if not call.last or len(dims) < 2:
        return 0
    if name in ("mean", "amax"):
        return settings_digest(name, {"keepdim": bool(call.numbers.get("keepdim"))}, {"keepdim": False})
    return digest(name) if encode(dims, True) == encode(dims, False) else 0


def _batch_norm(call: Settings, name: str, operation: Operation) -> int:
    further: dict[str, Any] = {}
    if "running_mean" not in call.constants:
        further["running"] = False
    elif call.numbers.get("training", call.training) != call.training:
        further["other_mode"] = True
    return settings_digest(name, call.unusual(name) | further)


def _layer_norm(call: Settings, name: str, operation: Operation) -> int:
    shape = call.numbers.get("normalized_shape") or []
    further = {} if len(shape) == 1 and "weight" in call.constants else {"normalized_shape": shape}
    found = call.unusual(name) | further | ({} if name == "layer_norm" else {"function": name})
    return settings_digest(name, found)


def _instance_norm(call: Settings, name: str, operation: Operation) -> int:
    further: dict[str, Any] = {}
    if "running_mean" in call.constants:
        further["other_mode"] = call.numbers.get("use_input_stats") != call.training
    return settings_digest(name, call.unusual(name) | further)


_SPLITS = frozenset({"chunk", "split", "split_with_sizes", "unsafe_split", "unsafe_chunk"})


def _slice(call: Settings, name: str, operation: Operation) -> int:
    if name in _SPLITS:
        return _split(call)
    if name not in ("slice", "narrow") or len(call.shapes[0]) > 4:
        return _general(call, name, operation) or digest(name)
    axis = call.numbers.get("dim") or 0
    start, step = call.numbers.get("start") or 0, call.numbers.get("step") or 1
    size = call.shapes[0][axis]
    return slice_attributes(max(start + size, 0) if start < 0 else start, step)


def _split(call: Settings) -> int:
    """Into parts of one size, of which the last one may be smaller, or of several sizes."""
    axis = (call.numbers.get("dim") or 0) % len(call.shapes[0])
    part = call.result.shape[axis]
    given = call.numbers.get("split_sizes") or call.numbers.get("split_size")
    sizes = given if isinstance(given, list | tuple) else [part]
    is_even = all(size == part for size in sizes[:-1]) and sizes[-1] <= part
    return digest("split", axis, part) if is_even else digest("split", axis, list(sizes))


def _reshape(call: Settings, name: str, operation: Operation) -> int:
    """Sizes of one at the end, and flattening what has its channels first, are told by the shapes."""
    if name not in _PLAIN[Operation.RESHAPE].split():
        shapes = [*call.shapes[:1], tuple(call.result.shape)]
        return settings_digest(
            name, call.unusual(name, is_plain=False) | {"function": name, "shapes": shapes}
        )
    before, after = call.shapes[0], tuple(call.result.shape)
    if _without_ones(before) == _without_ones(after) and not _turns(call, before, after):
        return 0
    if len(after) == 2 and len(before) == 4 and after[0] == before[0] and not call.last:
        return 0
    return digest("reshape", list(before), list(after))


def _turns(call: Settings, before: Dims, after: Dims) -> bool:
    """Whether channels that were last are no longer, though the shapes that nodes have do not show it."""
    dims = without_batch(before), without_batch(after)
    return call.last and len(dims[0]) > 1 and encode(dims[0], True) == encode(dims[1], False)


def _without_ones(shape: Dims) -> Dims:
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _permute(call: Settings, name: str, operation: Operation) -> int:
    """Of whichever function another order of the dimensions is, it is told by that order."""
    rank = len(call.shapes[0])
    order = list(range(rank))
    if name == "permute":
        order = [axis % rank for axis in call.numbers["dims"]]
    elif name == "numpy_T":
        order.reverse()
    elif name in _SWAPS:
        first = next((call.numbers[key] for key in _FIRST_AXIS if key in call.numbers), 0)
        second = next((call.numbers[key] for key in _SECOND_AXIS if key in call.numbers), rank - 1)
        order[first], order[second] = order[second], order[first]
    else:
        return _general(call, name, operation)
    return digest("permute", order)


# Functions that swap two dimensions, and what they call these.
_SWAPS = frozenset({"transpose", "swapaxes", "swapdims", "t"})
_FIRST_AXIS, _SECOND_AXIS = ("dim0", "axis0"), ("dim1", "axis1")


def _shaped(call: Settings, name: str, operation: Operation) -> int:
    """Products and attention: features hold neither heads nor which dimensions are multiplied."""
    found = call.unusual(name, is_plain=False)
    return settings_digest(name, {**found, "function": name, "shapes": list(call.shapes)})


Rule = Callable[[Settings, str, Operation], int]
_RULES: dict[Operation, Rule] = {
    **dict.fromkeys(_NAMED, _activation),
    **dict.fromkeys((Operation.ZERO, Operation.MEAN), _usual),
    **dict.fromkeys((Operation.GLOBAL_AVG_POOL, Operation.GLOBAL_MAX_POOL), _global_pool),
    **dict.fromkeys((Operation.ADD, Operation.MUL, Operation.SUB, Operation.DIV, Operation.MAXIMUM), _join),
    Operation.SOFTMAX: _softmax,
    Operation.LOG_SOFTMAX: _softmax,
    Operation.ELEMENTWISE: _elementwise,
    Operation.IDENTITY: _identity,
    Operation.CONCAT: _concatenation,
    Operation.CONV: _convolution,
    Operation.CONV_TRANSPOSE: _transposed_convolution,
    Operation.MAX_POOL: _pool,
    Operation.AVG_POOL: _pool,
    Operation.BATCH_NORM: _batch_norm,
    Operation.LAYER_NORM: _layer_norm,
    Operation.INSTANCE_NORM: _instance_norm,
    Operation.SLICE: _slice,
    Operation.RESHAPE: _reshape,
    Operation.PERMUTE: _permute,
    Operation.MATMUL: _shaped,
    Operation.ATTENTION: _shaped,
}


def holds_unknown(found: Iterable[Any]) -> bool:
    """Return whether the contents of a constant among the settings are not known."""
    return any(
        holds_unknown(one) if isinstance(one, list) else isinstance(one, int) and one == NOT_HELD
        for one in found
    )


def of_bytes(tensor: Tensor) -> int:
    """Return the digest of a constant's contents, of its shape and its type."""
    flat = tensor.detach().cpu().contiguous().flatten()
    raw = bytes(flat.view(torch.uint8).numpy()) if flat.numel() else b""
    return digest("constant", str(tensor.dtype), list(tensor.shape), raw)
