"""A walk over an ONNX graph that writes nodes as it goes, computes constants and follows sub-graphs."""

import copy
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from contrastive_nas.graphs.attributes import NOT_HELD
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing import onnx_origins, onnx_tensors
from contrastive_nas.graphs.tracing.claims import ParameterPart
from contrastive_nas.graphs.tracing.onnx_attributes import OnnxAttributes
from contrastive_nas.graphs.tracing.onnx_control import CONTROL
from contrastive_nas.graphs.tracing.onnx_operators import HANDLERS, OnnxCall
from contrastive_nas.graphs.tracing.onnx_settings import Operator
from contrastive_nas.graphs.tracing.onnx_tensors import BOOLEAN, FLOATS, INTEGER, Array, Found, Tensor
from contrastive_nas.graphs.tracing.record import Constant, Dims, Recorder, Value

# How many of their arguments the numbers matter of; of the others only the shape or the type does.
_READ = {"Shape": 0, "Size": 0, "CastLike": 1}
_STANDARD = frozenset({"", "ai.onnx"})
# These take a part of a constant, and of its parameters.
_PARTS = frozenset({"Slice", "Split", "Gather"})
# From which argument on these read real numbers that are settings, and no parameters.
_SETTINGS = {"Resize": 1, "Upsample": 1}


class OnnxWalk:
    """A walk over an ONNX graph.

    Attributes:
        record: where the nodes go.
        tensors: everything found so far, by its name in the file.
        passes: the numbers of the passes of the loops that the walk is in.
        attributes: what is known of operators and constants beyond the features of nodes.
    """

    def __init__(
        self, graph: Any, record: Recorder, batch: int, opsets: Mapping[str, int], stated: Mapping[str, Dims]
    ) -> None:
        self.record = record
        self.tensors: dict[str, Found] = {"": None}
        self.passes: tuple[int, ...] = ()
        self._graph, self._batch, self._opsets, self._stated = graph, batch, opsets, stated
        self._uniform: set[str] = set()
        self._written: set[str] = set()
        self.attributes = OnnxAttributes(record, self._written, training=_is_training(graph))
        self._marks = onnx_origins.marks(graph)
        self._origins: dict[str, onnx_origins.Origin] = {}
        self._copies = onnx_tensors.Copies()
        self._uses = Counter(_names_read(graph))

    def outputs(self, source: str, shape: Dims, kind: int) -> list[Value]:
        """Write everything; gives the results of the network.

        Args:
            source: name of the input.
            shape: its shape, the batch first.
            kind: the number of its type.
        """
        value = self.record.add(Operation.INPUT, [], onnx_tensors.batched(shape, 0, self._batch), last=False)
        self.tensors[source] = Tensor(value, shape, kind, batch=0)
        results = [self.as_value(one) for one in _flat(self.run(self._graph, []))]
        self.attributes.finish()
        return results

    def run(self, graph: Any, given: Sequence[Found]) -> list[Found]:
        """Write a graph or sub-graph, whose first inputs are ``given``; gives its results."""
        self.tensors.update((one.name, found) for one, found in zip(graph.input, given, strict=False))
        for stored in graph.initializer:
            self.tensors[stored.name] = self._stored(stored)
        for node in graph.node:
            self._write(node)
        return [self.tensors[output.name] for output in graph.output]

    def trial(self) -> "OnnxWalk":
        """Return a copy that writes elsewhere, to see what a sub-graph comes to."""
        other = copy.copy(self)
        other.record, other.tensors = copy.deepcopy(self.record), dict(self.tensors)
        other.attributes = self.attributes.on_trial(other.record)
        return other

    def as_value(self, tensor: Tensor) -> Value:
        """Return a tensor as a node, constants included."""
        found = tensor.found
        return found if isinstance(found, Value) else self.record.constant(found)

    def add(
        self, operation: Operation, tensors: Sequence[Tensor], shape: Dims, batch: int, **options: Any
    ) -> Tensor:
        """Return a node on tensors, at least one of which depends on the input; what it does in full is not
        held.

        Args:
            operation: its type.
            tensors: what it reads.
            shape: of its result in the file.
            batch: the dimension of the batch therein.
            options: further ones of :meth:`Recorder.add`.
        """
        full = onnx_tensors.batched(shape, batch, self._batch)
        value = self.record.add(operation, [self.as_value(one) for one in tensors], full, **options)
        self.record.nodes[value.node].attributes = NOT_HELD
        return Tensor(value, shape, tensors[0].kind, batch=batch)

    def number(self, numbers: Array, kind: int = INTEGER) -> Tensor:
        """Return a known constant."""
        numbers = np.asarray(numbers)
        constant = Constant(("number", numbers.shape, numbers.tobytes()), numbers.shape)
        held = onnx_origins.of_numbers(numbers)
        origin = onnx_origins.Origin(held, held)
        self.attributes.hold(constant, origin)
        return Tensor(constant, numbers.shape, kind, numbers, origin=origin)

    def _write(self, node: Any) -> None:
        from onnx import helper

        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        found = [self._argument(name, node, place) for place, name in enumerate(node.input)]
        control = CONTROL.get(node.op_type) if node.domain in _STANDARD else None
        if control is not None:
            results: Iterable[Found] = control(self, node, attributes, found)
        else:
            tensors = [one if isinstance(one, Tensor) else None for one in found]
            read = tensors[: _READ.get(node.op_type)]
            depends = any(one is not None and isinstance(one.found, Value) for one in read)
            results = (self._operator if depends else self._constants)(node, attributes, tensors)
        self.tensors.update((name, one) for name, one in zip(node.output, results, strict=False) if name)

    def _argument(self, name: str, node: Any, place: int) -> Found:
        """What is called ``name``, which ``node`` reads at ``place``.

        Exporters keep equal weights once. Before any training, all layers of a kind have the same scales and
        biases, so weights that are all one number are taken to be other ones wherever they are read.
        """
        tensor = self.tensors[name]
        is_setting = place >= _SETTINGS.get(node.op_type, math.inf)
        if is_setting and isinstance(tensor, Tensor) and tensor.numbers is not None:
            return self.number(tensor.numbers, tensor.kind)
        if not isinstance(tensor, Tensor) or name not in self._uniform:
            return tensor
        if tensor.shape == (1,) and node.op_type != "PRelu":
            return tensor
        own = f"{name} of {node.output[0]}"
        constant = Constant(own, tensor.shape, (ParameterPart(own, math.prod(tensor.shape)),))
        self.attributes.hold(constant, tensor.origin)
        return replace(tensor, found=constant)

    def _operator(
        self, node: Any, attributes: dict[str, Any], tensors: Sequence[Tensor | None]
    ) -> Iterator[Tensor | None]:
        inferred = onnx_tensors.infer(node, tensors, self._opsets, self._stated)
        axes = [
            onnx_tensors.batch_axis(node.op_type, attributes, tensors, shape, self._batch)
            for _, shape in inferred
        ]
        full = [
            onnx_tensors.batched(shape, axis, self._batch)
            for (_, shape), axis in zip(inferred, axes, strict=True)
        ]
        call = OnnxCall(
            self.record,
            node.op_type,
            [None if one is None else one.found for one in tensors],
            attributes,
            full,
            lambda place: _numbers(tensors, place),
            lambda place: self._uses[node.input[place]] == 1,
        )
        first = len(self.record.nodes)
        handler = HANDLERS.get(node.op_type) if node.domain in _STANDARD else None
        name = node.op_type if node.domain in _STANDARD else f"{node.domain}.{node.op_type}"
        result = handler(call) if handler else call.unknown(name)
        values = result if isinstance(result, list) else [result]
        described = Operator(
            node.domain,
            node.op_type,
            self._version(node),
            attributes,
            tensors[: _READ.get(node.op_type)],
            full[0],
            inferred[0][0],
        )
        self.attributes.note(described, full, values, first)
        for place, ((kind, shape), axis) in enumerate(zip(inferred, axes, strict=True)):
            if place < len(values):
                yield Tensor(values[place], shape, kind, batch=axis)
            elif self._uses[node.output[place]]:
                unknown = self.record.unknown_node(f"{name}, result {place + 1}", call.values, full[place])
                yield Tensor(unknown, shape, kind, batch=axis)
            else:
                yield None

    def _constants(
        self, node: Any, attributes: dict[str, Any], tensors: Sequence[Tensor | None]
    ) -> Iterator[Tensor]:
        known = self._computed(node, attributes, tensors)
        if known is not None:
            from onnx import helper

            inferred: list[tuple[int, Dims]] = [
                (helper.np_dtype_to_tensor_dtype(one.dtype), one.shape) for one in known
            ]
        else:
            inferred = onnx_tensors.infer(node, tensors, self._opsets, self._stated)
        for place, (kind, shape) in enumerate(inferred):
            parameters = _parameters(node, tensors[: _READ.get(node.op_type)], place, shape)
            found = known[place] if known is not None else None
            # Exporters compute zeros as the bias of a layer that has none.
            zero = not parameters and (
                found.size > 0 and not found.any() if found is not None else _fills_zeros(node, attributes)
            )
            constant = Constant((node.output[place], self.passes), shape, parameters, zero)
            read = tensors[: _READ.get(node.op_type)]
            origin = onnx_origins.computed(
                node,
                attributes,
                [None if one is None else one.origin for one in read],
                [*(() if one is None else one.shape for one in read), shape],
                found,
                place,
            )
            self.attributes.hold(constant, origin)
            yield Tensor(constant, shape, kind, found, origin=origin)

    def _computed(
        self, node: Any, attributes: Mapping[str, Any], tensors: Sequence[Tensor | None]
    ) -> list[Array] | None:
        """What an operator gives that reads constants, or only the shape or type of a tensor."""
        from onnx import helper

        first, numbers = (
            tensors[0] if tensors else None,
            [None if one is None else one.numbers for one in tensors],
        )
        if first is not None and _READ.get(node.op_type) == 0:
            shape = np.array(first.shape[attributes.get("start", 0) : attributes.get("end")], np.int64)
            return [shape.prod() if node.op_type == "Size" else shape]
        if node.op_type == "CastLike":
            like = tensors[1]
            if numbers[0] is None or like is None:
                return None
            return [numbers[0].astype(helper.tensor_dtype_to_np_dtype(like.kind))]
        return onnx_tensors.compute(node, numbers, self._opsets)

    def _stored(self, tensor: Any) -> Tensor:
        from onnx import numpy_helper

        shape = tuple(tensor.dims)
        # PyTorch's exporters call what they computed themselves ``val_`` and a number.
        is_number = math.prod(shape) == 1 and tensor.name.startswith("val_")
        is_real = tensor.data_type in FLOATS and len(shape) > 0 and not is_number
        is_weight = is_real and self._marks.get(tensor.name, onnx_origins.PARAMETER) == onnx_origins.PARAMETER
        numbers, first = onnx_tensors.contents(tensor), tensor
        if is_weight and onnx_tensors.is_uniform(tensor):
            self._uniform.add(tensor.name)
        elif is_weight:
            first = self._copies.original(tensor)
        constant = Constant(
            tensor.name, shape, (ParameterPart(first.name, math.prod(shape)),) if is_weight else ()
        )
        origin = self._origin(tensor, first, numbers, trained=is_weight)
        if is_real and not onnx_origins.is_drawn(numpy_helper.to_array(tensor)):
            self._written.add(tensor.name)
        self.attributes.hold(constant, origin)
        return Tensor(constant, shape, tensor.data_type, numbers, origin=origin)

    def _origin(
        self, tensor: Any, first: Any, numbers: Array | None, *, trained: bool
    ) -> onnx_origins.Origin:
        """Where a stored tensor comes from; ``first`` holds the same numbers, and may be the same one."""
        from onnx import numpy_helper

        if first.name != tensor.name:
            held = [numpy_helper.to_array(one) for one in (first, tensor)]
            return onnx_origins.copy_of(self._origins[first.name], *held)
        origin = onnx_origins.stored(self._marks.get(tensor.name), tensor.name, numbers, trained=trained)
        return self._origins.setdefault(tensor.name, origin)

    def _version(self, node: Any) -> int:
        """Of an operator's definition; 0 where there is none."""
        from onnx import defs

        if node.domain not in self._opsets or not defs.has(node.op_type, node.domain):
            return 0
        return int(defs.get_schema(node.op_type, self._opsets[node.domain], node.domain).since_version)


def _numbers(tensors: Sequence[Tensor | None], place: int) -> Array | None:
    tensor = tensors[place] if place < len(tensors) else None
    return None if tensor is None else tensor.numbers


def _is_training(graph: Any) -> bool:
    """Whether a norm or a dropout of the graph is one in training mode."""
    from onnx import helper, numpy_helper

    true = {
        one.name for one in graph.initializer if one.data_type == BOOLEAN and numpy_helper.to_array(one).all()
    }
    for node in graph.node:
        held = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        if node.op_type == "Constant" and getattr(held.get("value"), "data_type", None) == BOOLEAN:
            true.update(node.output if numpy_helper.to_array(held["value"]).all() else [])
        if held.get("training_mode") or (node.op_type == "Dropout" and true.intersection(node.input[2:])):
            return True
    return False


def _fills_zeros(node: Any, attributes: Mapping[str, Any]) -> bool:
    from onnx import numpy_helper

    if node.op_type != "ConstantOfShape":
        return False
    return "value" not in attributes or not numpy_helper.to_array(attributes["value"]).any()


def _parameters(
    node: Any, tensors: Sequence[Tensor | None], place: int, shape: Dims
) -> tuple[ParameterPart, ...]:
    """The parameters that a constant is computed from; a part of a parameter is one of the part's size."""
    read = [one for one in tensors if one is not None and isinstance(one.found, Constant)]
    parameters = tuple(dict.fromkeys(p for one in read for p in one.found.parameters))  # type: ignore[union-attr]
    size, whole = math.prod(shape), sum(one[1] for one in parameters)
    indices = _numbers(tensors, 1)
    is_part = node.op_type in _PARTS and (
        node.op_type != "Gather" or (indices is not None and indices.size == 1)
    )
    if not is_part or not read or math.prod(read[0].shape) != whole or size >= whole:
        return parameters
    where = [None if one.numbers is None else one.numbers.tolist() for one in read[1:]]
    attributes = sorted(str(attribute).replace("\n", " ") for attribute in node.attribute)
    names = "+".join(one[0] for one in parameters)
    return (ParameterPart(f"{names}[{node.op_type} {where} {attributes} {place}]", size),)


def _names_read(graph: Any) -> Iterator[str]:
    """Names of all tensors that nodes read, those of sub-graphs included, and of results."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from _names_read(inner)
    yield from (output.name for output in graph.output)


def _flat(found: Sequence[Found]) -> Iterator[Tensor]:
    for one in found:
        if isinstance(one, list):
            yield from one
        elif one is not None:
            yield one
