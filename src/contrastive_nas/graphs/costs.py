"""What a node costs: multiply-accumulates and parameters, by one rule for every network.

Multiply-accumulates are those of convolutions and matrix products: output elements times the inputs that each
of them sums over. Biases, norms, activations, pooling and joins count none. Parameters are weights and
biases; a norm has one weight and, where it has a bias, one bias a channel. Weights that an earlier node holds
count once, fixed ones not at all.
"""

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch, IntArray, column

_NORMS = (Operation.BATCH_NORM, Operation.LAYER_NORM, Operation.GROUP_NORM, Operation.INSTANCE_NORM)


def multiply_accumulates(features: IntArray) -> NDArray[np.int64]:
    """Multiply-accumulates of nodes for one input image.

    A ``MATMUL`` counts its output elements times its input channels, which are what it sums over.
    ``ATTENTION`` multiplies every query with the keys that its kernel counts, the result with as many values.

    Args:
        features: nodes x ``FEATURE_COUNT``.
    """
    rows = features.astype(np.int64)
    op, inputs, outputs = column(rows, "op"), column(rows, "in_shape"), column(rows, "out_shape")
    weight = column(rows, "weight_shape")
    per_filter = weight[:, 1:].prod(axis=1)
    keys = column(rows, "kernel")[:, 0]
    return np.select(
        [
            (op == Operation.CONV) | (op == Operation.LINEAR),
            op == Operation.CONV_TRANSPOSE,
            op == Operation.MATMUL,
            op == Operation.ATTENTION,
        ],
        [
            outputs.prod(axis=1) * per_filter,
            inputs[:, 1:].prod(axis=1) * weight.prod(axis=1),
            outputs.prod(axis=1) * inputs[:, 0],
            keys * (inputs.prod(axis=1) + outputs.prod(axis=1)),
        ],
        default=0,
    )


def parameters(features: IntArray) -> NDArray[np.int64]:
    """Trainable parameters of nodes.

    Args:
        features: nodes x ``FEATURE_COUNT``.
    """
    rows = features.astype(np.int64)
    weight = column(rows, "weight_shape").prod(axis=1)
    is_norm = np.isin(column(rows, "op"), _NORMS)
    bias = column(rows, "bias") * np.where(is_norm, weight, column(rows, "out_shape")[:, 0])
    return np.where(column(rows, "tied") == 1, 0, weight + bias)


def graph_multiply_accumulates(batch: GraphBatch) -> NDArray[np.int64]:
    """Multiply-accumulates of every graph."""
    return graph_sums(batch, multiply_accumulates(batch.node_types)[batch.type_ids])


def graph_parameters(batch: GraphBatch) -> NDArray[np.int64]:
    """Trainable parameters of every graph."""
    return graph_sums(batch, parameters(batch.node_types)[batch.type_ids])


def graph_sums(batch: GraphBatch, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sums of a value per node over the nodes of every graph, exact."""
    running = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    return running[batch.node_offsets[1:]] - running[batch.node_offsets[:-1]]
