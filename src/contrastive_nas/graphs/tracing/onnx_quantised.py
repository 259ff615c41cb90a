"""Quantised ONNX graphs as the networks of real numbers that they stand for.

A quantised operator becomes its twin on real numbers, stored integers that are weights become real numbers of
the same shape, and what only turns one into the other becomes an identity. Scales and zero points are no
parameters of the network.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

# The twin of an operator, and which of its arguments are tensors; the others are scales and zero points.
# The operators without Q in their definition by ONNX are those of onnxruntime (domain com.microsoft).
_TWINS: dict[str, tuple[str, tuple[int, ...]]] = {
    "QLinearConv": ("Conv", (0, 3, 8)),
    "ConvInteger": ("Conv", (0, 1)),
    "QLinearMatMul": ("MatMul", (0, 3)),
    "MatMulInteger": ("MatMul", (0, 1)),
    "MatMulIntegerToFloat": ("MatMul", (0, 1, 6)),
    "DynamicQuantizeMatMul": ("MatMul", (0, 1, 4)),
    "QGemm": ("Gemm", (0, 3, 6)),
    "QLinearAdd": ("Add", (0, 3)),
    "QLinearMul": ("Mul", (0, 3)),
    "QLinearLeakyRelu": ("LeakyRelu", (0,)),
    "QLinearSigmoid": ("Sigmoid", (0,)),
    "QLinearSoftmax": ("Softmax", (0,)),
    "QLinearAveragePool": ("AveragePool", (0,)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearReduceMean": ("ReduceMean", (0,)),
    "QuantizeLinear": ("Identity", (0,)),
    "DequantizeLinear": ("Identity", (0,)),
}
# A concatenation reads its own scale and zero point, then a tensor and its two, again and again.
_CONCAT, _FIRST, _EVERY = "QLinearConcat", 2, 3
_DYNAMIC = "DynamicQuantizeLinear"
# Where results of the quantised operators have other attributes than their twins.
_OWN_ATTRIBUTES = frozenset({"channels_last", "opset", "saturate", "block_size", "output_dtype", "precision"})


def as_float(graph: Any) -> None:
    """Make every quantised operator of a graph, sub-graphs included, its twin on real numbers, in place."""
    scales: set[str] = set()
    integers: set[str] = set()
    nodes = [new for node in graph.node for new in _twin(node, scales, integers)]
    if not integers and not scales:
        return
    del graph.node[:]
    graph.node.extend(nodes)
    _as_reals(graph, integers)


def is_quantised(graph: Any) -> bool:
    """Return whether a graph, sub-graphs included, has a quantised operator."""
    kinds = {*_TWINS, _CONCAT, _DYNAMIC}
    return any(
        node.op_type in kinds
        or any(is_quantised(inner) for one in node.attribute for inner in [one.g, *one.graphs])
        for node in graph.node
    )


def _twin(node: Any, scales: set[str], integers: set[str]) -> Iterator[Any]:
    """What stands for a node; notes names of scales, and of tensors that were integers."""
    from onnx import helper

    for attribute in node.attribute:
        for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
            as_float(inner)
    if node.op_type == _DYNAMIC:
        scales.update(node.output[1:])
        yield helper.make_node("Identity", node.input[:1], node.output[:1])
        yield from _ones(node.output[1:])
    elif node.op_type == "Mul" and scales.intersection(node.input) and _is_scale(node, scales):
        scales.update(node.output)
        yield from _ones(node.output)
    elif node.op_type in _TWINS or node.op_type == _CONCAT:
        twin, places = _TWINS.get(node.op_type, ("Concat", range(_FIRST, len(node.input), _EVERY)))
        names = [node.input[place] for place in places if place < len(node.input)]
        integers.update(name for name in names if name)
        yield from _operator(node, twin, names)
    else:
        yield node


def _operator(node: Any, twin: str, names: Sequence[str]) -> Iterator[Any]:
    from onnx import helper

    attributes = {
        attribute.name: helper.get_attribute_value(attribute)
        for attribute in node.attribute
        if attribute.name not in _OWN_ATTRIBUTES and twin != "Identity"
    }
    bias = names[2:] if twin == "MatMul" and names[2:] != [""] else []
    product = f"{node.output[0]} without bias" if bias else node.output[0]
    inputs = names[:2] if twin == "MatMul" else names
    yield helper.make_node(twin, inputs, [product], **attributes)
    if bias:
        yield helper.make_node("Add", [product, *bias], node.output[:1])


def _is_scale(node: Any, scales: set[str]) -> bool:
    """Whether a product of scales is that, and not of a scale and a tensor of the network."""
    return all(name in scales or name.endswith("_scale") for name in node.input)


def _ones(names: Sequence[str]) -> Iterator[Any]:
    from onnx import helper

    return (helper.make_node("Constant", [], [name], value_float=1.0) for name in names if name)


def _as_reals(graph: Any, integers: set[str]) -> None:
    """Turns the stored tensors and inputs of these names into real numbers."""
    from onnx import TensorProto, helper, numpy_helper

    kept = []
    for node in graph.node:
        if node.op_type == "Constant" and node.output[0] in integers:
            value = helper.get_attribute_value(node.attribute[0])
            if isinstance(value, TensorProto):
                value.name = node.output[0]
                graph.initializer.append(value)
                continue
        kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    for stored in graph.initializer:
        if stored.name in integers:
            numbers = numpy_helper.to_array(stored).astype(np.float32)
            stored.CopyFrom(numpy_helper.from_array(numbers, stored.name))
    for one in graph.input:
        if one.name in integers:
            one.type.tensor_type.elem_type = TensorProto.FLOAT
