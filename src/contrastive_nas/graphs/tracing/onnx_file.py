"""The computation graph of a network in an ONNX file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.attributes import NOT_HELD, digest
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import ComputationGraph
from contrastive_nas.graphs.tracing import onnx_constants
from contrastive_nas.graphs.tracing.onnx_operators import HANDLERS, Array, OnnxCall
from contrastive_nas.graphs.tracing.record import BATCH, Constant, Dims, Recorder, Value
from contrastive_nas.graphs.tracing.tracer import report_unknown


def trace_onnx(path: str | Path) -> ComputationGraph:
    """The computation graph of an ONNX file; needs the extra ``onnx``.

    Exporters merge a batch norm into the convolution before it, and such a file gives the merged network;
    ``torch.onnx.export(..., optimize=False)`` does not.

    Args:
        path: of a model with one input, whose first dimension is the batch: free, or 1.

    Raises:
        InputError: the extra is missing, the file is no valid model, or the shapes of its tensors cannot be
            found.
    """
    try:
        import onnx
    except ImportError as error:
        raise InputError("reading ONNX files needs the extra: pip install 'contrastive-nas[onnx]'") from error
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
    except Exception as error:
        raise InputError(f"{path}: not a valid ONNX model: {_first_line(error)}") from error
    _fix_batch(model, path)
    try:
        model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except Exception as error:
        raise InputError(f"{path}: shapes cannot be inferred: {_first_line(error)}") from error
    record = Recorder()
    outputs = _Walk(model, record, path).outputs()
    # Contents of constants, which operators also read as settings, are not held.
    record.nodes[0].attributes = int(NOT_HELD)
    report_unknown(str(path), record)
    return record.graph(outputs)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _network_inputs(graph: Any) -> list[Any]:
    weights = {tensor.name for tensor in graph.initializer}
    return [one for one in graph.input if one.name not in weights]


def _fix_batch(model: Any, path: str | Path) -> None:
    """Gives a free batch the size ``BATCH``, in all shapes that the file states."""
    inputs = _network_inputs(model.graph)
    if len(inputs) != 1:
        raise InputError(f"{path}: {len(inputs)} inputs, where one image was expected")
    batch, *image = inputs[0].type.tensor_type.shape.dim
    free = not batch.dim_value
    name = batch.dim_param
    if not (free or batch.dim_value == 1) or not all(dimension.dim_value for dimension in image):
        sizes = [dimension.dim_value or dimension.dim_param or "?" for dimension in (batch, *image)]
        raise InputError(
            f"{path}: input {inputs[0].name} has shape {sizes}; only a batch may be free, else it is 1"
        )
    if not free:
        return
    batch.dim_value = BATCH
    for stated in (*model.graph.value_info, *model.graph.output):
        for dimension in stated.type.tensor_type.shape.dim:
            if name and dimension.dim_param == name:
                dimension.dim_value = BATCH


class _Walk:
    """A walk over an ONNX graph that writes nodes as it goes."""

    def __init__(self, model: Any, record: Recorder, path: str | Path) -> None:
        self._graph, self._record, self._path = model.graph, record, path
        self._opsets = list(model.opset_import)
        self._numbers: dict[str, Array] = {}
        self._found: dict[str, Value | Constant | None] = {"": None}
        self._shapes = dict(_stated_shapes(model.graph))

    def outputs(self) -> list[Value]:
        """Writes everything; gives the results of the network."""
        source = _network_inputs(self._graph)[0].name
        self._found[source] = self._record.add(Operation.INPUT, [], self._shapes[source], last=False)
        for tensor in self._graph.initializer:
            shape = tuple(tensor.dims)
            is_weight = tensor.data_type in _FLOATS and len(shape) > 0
            self._found[tensor.name] = Constant(
                tensor.name, shape, ((tensor.name, int(np.prod(shape))),) if is_weight else ()
            )
            numbers = onnx_constants.read(tensor)
            if numbers is not None:
                self._numbers[tensor.name] = numbers
        for node in self._graph.node:
            self._write(node)
        results = [self._found[output.name] for output in self._graph.output]
        return [
            result if isinstance(result, Value) else self._record.constant(result)
            for result in results
            if result is not None
        ]

    def _write(self, node: Any) -> None:
        from onnx import helper

        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        arguments = [self._found[name] for name in node.input]
        # These look at the shape or the type of a tensor, not at its numbers.
        read = {"Shape": [], "Size": [], "CastLike": arguments[:1]}.get(node.op_type, arguments)
        if not any(isinstance(argument, Value) for argument in read):
            self._write_constant(node)
            return
        if node.op_type == "SplitToSequence":
            # What is taken from the sequence is a slice of the tensor.
            self._found[node.output[0]] = arguments[0]
            return
        names = [name for name in node.output if name]
        shapes = [self._shape(name, node.op_type) for name in names]
        call = OnnxCall(
            self._record,
            node.op_type,
            arguments,
            attributes,
            shapes,
            lambda place: self._constant(node, place),
        )
        handler, first = HANDLERS.get(node.op_type), len(self._record.nodes)
        result = handler(call) if handler else self._record.unknown_node(node.op_type, call.values, shapes[0])
        results = result if isinstance(result, list) else [result] * len(names)
        self._found.update(zip(names, results, strict=True))
        self._note(node.op_type, attributes, results, first)

    def _note(self, operator: str, settings: dict[str, Any], results: list[Value], first: int) -> None:
        """Gives the nodes that an operator added the digest of its attributes."""
        if not settings:
            return
        found = [(name, repr(settings[name])) for name in sorted(settings)]
        for place, result in enumerate(results):
            if result.node >= first:
                self._record.nodes[result.node].attributes = digest(operator, found, place)

    def _write_constant(self, node: Any) -> None:
        shapes = [self._shapes.get(name) for name in node.input]
        numbers = [self._numbers.get(name) for name in node.input]
        self._numbers.update(onnx_constants.compute(node, shapes, numbers, self._opsets))
        for name in node.output:
            found = self._numbers.get(name)
            # Exporters compute zeros as the bias of a layer that has none.
            zero = found is not None and found.size > 0 and not found.any()
            self._found[name] = Constant(name, self._shapes.get(name, ()), zero=zero)

    def _constant(self, node: Any, position: int) -> Array | None:
        return self._numbers.get(node.input[position]) if position < len(node.input) else None

    def _shape(self, name: str, operator: str) -> Dims:
        shape = self._shapes.get(name)
        if shape is None:
            raise InputError(f"{self._path}: the shape of {name}, which {operator} gives, cannot be inferred")
        return shape


# Types of numbers that weights have: 32, 16 and 64 bits, bfloat16.
_FLOATS = frozenset({1, 10, 11, 16})


def _stated_shapes(graph: Any) -> Iterator[tuple[str, Dims]]:
    """Names and shapes of all tensors whose shape is known in full."""
    for one in (*graph.input, *graph.value_info, *graph.output):
        tensor = one.type.tensor_type
        if tensor.HasField("shape") and all(
            dimension.HasField("dim_value") for dimension in tensor.shape.dim
        ):
            yield one.name, tuple(dimension.dim_value for dimension in tensor.shape.dim)
