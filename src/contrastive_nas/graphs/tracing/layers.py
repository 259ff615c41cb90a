"""Layers of any framework as nodes: what tracing a module and reading an ONNX file have in common."""

import math
from collections.abc import Hashable, Sequence

from contrastive_nas.graphs.operations import COMMUTATIVE_OPERATIONS, Operation
from contrastive_nas.graphs.tracing.record import BATCH, Dims, Recorder, Value, without_batch


def convolution(
    record: Recorder,
    x: Value,
    weight: Dims,
    shape: Dims,
    *,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    bias: bool,
    key: Hashable,
    bias_key: Hashable = None,
    beside: Sequence[Value] = (),
    transposed: bool = False,
) -> Value:
    """Return a convolution in one to three dimensions; ``weight`` is the shape as PyTorch and ONNX keep it.

    ``beside`` is what else it reads: parameters that the weights are computed from, offsets.
    """
    if transposed:
        weight = (weight[1] * groups, weight[0] // groups, *weight[2:])
    rank = len(weight) - 2
    return record.add(
        Operation.CONV_TRANSPOSE if transposed else Operation.CONV,
        [first_layout(x), *beside],
        shape,
        last=False,
        in_shape=first_layout(x).encoded,
        kernel=weight[2:],
        stride=spread(stride, rank),
        dilation=spread(dilation, rank),
        groups=groups,
        weight=weight if rank > 1 else (*weight, 1),
        weight_key=key,
        bias=bias,
        bias_key=bias_key,
    )


def linear(
    record: Recorder,
    x: Value,
    weight: Dims,
    shape: Dims,
    *,
    bias: bool,
    key: Hashable,
    bias_key: Hashable = None,
    beside: Sequence[Value] = (),
) -> Value:
    """Return a linear layer over the last dimension; ``weight`` is (out, in), ``beside`` as of a
    convolution.
    """
    x = Value(x.node, x.shape, last=True)
    return record.add(
        Operation.LINEAR,
        [x, *beside],
        shape,
        last=True,
        in_shape=x.encoded,
        weight=(*weight, 1, 1),
        weight_key=key,
        bias=bias,
        bias_key=bias_key,
    )


def norm(
    record: Recorder,
    operation: Operation,
    x: Value,
    weight: Dims | None,
    *,
    bias: bool,
    key: Hashable = None,
    bias_key: Hashable = None,
    beside: Sequence[Value] = (),
    groups: int = 0,
) -> Value:
    """Return a normalisation; ``weight`` is None where it has none. Layer norm works on the last
    dimensions.
    """
    if operation == Operation.LAYER_NORM and weight is not None and len(weight) == 1:
        x = Value(x.node, x.shape, last=True)
    elif operation != Operation.LAYER_NORM:
        x = first_layout(x)
    return record.add(
        operation,
        [x, *beside],
        x.shape,
        last=x.last,
        in_shape=x.encoded,
        groups=groups,
        weight=() if weight is None else weight,
        weight_key=None if weight is None else key,
        bias=bias,
        bias_key=bias_key,
    )


def pool(
    record: Recorder,
    operation: Operation,
    x: Value,
    shape: Dims,
    *,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int] = (1,),
) -> Value:
    """Return pooling over windows; without strides they are the windows' sizes."""
    rank = len(x.shape) - 2 if len(x.shape) > 3 else 1
    kernel = spread(kernel, rank)
    dilation = spread(dilation, rank)
    return record.add(
        operation,
        [first_layout(x)],
        shape,
        last=False,
        kernel=kernel,
        stride=spread(stride, rank) if stride else kernel,
        dilation=dilation if max(dilation) > 1 else (),
    )


def adaptive_pool(record: Recorder, operation: Operation, x: Value, shape: Dims) -> Value:
    """Return pooling to a fixed size: global, nothing at all, or windows of equal size where that is
    possible.
    """
    x = first_layout(x)
    inside, outside = x.dims[1:], without_batch(shape)[1:]
    if math.prod(outside) == 1:
        return global_pool(record, operation, x, shape)
    if inside == outside:
        return record.unary(Operation.IDENTITY, x)
    kernel = [-(-a // b) for a, b in zip(inside, outside, strict=True)]
    stride = [a // b or 1 for a, b in zip(inside, outside, strict=True)]
    return pool(record, operation, x, shape, kernel=kernel, stride=stride)


def global_pool(record: Recorder, operation: Operation, x: Value, shape: Dims) -> Value:
    """Return the mean or maximum over all positions, by any layer that computes it."""
    average = operation in {Operation.AVG_POOL, Operation.GLOBAL_AVG_POOL}
    kind = Operation.GLOBAL_AVG_POOL if average else Operation.GLOBAL_MAX_POOL
    return record.add(kind, [x], shape, last=x.last and len(without_batch(shape)) > 1)


def reduction(
    record: Recorder, x: Value, axes: Sequence[int], shape: Dims, pooling: Operation | None, name: str
) -> Value:
    """Return a reduction over ``axes`` of the full shape; over all positions it is global pooling
    ``pooling``.
    """
    axes = sorted(axis % len(x.shape) for axis in axes) if axes else list(range(len(x.shape)))
    previous = record.nodes[x.node]
    if pooling and previous.detail[:1] == (name,) and len(x.dims) == 2:
        # A mean over the width, then one over the height, is one over both.
        inner: Value = previous.detail[1]
        if not inner.last and previous.detail[2] == [len(inner.shape) - 1] and axes == [len(inner.shape) - 2]:
            previous.absorbed = True
            return global_pool(record, pooling, inner, shape)
    positions = [axis for axis in range(len(x.shape)) if axis not in {batch_axis(x), channel_axis(x)}]
    if pooling and axes == positions:
        return global_pool(record, pooling, x, shape)
    return record.add(Operation.REDUCE, [x], shape, detail=(name, x, axes))


def reshape(record: Recorder, x: Value, shape: Dims) -> Value:
    """Return another view of the same numbers; the layout stays where the channels do."""
    if shape == x.shape:
        return record.unary(Operation.IDENTITY, x)
    dims, before = without_batch(shape), x.dims
    last = None
    if dims and before and len(dims) != len(before):
        if not x.last and dims[0] == before[0] and len(dims) > 1:
            last = False
        elif x.last and dims[-1] == before[-1]:
            last = len(dims) > 1
    return record.add(Operation.RESHAPE, [x], shape, last=last)


def permute(record: Recorder, x: Value, order: Sequence[int], shape: Dims) -> Value:
    """Return another order of the dimensions; the layout follows the channels."""
    order = [axis % len(x.shape) for axis in order]
    if order == list(range(len(x.shape))):
        return record.unary(Operation.IDENTITY, x)
    last = None
    batch, channels = batch_axis(x), channel_axis(x)
    if batch in order and channels in order:
        place = order.index(channels)
        others = [axis for axis in range(len(order)) if axis != order.index(batch)]
        if place in (others[0], others[-1]):
            last = place == others[-1] and len(others) > 1
    return record.add(Operation.PERMUTE, [x], shape, last=last)


def join(record: Recorder, operation: Operation, xs: Sequence[Value], shape: Dims) -> Value:
    """Return a sum, product, concatenation or the like; the layout is that of the first argument of full
    rank.

    Where the order of the arguments says nothing, it is that of any of them that has its channels last.
    """
    rank = len(without_batch(shape))
    found = [x.last for x in xs if len(x.dims) == rank]
    if operation in COMMUTATIVE_OPERATIONS:
        found = sorted(found, reverse=True)
    last = next(iter(found), None)
    return record.add(operation, xs, shape, last=last)


def matrix_product(record: Recorder, a: Value, b: Value, shape: Dims, *, summed: int | None = None) -> Value:
    """Return a product of two tensors: input channels are what it sums over, output channels the columns.

    Args:
        record: where to write.
        a: left.
        b: right.
        shape: of the product.
        summed: number of products in each sum; default is the last dimension of ``a``.
    """
    dims = a.dims
    summed = (dims[-1] if dims else 1) if summed is None else summed
    rows = max(math.prod(dims) // max(summed, 1), 1)
    return record.add(Operation.MATMUL, [a, b], shape, last=True, in_shape=(summed, rows, 1))


def attention(
    record: Recorder, q: Value, k: Value, v: Value, shape: Dims, mask: Value | None = None
) -> Value:
    """Return scaled dot-product attention: channels are those of all heads, the kernel is (keys per query,
    1).

    ``mask`` is what is added to the products of queries and keys, or says which of them count.
    """
    tokens, width, keys = q.shape[-2], q.shape[-1], k.shape[-2]
    parts = max(math.prod(q.shape[:-2]) // BATCH, 1)
    heads = q.shape[-3] if len(q.shape) > 3 else parts
    windows = parts // heads
    value = record.add(
        Operation.ATTENTION,
        [q, k, v] if mask is None else [q, k, v, mask],
        shape,
        in_shape=(heads * width, windows * tokens, 1),
        kernel=(keys, 1),
    )
    row = list(record.nodes[value.node].row)
    row[4:7] = heads * shape[-1], windows * tokens, 1
    record.nodes[value.node].row = tuple(row)
    return value


def first_layout(x: Value) -> Value:
    """Return the same tensor with its channels right after the batch."""
    return Value(x.node, x.shape, last=False)


def spread(sizes: Sequence[int], rank: int) -> list[int]:
    """Return one number per dimension, where one may stand for all."""
    return list(sizes) * rank if len(sizes) == 1 else list(sizes)


def batch_axis(x: Value) -> int:
    """Return where the batch, or a 1 in its place, is in the shape; -1 where it is folded into another
    one.
    """
    if BATCH in x.shape:
        return x.shape.index(BATCH)
    return 0 if x.shape[:1] == (1,) else -1


def channel_axis(x: Value) -> int:
    """Return where the channels are in the shape."""
    axes = [axis for axis in range(len(x.shape)) if axis != batch_axis(x)]
    return axes[-1 if x.last else 0] if axes else -1
