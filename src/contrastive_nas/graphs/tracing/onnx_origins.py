"""Where the constants of an ONNX file come from: which are trained, which hold numbers, which are not known.

A file does not tell parameters from other stored numbers. Weights of layers are taken for trained ones, in
whatever layout they are stored. Elsewhere only what the exporter marks as a parameter is known to be one
(``torch.onnx.export(..., dynamo=True)`` does), and only what it marks as no parameter, or what the file
computes itself, is known to be none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.attributes import NOT_HELD, digest

TRANSPOSED = digest("transposed")
# Where PyTorch's exporter says what a stored tensor is in the module.
PARAMETER = "PARAMETER"
_KIND = "pkg.torch.export.graph_signature.InputSpec.kind"
# Only another view of the same numbers.
_VIEWS = frozenset({"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"})
# What these give differs from one run to the next.
_RANDOM = ("Random", "Bernoulli", "Multinomial")
# How many numbers of a tensor are looked at to tell drawn ones from written ones, and how many of them have
# to differ; of drawn real numbers hardly two are the same.
_LOOKED_AT, _DIFFERENT = 1024, 0.5
# A single number of more digits than this is one that was trained.
_DIGITS_WRITTEN = 4


@dataclass(frozen=True)
class Origin:
    """Where a constant comes from.

    Attributes:
        weight: the digest of what it is as the weights of a layer, 0 for trained ones.
        operand: the same as an operand.
        reads: the stored tensors that it is computed from.
        layout: how its numbers lie beside those of the one that it is a view of, 0 for alike.
    """

    weight: int
    operand: int
    reads: tuple[str, ...] = ()
    layout: int = 0


NOWHERE = Origin(NOT_HELD, NOT_HELD)


def marks(graph: Any) -> dict[str, str]:
    """Return what the exporter says stored tensors are in the module, e.g. PARAMETER or BUFFER, by name."""
    return {
        one.name: entry.value
        for one in (*graph.value_info, *graph.initializer)
        for entry in getattr(one, "metadata_props", ())
        if entry.key == _KIND
    }


def stored(mark: str | None, name: str, numbers: NDArray[Any] | None, *, trained: bool) -> Origin:
    """Return the origin of a stored tensor.

    Args:
        mark: what the exporter says of it.
        name: of the tensor.
        numbers: its contents where they are few.
        trained: whether it is one of those that count as parameters.
    """
    if not trained or (mark is not None and mark != PARAMETER):
        held = NOT_HELD if numbers is None else of_numbers(numbers)
        return Origin(held, held)
    return Origin(0, 0 if mark else NOT_HELD, (name,))


def copy_of(origin: Origin, first: NDArray[Any], own: NDArray[Any]) -> Origin:
    """Return the origin of a stored tensor that holds the numbers of another one, which has an origin."""
    if first.shape == own.shape and np.array_equal(first, own):
        return origin
    if first.ndim == own.ndim == 2 and np.array_equal(first.T, own):
        return Origin(origin.weight, NOT_HELD, origin.reads, TRANSPOSED)
    return Origin(NOT_HELD, NOT_HELD, origin.reads)


def computed(
    node: Any,
    attributes: Mapping[str, Any],
    read: Sequence[Origin | None],
    shapes: Sequence[tuple[int, ...]],
    numbers: NDArray[Any] | None,
    place: int,
) -> Origin:
    """Return the origin of what an operator gives that reads constants.

    Args:
        node: of the file.
        attributes: of the operator.
        read: the origins of its arguments, None where one is left out.
        shapes: of its arguments and of the result.
        numbers: contents of the result, where they are known.
        place: of the result among several.
    """
    reads = tuple(dict.fromkeys(name for one in read if one for name in one.reads))
    if numbers is not None and not reads:
        held = of_numbers(numbers)
        return Origin(held, held)
    operands = [None if one is None else one.operand for one in read]
    expression = _expression(node, attributes, operands, shapes, place)
    first = next(iter(read), None)
    if first is None or not reads or node.op_type not in _VIEWS:
        return Origin(expression, expression, reads)
    if node.op_type == "Identity":
        return first
    return Origin(first.weight, expression, reads, _layout(node, attributes, first.layout, shapes))


def _layout(node: Any, attributes: Mapping[str, Any], before: int, shapes: Sequence[tuple[int, ...]]) -> int:
    inside, outside = shapes[0], shapes[-1]
    if node.op_type != "Transpose":
        without = [[size for size in shape if size > 1] for shape in (inside, outside)]
        return before if without[0] == without[1] else digest("view", before, list(inside), list(outside))
    order = list(attributes.get("perm", range(len(inside))[::-1]))
    if len(inside) == 2 and order == [1, 0] and before in (0, TRANSPOSED):
        return 0 if before else TRANSPOSED
    return before if order == list(range(len(inside))) else digest("order", before, order)


def _expression(
    node: Any,
    attributes: Mapping[str, Any],
    operands: Sequence[int | None],
    shapes: Sequence[tuple[int, ...]],
    place: int,
) -> int:
    settings = of_attributes(attributes)
    if node.op_type.startswith(_RANDOM) or settings is None or NOT_HELD in operands:
        return NOT_HELD
    return digest("onnx", node.domain, node.op_type, settings, operands, [list(one) for one in shapes], place)


def of_numbers(numbers: NDArray[Any]) -> int:
    """Return the digest of a constant's contents, the same as that of a tensor of PyTorch."""
    numbers = np.ascontiguousarray(numbers)
    kind = f"torch.{numbers.dtype.name}"
    return digest("constant", kind, list(numbers.shape), numbers.tobytes())


def of_attributes(attributes: Mapping[str, Any]) -> list[Any] | None:
    """Return all attributes of an operator as they go into a digest; None where one has none, e.g. a
    sub-graph.
    """
    found: list[Any] = []
    for name in sorted(attributes):
        value = _plain(attributes[name])
        if value is None:
            return None
        found.append([name, value])
    return found


def _plain(value: Any) -> Any:
    from onnx import TensorProto, numpy_helper

    if isinstance(value, int | float | bytes | str):
        return value
    if isinstance(value, TensorProto):
        return of_numbers(numpy_helper.to_array(value))
    if isinstance(value, list | tuple) or type(value).__name__.startswith("Repeated"):
        found = [_plain(one) for one in value]
        return None if any(one is None for one in found) else found
    return None


def short(number: Any) -> float:
    """Return a number as it was written in decimal before it was stored in few bits: 0.1 for 0.100000001."""
    number = np.asarray(number).reshape(-1)[0]
    return float(np.format_float_positional(number)) if isinstance(number, np.floating) else float(number)


def short_attribute(number: float) -> float:
    """Return the same for an attribute, which files hold in 32 bits."""
    return short(np.float32(number))


def is_drawn(numbers: NDArray[Any]) -> bool:
    """Return whether numbers were drawn or trained, so that a second tensor with the same ones is the same
    weight.

    Numbers that somebody wrote, such as ones, zeros or an identity, are those of many layers before training.
    """
    some = np.asarray(numbers).reshape(-1)[:_LOOKED_AT]
    if some.size == 1:
        digits = np.format_float_scientific(np.float32(some[0])).partition("e")[0]
        return sum(sign.isdigit() for sign in digits) > _DIGITS_WRITTEN
    return len(np.unique(some)) > _DIFFERENT * some.size


def is_fixed_filter(numbers: NDArray[Any]) -> bool:
    """Return whether several filters of a convolution are one and the same, as those are that blur."""
    rows = numbers.reshape(len(numbers), -1) if numbers.ndim > 1 else numbers.reshape(1, -1)
    return len(rows) > 1 and bool(rows.any()) and bool((rows == rows[0]).all())
