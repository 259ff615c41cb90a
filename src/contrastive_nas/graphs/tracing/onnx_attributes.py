"""Attributes of the nodes of an ONNX graph: what operators and constants are beyond features.

An operator that is known as a function of PyTorch has the digest that this function has; any other one that
of all its attributes, constants and the shapes of its arguments. What is not known for sure makes the
graph incomplete.
"""

import copy
import itertools
import math
from collections.abc import Hashable, Sequence
from typing import Any

import torch

from contrastive_nas.graphs.attributes import NOT_HELD, digest
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURES
from contrastive_nas.graphs.tracing.onnx_origins import (
    NOWHERE,
    TRANSPOSED,
    Origin,
    is_fixed_filter,
    of_attributes,
)
from contrastive_nas.graphs.tracing.onnx_settings import (
    RULES,
    Named,
    Operator,
    dropout_probability,
    is_aligned_otherwise,
)
from contrastive_nas.graphs.tracing.record import Constant, Dims, Node, Recorder, Value
from contrastive_nas.graphs.tracing.settings import Settings

# The arguments of operators that are weights of layers; statistics of norms are none.
_WEIGHTS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm"), (1, 2)),
    **dict.fromkeys(
        ("BatchNormalization", "LayerNormalization", "GroupNormalization", "InstanceNormalization"), (1, 2)
    ),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (1, 2, 3)),
    "RMSNormalization": (1,),
    "DeformConv": (1, 3),
    "MatMul": (1,),
    "PRelu": (1,),
    "Gather": (0,),
}
_STATISTICS = {"BatchNormalization": (3, 4)}
_CONVOLUTIONS = frozenset({"Conv", "ConvTranspose", "DeformConv"})
_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
# Nodes that have weights; the same operators may become products of two tensors, or parts of one.
_WEIGHTED = frozenset(range(Operation.CONV, Operation.INSTANCE_NORM + 1)) - {Operation.MATMUL} | {
    Operation.PRELU
}
# What nodes hold of these is written beside them, as a node of its own.
_BESIDE = frozenset({Operation.CONSTANT, Operation.ZERO})
# Of these a constant is a node, which has what it holds.
_JOINS = frozenset({*range(Operation.ADD, Operation.MAXIMUM + 1)})
# A bias or a scale that comes in an operator of its own is the layer's.
_COMPLETED = frozenset({Operation.LINEAR, Operation.GROUP_NORM})
_COMPLETING = frozenset({"Add", "Mul"})
_TYPES = {
    **{1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64},
    **{9: torch.bool, 10: torch.float16, 11: torch.float64, 16: torch.bfloat16},
}
_WEIGHT_NAMES = {1: "weight", 2: "bias"}
_STATISTIC_NAMES = {3: "running_mean", 4: "running_var"}
# Numbers of activations that are spelled out; in half precision they are not exactly these.
_SPELLED = (1 / 6, 6.0, 0.5, math.sqrt(0.5), math.sqrt(2))
_ACTIVATIONS = frozenset(range(Operation.RELU, Operation.ELEMENTWISE))
Reads = tuple[tuple[str, int], ...]


class OnnxAttributes:
    """What is known of the operators and constants of one file so far.

    Args:
        record: where nodes are written, and get their attributes.
        written: names of stored tensors that look written, not drawn: a second use of one says nothing.
        training: whether the file is of a network in training mode.
    """

    def __init__(self, record: Recorder, written: set[str], *, training: bool) -> None:
        self._record, self._written, self._training = record, written, training
        self._by_key: dict[Hashable, tuple[Origin, tuple[int, ...]]] = {}
        self._readers: dict[str, set[int]] = {}
        self._layers: dict[int, Reads] = {}
        self._statistics: dict[int, str] = {}
        self._calls = 0

    def on_trial(self, record: Recorder) -> "OnnxAttributes":
        """Return a copy that writes to another record, for a sub-graph that is written on trial."""
        trial = copy.copy(self)
        trial._record, trial._by_key, trial._layers = record, dict(self._by_key), dict(self._layers)
        trial._readers = {name: set(readers) for name, readers in self._readers.items()}
        trial._statistics = dict(self._statistics)
        return trial

    def hold(self, constant: Constant, origin: Origin) -> None:
        """Note where a constant comes from; of two that are called the same nothing is known."""
        held = (origin, constant.shape)
        if self._by_key.setdefault(constant.key, held) != held:
            self._by_key[constant.key] = (NOWHERE, constant.shape)

    def give_up(self) -> None:
        """Note that something of the network is not held at all."""
        self._record.nodes[0].attributes = NOT_HELD

    def note(self, call: Operator, results: Sequence[Dims], values: Sequence[Value], first: int) -> None:
        """Give the nodes that an operator added their attributes.

        Args:
            call: the operator.
            results: the shapes of all its results, with the batch.
            values: the results that were written.
            first: the first node that was added.
        """
        self._calls += 1
        reads = self._reads(call)
        for name, _ in reads:
            self._readers.setdefault(name, set()).add(self._calls)
        new = [
            place
            for place in range(first, len(self._record.nodes))
            if self._record.nodes[place].row[0] not in _BESIDE
        ]
        completed, is_unread = self._completed(call, new), self._unread(call, first)
        for place, value in enumerate(values):
            if value.node < first:
                continue
            written = self._record.nodes[value.node]
            if is_unread:
                found = NOT_HELD
            elif completed is not None:
                found = self._with_part(call, completed)
            else:
                single = len(new) == 1 or call.kind == "Split"
                found = self._digest(call, results, written, single=single)
            is_further = place > 0 and found != NOT_HELD
            written.attributes = digest(found, place) if is_further else found
        self._note_statistics(call, new)
        before = () if completed is None else self._layers.get(completed, ())
        for number in new:
            if self._record.nodes[number].row[FEATURES["weight_shape"]][0]:
                self._layers.setdefault(number, (*before, *reads))

    def _note_statistics(self, call: Operator, new: Sequence[int]) -> None:
        """Notes which statistics a norm keeps."""
        places = _STATISTICS.get(call.kind)
        mean = call.tensors[places[0]] if places else None
        if mean is not None and isinstance(mean.found, Constant):
            # What is marked as a buffer is read as no parameter is.
            name = next(iter(mean.origin.reads), str(mean.found.key))
            self._statistics.update(dict.fromkeys(new, name))

    def finish(self) -> None:
        """Give constants their attributes, and tell apart which weights are used more than once."""
        self._compare_norms()
        for key, number in self._record._constants.items():
            written = self._record.nodes[number]
            if written.row[0] == Operation.CONSTANT:
                origin, shape = self._by_key.get(key, (NOWHERE, ()))
                held = origin.operand
                written.attributes = held if held == NOT_HELD else digest("constant", list(shape), held)
                self._layers[number] = tuple((name, 0) for name in origin.reads)
        shared = [name for name, readers in self._readers.items() if len(readers) > 1]
        numbers = {name: place for place, name in enumerate(shared, 1)}
        layouts: dict[str, set[int]] = {}
        for name, layout in itertools.chain(*self._layers.values()):
            layouts.setdefault(name, set()).add(layout)
        for number, reads in self._layers.items():
            written = self._record.nodes[number]
            again = {name for name, _ in reads if name in numbers}
            if not again or written.attributes == NOT_HELD:
                continue
            written.attributes = digest(written.attributes, [numbers.get(name, 0) for name, _ in reads])
            turned = [layout if len(layouts[name]) > 1 else 0 for name, layout in reads]
            if any(turned):
                written.attributes = digest(written.attributes, turned)
            if again & self._written:
                written.attributes = NOT_HELD

    def _compare_norms(self) -> None:
        """Notes norms of which it is not known whether they are one that is used twice.

        Those with the same weights may have statistics of their own; those without weights, or with fresh
        statistics, may be several whose equal statistics an exporter has stored once.
        """
        alike: dict[tuple[str, ...], set[int]] = {}
        for number, kept in self._statistics.items():
            names = tuple(name for name, _ in self._layers.get(number, ()))
            alike.setdefault(names or (kept,), set()).add(number)
        for names, norms in alike.items():
            statistics = {self._statistics[number] for number in norms}
            is_plain = statistics == set(names)
            if len(norms) > 1 and (is_plain or len(statistics) > 1 or statistics & self._written):
                for number in norms:
                    self._record.nodes[number].attributes = NOT_HELD

    def _reads(self, call: Operator) -> Reads:
        """The stored tensors that an operator reads and how their numbers lie, statistics left out."""
        statistics = _STATISTICS.get(call.kind, ())
        found = []
        for place, tensor in enumerate(call.tensors):
            if tensor is None or isinstance(tensor.found, Value) or place in statistics:
                continue
            layout = tensor.origin.layout
            # A linear layer has one row an output, a product one column.
            is_product = call.kind == "MatMul" or (call.kind == "Gemm" and not call.attributes.get("transB"))
            if place == 1 and is_product and layout in (0, TRANSPOSED):
                layout = 0 if layout else TRANSPOSED
            found += [(name, layout) for name in tensor.origin.reads]
        return tuple(found)

    def _unread(self, call: Operator, first: int) -> bool:
        """Whether the operator reads a tensor that no node does which it added."""
        read = {source for one in self._record.nodes[first:] for source in one.sources}
        for tensor in call.tensors:
            if tensor is None or not isinstance(tensor.found, Value):
                continue
            number = tensor.found.node
            if number not in read and not self._record.nodes[number].absorbed:
                return True
        return False

    def _completed(self, call: Operator, new: Sequence[int]) -> int | None:
        """The layer without bias, or scale, that an operator gives one; None if it does not."""
        if call.kind not in _COMPLETING or len(new) != 1:
            return None
        if self._record.nodes[new[0]].row[0] not in _COMPLETED:
            return None
        return next(one.found.node for one in call.tensors if one and isinstance(one.found, Value))

    def _with_part(self, call: Operator, completed: int) -> int:
        before = self._record.nodes[completed].attributes
        part = next(one.origin.weight for one in call.tensors if one and isinstance(one.found, Constant))
        if NOT_HELD in (before, part):
            return NOT_HELD
        return digest("completed", call.kind, before, part) if part else before

    def _digest(self, call: Operator, results: Sequence[Dims], written: Node, *, single: bool) -> int:
        operation = Operation(written.row[0])
        if operation == Operation.UNKNOWN:
            return NOT_HELD
        if call.kind == "Dropout" and not _is_trained(call):
            # Without training its result is its argument; which of both is read is not told.
            if dropout_probability(call) != 0:
                self.give_up()
            return 0
        if operation == Operation.LOCAL_RESPONSE_NORM and call.kind == "Div":
            return self._spelled_out(call)
        if operation in _ACTIVATIONS and call.kind in {"Mul", "Div"} and self._hides_settings(call):
            return NOT_HELD
        is_known = single and call.kind in RULES and not is_aligned_otherwise(call)
        named = RULES[call.kind](call) if is_known else None
        if operation == Operation.GROUP_NORM and call.kind == "InstanceNormalization":
            named = _normed_groups(call)
            if named is None:
                return NOT_HELD
        if named is None or call.type not in _TYPES:
            return self._general(call, results, operation)
        try:
            return self._as_function(call, named, written, operation)
        except TypeError:
            return NOT_HELD

    def _as_function(self, call: Operator, named: Named, written: Node, operation: Operation) -> int:
        """The digest of the function of PyTorch that an operator is."""
        name, numbers, told = named
        numbers, constants = dict(numbers), {}
        for place, tensor in enumerate(call.tensors):
            if tensor is None or isinstance(tensor.found, Value):
                continue
            if place in _STATISTICS.get(call.kind, ()):
                constants[_STATISTIC_NAMES[place]] = tensor.shape
            if place in told or _is_left_out(call, place, written):
                continue
            is_weight = self._is_weight(call, place, operation)
            if is_weight:
                constants[_WEIGHT_NAMES.get(place, "")] = tensor.shape
            held = self._held(call, place, operation)
            if held and (is_weight or operation not in _JOINS):
                numbers[f"constant {place}"] = held
                constants[f"constant {place}"] = tensor.shape
            if not is_weight and tensor.origin.reads and not self._is_read(tensor.found, written):
                return NOT_HELD
        values = {id(one.found): one for one in call.tensors if one and isinstance(one.found, Value)}
        before = next(iter(values.values()))
        settings = Settings(
            name=name,
            numbers=numbers,
            shapes=[one.found.shape for one in values.values() if isinstance(one.found, Value)],
            constants=constants,
            result=torch.empty(call.result, dtype=_TYPES[call.type], device="meta"),
            changes_type=before.kind != call.type,
            training=self._training,
            detail=written.detail,
            last=any(isinstance(one.found, Value) and one.found.last for one in values.values()),
        )
        return settings.attributes(operation)

    def _general(self, call: Operator, results: Sequence[Dims], operation: Operation) -> int:
        """The digest of an operator that is no function of PyTorch: all that the file says of it."""
        settings = of_attributes(call.attributes)
        arguments: list[Any] = []
        for place, tensor in enumerate(call.tensors):
            if tensor is None:
                arguments.append(None)
            elif isinstance(tensor.found, Value):
                arguments.append(["value", list(tensor.found.shape), tensor.kind])
            elif place in _STATISTICS.get(call.kind, ()):
                arguments.append(["statistics"])
            else:
                held = self._held(call, place, operation)
                arguments.append(["constant", list(tensor.shape), tensor.kind, held])
                if held == NOT_HELD:
                    return NOT_HELD
        if settings is None:
            return NOT_HELD
        shapes = [list(shape) for shape in results]
        return digest("onnx", call.domain, call.kind, call.version, settings, arguments, shapes, call.type)

    def _is_weight(self, call: Operator, place: int, operation: Operation) -> bool:
        is_layer = operation in _WEIGHTED or call.kind in _RECURRENT
        return is_layer and place in _WEIGHTS.get(call.kind, ())

    def _held(self, call: Operator, place: int, operation: Operation) -> int:
        """The digest of a constant argument, 0 for what is trained."""
        tensor = call.tensors[place]
        assert tensor is not None
        if not self._is_weight(call, place, operation):
            return tensor.origin.operand
        is_filter = call.kind in _CONVOLUTIONS and place == 1 and tensor.numbers is not None
        if is_filter and tensor.origin.weight == 0 and is_fixed_filter(tensor.numbers):  # type: ignore[arg-type]
            return NOT_HELD
        return tensor.origin.weight

    def _is_read(self, constant: Constant, written: Node) -> bool:
        """Whether a node reads the node of a constant."""
        return self._record._constants.get(constant.key) in written.sources

    def _absorbed(self, call: Operator) -> list[Node]:
        """The nodes that a layer which is spelled out was made of."""
        found: dict[int, Node] = {}
        waiting = [one.found.node for one in call.tensors if one and isinstance(one.found, Value)]
        while waiting:
            number = waiting.pop()
            node = self._record.nodes[number]
            if node.absorbed and number not in found:
                found[number] = node
                waiting += node.sources
        return list(found.values())

    def _hides_settings(self, call: Operator) -> bool:
        """Whether an activation is spelled out in unusual settings, or in numbers not quite its own."""
        parts = self._absorbed(call)
        factors = [one.detail[1] for one in parts if one.detail[:1] == ("mul",)]
        factors += [number for number in map(call.number, range(len(call.tensors))) if number is not None]
        is_exact = all(
            any(math.isclose(factor, usual, rel_tol=1e-6) for usual in _SPELLED) for factor in factors
        )
        return not is_exact or any(one.attributes and one.row[0] != Operation.ELEMENTWISE for one in parts)

    def _spelled_out(self, call: Operator) -> int:
        """The settings of all operators that a layer was made of, as of a module."""
        divisor = call.tensors[1]
        assert divisor is not None
        assert isinstance(divisor.found, Value)
        number, parts = divisor.found.node, []
        while self._record.nodes[number].absorbed:
            one = self._record.nodes[number]
            if one.attributes == NOT_HELD:
                return NOT_HELD
            parts.append(digest(one.attributes, list(one.row)))
            number = one.sources[0]
        return digest("spelled out", parts)


def _is_trained(call: Operator) -> bool:
    return call.number(2) == 1


def _normed_groups(call: Operator) -> Named | None:
    """The norm of groups that an operator on single channels is, if its own weights do nothing."""
    for place, number in ((1, 1), (2, 0)):
        numbers = call.tensors[place].numbers if call.tensors[place] else None  # type: ignore[union-attr]
        if numbers is None or not (numbers == number).all():
            return None
    return "group_norm", {"eps": call.real("epsilon", 1e-5)}, {1, 2}


def _is_left_out(call: Operator, place: int, written: Node) -> bool:
    """Whether ones or zeros stand for weights or a bias that a layer does not have."""
    feature = {1: "weight_shape", 2: "bias"}.get(place)
    is_layer = written.row[0] in _WEIGHTED and place in _WEIGHTS.get(call.kind, ())
    return is_layer and feature is not None and not written.row[FEATURES[feature]][0]
