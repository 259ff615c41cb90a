"""What a node costs: multiply-accumulates and parameters, by one rule for every network.

Multiply-accumulates are those of convolutions and matrix products: output elements times the inputs that each
of them sums over. Biases, norms, activations, pooling and joins count none. Parameters are weights and
biases; a norm has one weight and, where it has a bias, one bias a channel. Weights that an earlier node holds
count once.
"""

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURES, GraphBatch, IntArray


def multiply_accumulates(features: IntArray) -> NDArray[np.int64]:
    """Multiply-accumulates of nodes for one input image.

    A ``MATMUL`` without weights multiplies (C, H, W) tensors over their channels: its output elements times
    its input channels. ``ATTENTION`` of L tokens with D channels makes two such products: 2 L L D.

    Args:
        features: nodes x ``FEATURE_COUNT``.
    """
    rows = features.astype(np.int64)
    op, inputs, outputs = rows[:, 0], rows[:, FEATURES["in_shape"]], rows[:, FEATURES["out_shape"]]
    weight = rows[:, FEATURES["weight_shape"]]
    per_filter = weight[:, 1:].prod(axis=1)
    tokens = inputs[:, 1] * inputs[:, 2]
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
            outputs.prod(axis=1) * np.where(per_filter > 0, per_filter, inputs[:, 0]),
            2 * tokens**2 * inputs[:, 0],
        ],
        default=0,
    )


def parameters(features: IntArray) -> NDArray[np.int64]:
    """Trainable parameters of nodes.

    Args:
        features: nodes x ``FEATURE_COUNT``.
    """
    rows = features.astype(np.int64)
    weight = rows[:, FEATURES["weight_shape"]].prod(axis=1)
    bias = rows[:, 18] * rows[:, FEATURES["out_shape"]][:, 0]
    return np.where(rows[:, 19] == 1, 0, weight + bias)


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
