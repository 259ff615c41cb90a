"""Writing a computation graph operation by operation, without building a module."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from contrastive_nas.graphs.attributes import (
    DIGESTS_KEPT,
    batch_norm_attributes,
    halves,
    slice_attributes,
    window_attributes,
)
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURE_COUNT, ROW_WIDTH, ComputationGraph, attributes_of

Shape = tuple[int, int, int]
_NO_PAIR = (0, 0)
_NO_WEIGHT = (0, 0, 0, 0)
# A template writes the same few settings again and again.
_batch_norm_digest = lru_cache(DIGESTS_KEPT)(batch_norm_attributes)
_slice_digest = lru_cache(DIGESTS_KEPT)(slice_attributes)


class GraphBuilder:
    """Builds one graph; every method adds a node and returns its number.

    The nodes are those that :func:`contrastive_nas.graphs.trace` finds in the module of the same network.

    Attributes:
        epsilon: of the batch norms.
    """

    def __init__(self, input_shape: Shape) -> None:
        self.epsilon = 1e-5
        self._rows: list[tuple[int, ...]] = []
        self._shapes: list[Shape] = []
        self._sources: list[int] = []
        self._targets: list[int] = []
        self.input = self._node(Operation.INPUT, (), input_shape, in_shape=input_shape)

    def shape(self, node: int) -> Shape:
        """Return (C, H, W) of what ``node`` gives."""
        return self._shapes[node]

    def conv(
        self,
        x: int,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int | None = None,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = False,
    ) -> int:
        """Return a square convolution; ``padding`` defaults to dilation * (kernel - 1) // 2."""
        c, h, w = self._shapes[x]
        usual = dilation * (kernel - 1) // 2
        padding = usual if padding is None else padding
        span = dilation * (kernel - 1) + 1
        out = (channels, (h + 2 * padding - span) // stride + 1, (w + 2 * padding - span) // stride + 1)
        attributes = 0
        if padding != usual:
            attributes = _windows_digest((h, w), out[1:], kernel, stride, dilation, padding)
        return self._node(
            Operation.CONV,
            (x,),
            out,
            kernel=(kernel, kernel),
            stride=(stride, stride),
            dilation=(dilation, dilation),
            groups=groups,
            weight=(channels, c // groups, kernel, kernel),
            bias=bias,
            attributes=attributes,
        )

    def linear(self, x: int, features: int, *, bias: bool = True) -> int:
        """Return a fully connected layer over the channels."""
        c, h, w = self._shapes[x]
        return self._node(Operation.LINEAR, (x,), (features, h, w), weight=(features, c, 1, 1), bias=bias)

    def batch_norm(self, x: int, *, affine: bool = True, momentum: float = 0.1) -> int:
        """Return batch normalisation; with ``affine`` it has a weight and a bias per channel."""
        shape = self._shapes[x]
        weight = (shape[0], 1, 1, 1) if affine else _NO_WEIGHT
        attributes = _batch_norm_digest(self.epsilon, momentum)
        return self._node(
            Operation.BATCH_NORM, (x,), shape, weight=weight, bias=affine, attributes=attributes
        )

    def unary(self, operation: Operation, x: int) -> int:
        """Return an operation on one tensor that keeps its shape: activations, zero, identity."""
        return self._node(operation, (x,), self._shapes[x])

    def relu(self, x: int) -> int:
        """Return rectified linear unit."""
        return self.unary(Operation.RELU, x)

    def pool(
        self, operation: Operation, x: int, kernel: int, *, stride: int, padding: int = 0, ceil: bool = False
    ) -> int:
        """Return max or average pooling over square windows; with ``ceil`` also those that overhang the
        edge.
        """
        c, h, w = self._shapes[x]
        rest = 2 * padding - kernel + (stride - 1 if ceil else 0)
        out = (c, (h + rest) // stride + 1, (w + rest) // stride + 1)
        attributes = _windows_digest((h, w), out[1:], kernel, stride, 1, padding, ceil)
        return self._node(
            operation, (x,), out, kernel=(kernel, kernel), stride=(stride, stride), attributes=attributes
        )

    def global_avg_pool(self, x: int) -> int:
        """Return mean over height and width."""
        return self._node(Operation.GLOBAL_AVG_POOL, (x,), (self._shapes[x][0], 1, 1))

    def slice(self, x: int, shape: Shape, *, start: int = 0, step: int = 1) -> int:
        """Return a part of a tensor, cut out along one dimension: every ``step``-th element from ``start``
        on.
        """
        attributes = _slice_digest(start, step)
        return self._node(Operation.SLICE, (x,), shape, attributes=attributes)

    def join(self, operation: Operation, xs: Sequence[int]) -> int:
        """Add, multiply, mean (shapes broadcast) or concatenate (channels add up) two or more tensors."""
        shapes = [self._shapes[x] for x in xs]
        widest: Shape = (max(s[0] for s in shapes), max(s[1] for s in shapes), max(s[2] for s in shapes))
        out = (sum(s[0] for s in shapes), *widest[1:]) if operation == Operation.CONCAT else widest
        return self._node(operation, xs, out, in_shape=widest)

    def add(self, *xs: int) -> int:
        """Return sum of tensors."""
        return self.join(Operation.ADD, xs)

    def output(self, *xs: int) -> int:
        """Mark the results of the network."""
        return self._node(Operation.OUTPUT, xs, self._shapes[xs[0]])

    def graph(self) -> ComputationGraph:
        """Return the graph of all nodes added so far."""
        rows = np.array(self._rows, dtype=np.int32).reshape(-1, ROW_WIDTH)
        edges = np.array([self._sources, self._targets], dtype=np.int32).reshape(2, -1)
        return ComputationGraph(rows[:, :FEATURE_COUNT].copy(), edges, attributes_of(rows))

    def _node(
        self,
        operation: Operation,
        xs: Sequence[int],
        out_shape: Shape,
        *,
        in_shape: Shape | None = None,
        kernel: tuple[int, int] = _NO_PAIR,
        stride: tuple[int, int] = _NO_PAIR,
        dilation: tuple[int, int] = _NO_PAIR,
        groups: int = 0,
        weight: tuple[int, int, int, int] = _NO_WEIGHT,
        bias: bool = False,
        attributes: int = 0,
    ) -> int:
        number = len(self._rows)
        sizes = (*(in_shape or self._shapes[xs[0]]), *out_shape, *kernel, *stride, *dilation)
        low, high = halves(attributes) if attributes else _NO_PAIR
        self._rows.append((int(operation), *sizes, groups, *weight, int(bias), 0, low, high))
        self._shapes.append(out_shape)
        self._sources.extend(xs)
        self._targets.extend([number] * len(xs))
        return number


@lru_cache(DIGESTS_KEPT)
def _windows_digest(
    inside: tuple[int, int],
    outside: tuple[int, int],
    kernel: int,
    stride: int,
    dilation: int,
    padding: int,
    ceil: bool = False,
) -> int:
    both = (kernel,) * 2, (stride,) * 2, (dilation,) * 2, (padding,) * 2
    return window_attributes(inside, outside, *both, ceil=ceil)
