"""Kinds of nodes that statistics tell apart: an operation with what matters of its kernel and groups."""

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.operations import JOINS, Operation
from contrastive_nas.graphs.schema import IntArray, column

KINDS: tuple[str, ...] = (
    "other",
    "conv_1",
    "conv_3",
    "conv_5",
    "conv_7",
    "grouped_3",
    "grouped_5",
    "grouped_7",
    "linear",
    "norm",
    "activation",
    "max_pool",
    "avg_pool",
    "global_pool",
    "add",
    "concat",
    "mul",
)
DENSE_SPATIAL = ("conv_3", "conv_5", "conv_7")
GROUPED = ("grouped_3", "grouped_5", "grouped_7")
CONVOLUTIONS = ("conv_1", *DENSE_SPATIAL, *GROUPED)

_BY_OPERATION: dict[str, tuple[Operation, ...]] = {
    "linear": (Operation.LINEAR, Operation.MATMUL, Operation.ATTENTION),
    "norm": tuple(Operation(number) for number in range(20, 25)),
    "activation": tuple(Operation(number) for number in range(30, 48)),
    "max_pool": (Operation.MAX_POOL,),
    "avg_pool": (Operation.AVG_POOL,),
    "global_pool": (Operation.GLOBAL_AVG_POOL, Operation.GLOBAL_MAX_POOL),
    "add": tuple(JOINS - {Operation.MUL, Operation.CONCAT}),
    "concat": (Operation.CONCAT,),
    "mul": (Operation.MUL,),
}


def node_kinds(features: IntArray) -> NDArray[np.int64]:
    """Return position in ``KINDS`` of every row of features.

    Kernels count by their larger side: up to 1, 3, 5, and above. Every convolution with groups is
    ``grouped``, also one with a 1x1 kernel.
    """
    op = column(features, "op")
    result = np.zeros(len(features), dtype=np.int64)
    for kind, operations in _BY_OPERATION.items():
        result[np.isin(op, operations)] = KINDS.index(kind)
    convolution = (op == Operation.CONV) | (op == Operation.CONV_TRANSPOSE)
    kernel = column(features, "kernel").max(axis=1)
    grouped = column(features, "groups") > 1
    dense_kind = KINDS.index("conv_1") + np.searchsorted([1, 3, 5], kernel)
    grouped_kind = KINDS.index("grouped_3") + np.searchsorted([3, 5], kernel)
    return np.where(convolution, np.where(grouped, grouped_kind, dense_kind), result)


def kind_indicator(features: IntArray, kinds: tuple[str, ...]) -> NDArray[np.float64]:
    """Return 1 for every row of features whose kind is one of ``kinds``, else 0."""
    return np.isin(node_kinds(features), [KINDS.index(kind) for kind in kinds]).astype(np.float64)
