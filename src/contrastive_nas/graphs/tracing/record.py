"""Writing down the nodes of a network that is being traced.

Tracing runs with a batch of ``BATCH`` images, a prime that no layer has as a size, so that the batch is found
again in whatever shape a network folds it into.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from contrastive_nas.graphs.builder import Shape
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURE_COUNT, ComputationGraph
from contrastive_nas.graphs.tracing.claims import Claims, ParameterPart

BATCH = 1013
# Stands for weights that are not trained, or that are counted elsewhere.
NOT_OWN: Hashable = "not own"
# The feature ``tied``, by whether the weights and the bias are held elsewhere.
_TIED = {(False, False): 0, (True, True): 1, (True, False): 2, (False, True): 3}
Dims = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """A tensor that depends on the network's input.

    Attributes:
        node: the node that gives it.
        shape: its shape with the batch.
        last: whether its channels are its last dimension, not the first after the batch.
    """

    node: int
    shape: Dims
    last: bool

    @property
    def dims(self) -> Dims:
        """Its shape without the batch."""
        return without_batch(self.shape)

    @property
    def encoded(self) -> Shape:
        """Its shape as (C, H, W); the channels of images folded into the batch are still second."""
        dims = self.dims
        if not self.last and len(dims) == len(self.shape) > 3 and self.shape[0] % BATCH == 0:
            dims = (dims[1], dims[0], *dims[2:])
        return encode(dims, self.last)


@dataclass(frozen=True)
class Constant:
    """A tensor that does not depend on the network's input.

    Attributes:
        key: tells it from others.
        shape: its shape.
        parameters: parts of the trainable parameters that it is computed from.
        zero: whether it is known to be zero.
    """

    key: Hashable
    shape: Dims
    parameters: tuple[ParameterPart, ...] = ()
    zero: bool = False


@dataclass(frozen=True)
class Noise(Constant):
    """A random tensor; a network multiplies by one without parameters only to drop parts of another."""


@dataclass
class Node:
    """One node while it is being written.

    Attributes:
        row: its features.
        sources: nodes that it reads.
        detail: what the features do not tell and patterns want to know, e.g. ``("add", 3.0)``.
        absorbed: it was found to be a part of another node, and goes if nothing else reads it.
        attributes: digest of whatever else changes its function.
    """

    row: tuple[int, ...]
    sources: list[int]
    detail: tuple[Any, ...] = ()
    absorbed: bool = False
    attributes: int = 0


@dataclass
class Recorder:
    """Collects nodes.

    Attributes:
        nodes: those so far.
        unknown: names of operations outside the vocabulary, one per node.
        claims: which parameters nodes hold.
    """

    nodes: list[Node] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    claims: Claims = field(default_factory=Claims)
    _constants: dict[Hashable, int] = field(default_factory=dict)
    _weights: set[Hashable] = field(default_factory=lambda: {NOT_OWN})

    def add(
        self,
        operation: Operation,
        arguments: Sequence[Value],
        shape: Dims,
        *,
        last: bool | None = None,
        in_shape: Shape | None = None,
        kernel: Sequence[int] = (),
        stride: Sequence[int] = (),
        dilation: Sequence[int] = (),
        groups: int = 0,
        weight: Sequence[int] = (),
        weight_key: Hashable = None,
        bias: bool = False,
        bias_key: Hashable = None,
        detail: tuple[Any, ...] = (),
    ) -> Value:
        """Add a node that gives a tensor of ``shape`` (with the batch).

        Args:
            operation: its type.
            arguments: what it reads.
            shape: the shape of what it gives.
            last: layout of the result; default is the layout of the first argument if the rank stays.
            in_shape: (C, H, W) of the input where that is not the elementwise maximum over the arguments.
            kernel, stride, dilation: one number per spatial dimension.
            groups: groups of convolutions and norms.
            weight: shape of the weights.
            weight_key: which weights they are; ``NOT_OWN`` where they count as none of this node's. The
                parts of parameters that they are: what other nodes hold of them is not counted again.
            bias: whether there is one.
            bias_key: which one, as of the weights; None where it is shared if the weights are.
            detail: see :class:`Node`.
        """
        if last is None:
            first = arguments[0] if arguments else None
            same_rank = first is not None and len(first.dims) == len(without_batch(shape))
            last = first.last if first is not None and same_rank else default_last(shape)
        tied, others = self._tied(weight_key, bias_key if bias else None)
        value = Value(len(self.nodes), shape, last)
        if in_shape is None:
            in_shape = largest([argument.encoded for argument in arguments] or [value.encoded])
        row = (
            *(int(operation), *in_shape, *value.encoded),
            *(*pair(kernel), *pair(stride), *pair(dilation), groups),
            *(*_four(weight), int(bias), tied),
        )
        self.nodes.append(Node(row, [argument.node for argument in (*arguments, *others)], detail))
        return value

    def _tied(self, weight_key: Hashable, bias_key: Hashable) -> tuple[int, list[Value]]:
        """The feature, and nodes with parameters that are in part held by others."""
        weight_tied, others = self._held_elsewhere(weight_key)
        if bias_key is None:
            return int(weight_tied), others
        bias_tied, further = self._held_elsewhere(bias_key)
        return _TIED[weight_tied, bias_tied], [*others, *further]

    def _held_elsewhere(self, key: Hashable) -> tuple[bool, list[Value]]:
        parts = key if isinstance(key, tuple) and key and isinstance(key[0], ParameterPart) else ()
        if not parts:
            known = key is not None and key in self._weights
            self._weights.add(key)
            return known, []
        new = self.claims.take(parts)
        if new in (0, sum(part.size for part in parts)):
            return new == 0, []
        rest = self.add(Operation.CONSTANT, [], (BATCH, new), weight=(new,))
        return True, [rest]

    def unary(self, operation: Operation, x: Value, detail: tuple[Any, ...] = ()) -> Value:
        """Return a node on one tensor that keeps its shape."""
        return self.add(operation, [x], x.shape, detail=detail)

    def constant(self, constant: Constant, partner: Value | None = None) -> Value:
        """Return the node of a constant; ``partner`` is what it is computed with, for its layout."""
        dims = without_batch(constant.shape)
        last = partner.last if partner and len(partner.dims) == len(dims) else default_last(constant.shape)
        shape = dims if dims else (1,)
        known = self._constants.get(constant.key)
        if known is not None:
            return Value(known, (BATCH, *shape), last)
        if constant.zero:
            value = self.add(Operation.ZERO, [], (BATCH, *shape), last=last)
            self.nodes[value.node].sources.append(0)
        else:
            size = sum(part.size for part in constant.parameters)
            new = self.claims.take(constant.parameters)
            exact = math.prod(encode(shape, last)) == size and new in (0, size)
            weight = (*encode(shape, last), 1) if exact else (new or size,)
            value = self.add(
                Operation.CONSTANT,
                [],
                (BATCH, *shape),
                last=last,
                weight=weight if size else (),
                weight_key=NOT_OWN if size and not new else None,
            )
        self._constants[constant.key] = value.node
        return value

    def unknown_node(
        self, name: str, arguments: Sequence[Value], shape: Dims, parameters: Sequence[ParameterPart] = ()
    ) -> Value:
        """Return a node outside the vocabulary, which holds the parameters that it reads."""
        self.unknown.append(name)
        new = self.claims.take(parameters)
        return self.add(Operation.UNKNOWN, arguments, shape, weight=(new,) if new else ())

    def graph(self, outputs: Sequence[Value]) -> ComputationGraph:
        """Return the graph that ends in ``outputs``, without nodes that others have absorbed."""
        shape = outputs[0].encoded
        self.add(Operation.OUTPUT, outputs, outputs[0].shape, last=outputs[0].last, in_shape=shape)
        kept = self._kept()
        number = {old: new for new, old in enumerate(kept)}
        rows = np.array([self.nodes[old].row for old in kept], dtype=np.int32).reshape(-1, FEATURE_COUNT)
        edges = [(number[source], number[old]) for old in kept for source in self.nodes[old].sources]
        attributes = np.array([self.nodes[old].attributes for old in kept], dtype=np.uint64)
        return ComputationGraph(rows, np.array(edges, dtype=np.int32).reshape(-1, 2).T.copy(), attributes)

    def _kept(self) -> list[int]:
        readers = np.zeros(len(self.nodes), dtype=int)
        for node in self.nodes:
            np.add.at(readers, node.sources, 1)
        kept = []
        for old in reversed(range(len(self.nodes))):
            node = self.nodes[old]
            if node.absorbed and readers[old] == 0:
                np.subtract.at(readers, node.sources, 1)
            else:
                kept.append(old)
        return kept[::-1]


def without_batch(shape: Dims) -> Dims:
    """Return a shape without the batch, or without a leading 1 where there is no batch in it."""
    for axis, size in enumerate(shape):
        if size and size % BATCH == 0:
            inner = () if size == BATCH else (size // BATCH,)
            return (*shape[:axis], *inner, *shape[axis + 1 :])
    return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape


def default_last(shape: Dims) -> bool:
    """Return sequences of tokens have their channels last, everything else first."""
    return len(without_batch(shape)) == 2


def encode(dims: Dims, last: bool) -> Shape:
    """Return any shape as (C, H, W)."""
    if not dims:
        return (1, 1, 1)
    channels, *rest = (dims[-1], *dims[:-1]) if last else dims
    if not rest:
        return (channels, 1, 1)
    if len(rest) == 1:
        return (channels, rest[0], 1)
    return (channels, math.prod(rest[:-1]), rest[-1])


def largest(shapes: Sequence[Shape]) -> Shape:
    """Return elementwise maximum."""
    return (max(s[0] for s in shapes), max(s[1] for s in shapes), max(s[2] for s in shapes))


def pair(sizes: Sequence[int]) -> tuple[int, int]:
    """Return height and width of a window in one to three dimensions, depth folded into the height."""
    if not sizes:
        return (0, 0)
    if len(sizes) == 1:
        return (sizes[0], 1)
    return (math.prod(sizes[:-1]), sizes[-1])


def _four(sizes: Sequence[int]) -> tuple[int, ...]:
    """A weight's shape in four numbers of the same product; none at all as zeros."""
    if not sizes:
        return (0, 0, 0, 0)
    sizes = (*sizes, 1, 1, 1)[: max(len(sizes), 4)]
    return (*sizes[:2], math.prod(sizes[2:-1]), sizes[-1])
