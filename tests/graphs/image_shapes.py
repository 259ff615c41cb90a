"""Shapes of tensors with a batch, and as (C, H, W) as the features of nodes have them.

A batch is known among the sizes by being a prime that no other size is a multiple of.
"""

import math
from collections.abc import Sequence

from torch import Tensor


def batch_axis(shape: Sequence[int], batch: int) -> int:
    """Where the batch is, or is folded into another dimension."""
    return next((axis for axis, size in enumerate(shape) if size and size % batch == 0), 0)


def image_axes(shape: Sequence[int], batch: int, *, last: bool) -> list[int]:
    """Where the channels are, then all other dimensions but that of the batch."""
    axes = [axis for axis in range(len(shape)) if axis != batch_axis(shape, batch)]
    return [axes[-1], *axes[:-1]] if last and axes else axes


def encoded(shape: Sequence[int], batch: int, *, last: bool) -> list[int]:
    """A shape as (C, H, W), the channels being its last dimension or the first one after the batch."""
    axis = batch_axis(shape, batch)
    folded = shape[axis] // batch if shape and shape[axis] % batch == 0 else 1
    dims = [*shape[:axis], *([folded] if folded > 1 else []), *shape[axis + 1 :]]
    if not dims:
        return [1, 1, 1]
    channels, *rest = [dims[-1], *dims[:-1]] if last else dims
    if len(rest) < 2:
        return [channels, *rest, 1, 1][:3]
    return [channels, math.prod(rest[:-1]), rest[-1]]


def layouts(shape: Sequence[int], batch: int, wanted: Sequence[int]) -> list[bool]:
    """With the channels first or last: which of the two gives (C, H, W) as ``wanted``."""
    return [last for last in (False, True) if encoded(shape, batch, last=last) == list(wanted)]


def with_rank(x: Tensor, rank: int) -> Tensor:
    """With sizes of one at the end put there or taken away."""
    while x.dim() < rank:
        x = x[..., None]
    while x.dim() > rank and x.shape[-1] == 1:
        x = x[..., 0]
    return x


def variants(x: Tensor) -> list[Tensor]:
    """A tensor with the sizes of one at its end that it has, then with any other number of them."""
    bare = with_rank(x, 2)
    return [x, *(with_rank(bare, rank) for rank in range(bare.dim(), 5))]
