"""The contents of small constants in ONNX graphs, those included that the file computes."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from contrastive_nas.graphs.tracing.onnx_operators import Array
from contrastive_nas.graphs.tracing.record import Dims

# Constants above this size are weights; their contents do not matter here.
_SMALL = 4096


def read(tensor: Any) -> Array | None:
    """The contents of a stored tensor; None if it is large."""
    from onnx import numpy_helper

    return numpy_helper.to_array(tensor) if np.prod(tensor.dims) <= _SMALL else None


def compute(
    node: Any, shapes: Sequence[Dims | None], numbers: Sequence[Array | None], opsets: Any
) -> Iterator[tuple[str, Array]]:
    """Names and contents of what a node gives that reads constants, or only the shape of a tensor.

    Args:
        node: an ONNX node.
        shapes: of its arguments.
        numbers: contents of its arguments.
        opsets: versions of the operators.
    """
    from onnx import helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    if node.op_type == "Shape" and shapes[0] is not None:
        limits = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        yield node.output[0], np.array(shapes[0][limits.get("start", 0) : limits.get("end")])
        return
    if node.op_type == "CastLike" and numbers[0] is not None:
        yield node.output[0], numbers[0]
        return
    known = [one for one in numbers if one is not None]
    if len(known) == len(numbers):
        stored = [numpy_helper.from_array(one, name) for one, name in zip(known, node.input, strict=True)]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
        graph = helper.make_graph([node], "constant", [], outputs, stored)
        try:
            found = ReferenceEvaluator(helper.make_model(graph, opset_imports=opsets)).run(None, {})
        except Exception:
            # An operator that the reference does not run leaves its result unknown, which is no error.
            return
        yield from zip(node.output, found, strict=True)
