"""Tensors of an ONNX graph: contents, types and shapes of what its operators give, and where the batch is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.tracing.onnx_origins import NOWHERE, Origin
from contrastive_nas.graphs.tracing.record import BATCH, Constant, Dims, Value

Array = NDArray[Any]
# Constants above this size are weights; their contents do not matter here.
_SMALL = 65_536
# Larger ones tell no shape: the longest shape has as many numbers as a tensor has dimensions.
_TELLS_SHAPE = 1024
FLOAT = 1
INTEGER = 7
BOOLEAN = 9
# Types of numbers that weights have: 32, 16 and 64 bits, bfloat16.
FLOATS = frozenset({FLOAT, 10, 11, 16})
_RESHAPES = frozenset({"Reshape", "Flatten"})
# These give what their first argument is in shape, which their definitions do not say.
_KEEP_SHAPE = frozenset({"GroupNormalization"})


@dataclass(frozen=True)
class Tensor:
    """A tensor while a file is being read.

    Attributes:
        found: the tensor as a value or a constant.
        shape: its shape in the file, where the batch may be 1 or any other number.
        kind: the number of its type.
        numbers: its contents, where it is a small constant.
        batch: the dimension that the batch is in; -1 where there is none.
        origin: where it comes from, if it is a constant.
    """

    found: Value | Constant
    shape: Dims
    kind: int
    numbers: Array | None = None
    batch: int = -1
    origin: Origin = NOWHERE


# A sequence of tensors is a list.
Found = Tensor | list[Tensor] | None


def contents(tensor: Any) -> Array | None:
    """Return the contents of a stored tensor; None if it is large."""
    from onnx import numpy_helper

    return numpy_helper.to_array(tensor) if math.prod(tensor.dims) <= _SMALL else None


def is_uniform(tensor: Any) -> bool:
    """Return whether all of several stored numbers are the same, as those of many layers are before any
    training.
    """
    from onnx import numpy_helper

    numbers = numpy_helper.to_array(tensor).reshape(-1)
    return numbers.size > 1 and bool(numbers[0] == numbers[1]) and bool((numbers == numbers[0]).all())


class Copies:
    """Stored tensors that hold the same numbers as an earlier one, be it in another order.

    Exporters store a weight that a network reads in several layouts once for each.
    """

    def __init__(self) -> None:
        self._first: dict[tuple[int, float, float], list[Any]] = {}

    def original(self, tensor: Any) -> Any:
        """Return the first tensor of the same numbers, which may be this one."""
        from onnx import numpy_helper

        numbers = numpy_helper.to_array(tensor).reshape(-1)
        if not numbers.size:
            return tensor
        # Sorting takes long, so these three are compared first.
        alike = self._first.setdefault((numbers.size, float(numbers.min()), float(numbers.max())), [])
        for other in alike:
            if np.array_equal(np.sort(numbers), np.sort(numpy_helper.to_array(other).reshape(-1))):
                return other
        alike.append(tensor)
        return tensor


def compute(node: Any, numbers: Sequence[Array | None], opsets: Mapping[str, int]) -> list[Array] | None:
    """Return what an operator gives for constants; None where it is not known, random or large.

    Args:
        node: an ONNX node without sub-graphs.
        numbers: contents of its arguments; None for those left out as well.
        opsets: versions of the operators by domain.
    """
    from onnx import helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    known = {name: one for name, one in zip(node.input, numbers, strict=True) if one is not None}
    if node.op_type.startswith(("Random", "Bernoulli")) or any(
        name and name not in known for name in node.input
    ):
        return None
    if node.op_type in {"ConstantOfShape", "Expand", "Tile"} and not _gives_few(
        node.op_type, list(known.values())
    ):
        return None
    stored = [numpy_helper.from_array(np.asarray(one), name) for name, one in known.items()]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "constant", [], outputs, stored)
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    try:
        found = ReferenceEvaluator(helper.make_model(graph, opset_imports=imports)).run(None, {})
    except Exception:
        # An operator that the reference does not run leaves its result unknown, which is no error.
        return None
    return [np.asarray(one) for one in found] if all(np.size(one) <= _SMALL for one in found) else None


def _gives_few(operator: str, numbers: list[Array]) -> bool:
    sizes = math.prod(int(size) for size in np.atleast_1d(numbers[-1]))
    return sizes * (numbers[0].size if operator == "Tile" else 1) <= _SMALL


def infer(
    node: Any, tensors: Sequence[Tensor | None], opsets: Mapping[str, int], stated: Mapping[str, Dims]
) -> list[tuple[int, Dims]]:
    """Return types and shapes of what an operator gives.

    Args:
        node: an ONNX node without sub-graphs.
        tensors: its arguments, None where one is left out.
        opsets: versions of the operators by domain.
        stated: shapes that the file states; only believed where the operator's definition tells nothing.

    Raises:
        InputError: the arguments do not fit, or the shape is not known from what is known here.
    """
    inferred = _by_definition(node, tensors, opsets)
    first = next((tensor for tensor in tensors if tensor is not None), None)
    results = []
    for name in node.output:
        kind, shape = inferred.get(name, (FLOAT, None))
        if shape is None:
            shape = stated.get(name)
        if shape is None and first is not None and (not inferred or node.op_type in _KEEP_SHAPE):
            # Of an operator that nobody knows, most are functions of each number by itself.
            kind, shape = first.kind, first.shape
        if shape is None and name:
            raise InputError(f"the shape of {name}, which {node.op_type} gives, cannot be inferred")
        results.append((kind, shape or ()))
    return results


def _by_definition(
    node: Any, tensors: Sequence[Tensor | None], opsets: Mapping[str, int]
) -> dict[str, tuple[int, Dims | None]]:
    from onnx import defs, helper, numpy_helper, shape_inference

    if not defs.has(node.op_type, node.domain) or node.domain not in opsets:
        return {}
    schema = defs.get_schema(node.op_type, opsets[node.domain], node.domain)
    types, numbers = {}, {}
    for name, tensor in zip(node.input, tensors, strict=True):
        if tensor is not None:
            types[name] = helper.make_tensor_type_proto(tensor.kind, tensor.shape)
            if tensor.numbers is not None and tensor.numbers.size <= _TELLS_SHAPE:
                numbers[name] = numpy_helper.from_array(tensor.numbers, name)
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    try:
        found = shape_inference.infer_node_outputs(schema, node, types, numbers, opset_imports=imports)
    except Exception as error:
        raise InputError(f"{node.op_type}, which gives {node.output[0]}: {first_line(error)}") from error
    return {name: (one.tensor_type.elem_type, _dims(one.tensor_type)) for name, one in found.items()}


def _dims(tensor: Any) -> Dims | None:
    if not tensor.HasField("shape"):
        return None
    known = all(size.HasField("dim_value") for size in tensor.shape.dim)
    return tuple(size.dim_value for size in tensor.shape.dim) if known else None


def stated_shapes(graph: Any, batch_name: str, batch: int) -> dict[str, Dims]:
    """Return shapes of all tensors whose shape the file states in full, its name for the batch being
    known.
    """
    found = {}
    for one in (*graph.value_info, *graph.output):
        sizes = one.type.tensor_type.shape.dim if one.type.tensor_type.HasField("shape") else []
        dims = [batch if batch_name and size.dim_param == batch_name else size.dim_value for size in sizes]
        if dims and all(dims):
            found[one.name] = tuple(dims)
    return found


def first_line(error: Exception) -> str:
    """Return the first line of an error that says something."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def batched(shape: Dims, axis: int, batch: int) -> Dims:
    """Return a shape of the file with ``BATCH`` in place of the batch."""
    if axis < 0 or batch == BATCH:
        return shape
    return (*shape[:axis], shape[axis] // batch * BATCH, *shape[axis + 1 :])


def batch_axis(
    operator: str, attributes: Mapping[str, Any], tensors: Sequence[Tensor | None], shape: Dims, batch: int
) -> int:
    """Return where the batch is in what an operator gives; -1 where it is in no dimension.

    Args:
        operator: its type.
        attributes: by name.
        tensors: its arguments, None where one is left out.
        shape: of its result.
        batch: its size.
    """
    position, x = next((i, one) for i, one in enumerate(tensors) if one and isinstance(one.found, Value))
    axis = _moved(operator, attributes, position, x, tensors, shape, batch) if x.batch >= 0 else -1
    if 0 <= axis < len(shape) and shape[axis] and shape[axis] % batch == 0:
        return axis
    return next((i for i, size in enumerate(shape) if size and size % batch == 0), -1)


def _moved(
    operator: str,
    attributes: Mapping[str, Any],
    position: int,
    x: Tensor,
    tensors: Sequence[Tensor | None],
    shape: Dims,
    batch: int,
) -> int:
    rank = len(x.shape)
    if operator == "Transpose":
        return list(attributes.get("perm", range(rank)[::-1])).index(x.batch)
    if operator in _RESHAPES:
        # As many numbers as before lie between two images in memory.
        before = math.prod(x.shape[: x.batch])
        places = (i for i in range(len(shape)) if math.prod(shape[:i]) == before and shape[i] % batch == 0)
        return next(places, -1)
    if operator == "Gather":
        axis = attributes.get("axis", 0) % max(len(tensors[0].shape), 1) if tensors[0] else 0
        if position == 1:
            return axis + x.batch
        return x.batch + (len(shape) - rank if x.batch > axis else 0)
    if operator == "Einsum":
        terms, _, output = attributes["equation"].decode().replace(" ", "").partition("->")
        term = terms.split(",")[position]
        return output.find(term[x.batch]) if "." not in term + output else 0
    if operator in {"Squeeze", "Unsqueeze"} or operator.startswith(("Reduce", "Arg")):
        return _beside(operator, attributes, x, tensors, shape)
    return x.batch + len(shape) - rank


def _beside(
    operator: str, attributes: Mapping[str, Any], x: Tensor, tensors: Sequence[Tensor | None], shape: Dims
) -> int:
    """The batch's dimension where others come or go."""
    rank = max(len(shape), len(x.shape))
    given = attributes.get("axes", attributes.get("axis"))
    if given is None and len(tensors) > 1 and tensors[1] is not None and tensors[1].numbers is not None:
        given = tensors[1].numbers
    axes = sorted(int(axis) % rank for axis in np.atleast_1d([] if given is None else given))
    if len(shape) == len(x.shape):
        return x.batch
    if operator == "Unsqueeze":
        place = x.batch
        for axis in axes:
            place += axis <= place
        return place
    if not axes:
        axes = [axis for axis, size in enumerate(x.shape) if size == 1]
    return -1 if x.batch in axes else x.batch - sum(axis < x.batch for axis in axes)
