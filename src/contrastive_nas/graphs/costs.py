"""What a node costs: multiply-accumulates and parameters, by one rule for every network.

Multiply-accumulates are those of convolutions and matrix products: output elements times the inputs that each
of them sums over. Biases, norms, activations, pooling and joins count none. Parameters are weights and
biases; a norm has one weight and, where it has a bias, one bias a channel. Weights that an earlier node holds
count once, fixed ones not at all. A recurrent layer counts its two products for every step, distances as many
as there are pairs and coordinates, a condition on data its costlier branch.

A node of an operation outside the vocabulary counts its parameters, and no multiply-accumulates: how much of
a graph that is, :func:`unknown_shares` says.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch, IntArray, column

_LOG = logging.getLogger(__name__)
# Costs are compared within about as much: a graph of which more is unknown says less than its costs seem to.
UNKNOWN_LIMIT = 0.01
_NORMS = (Operation.BATCH_NORM, Operation.LAYER_NORM, Operation.GROUP_NORM, Operation.INSTANCE_NORM)


def multiply_accumulates(features: IntArray) -> NDArray[np.int64]:
    """Return multiply-accumulates of nodes for one input image.

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
    channels = weight[:, 1] * np.maximum(column(rows, "groups"), 1)
    return np.select(
        [
            (op == Operation.CONV) | (op == Operation.LINEAR),
            op == Operation.CONV_TRANSPOSE,
            op == Operation.MATMUL,
            op == Operation.ATTENTION,
        ],
        [
            outputs.prod(axis=1) * per_filter,
            # Every position of the input meets every weight once.
            inputs.prod(axis=1) // np.maximum(channels, 1) * weight.prod(axis=1),
            outputs.prod(axis=1) * inputs[:, 0],
            keys * (inputs.prod(axis=1) + outputs.prod(axis=1)),
        ],
        default=0,
    )


def parameters(features: IntArray) -> NDArray[np.int64]:
    """Return trainable parameters of nodes.

    Args:
        features: nodes x ``FEATURE_COUNT``.
    """
    rows = features.astype(np.int64)
    shape, tied = column(rows, "weight_shape"), column(rows, "tied")
    weight = shape.prod(axis=1)
    bias = column(rows, "bias") * np.where(np.isin(column(rows, "op"), _NORMS), weight, shape[:, 0])
    return np.where(np.isin(tied, (0, 3)), weight, 0) + np.where(np.isin(tied, (0, 2)), bias, 0)


def graph_multiply_accumulates(batch: GraphBatch) -> NDArray[np.int64]:
    """Return multiply-accumulates of every graph."""
    return graph_sums(batch, multiply_accumulates(batch.node_types)[batch.type_ids])


def graph_parameters(batch: GraphBatch) -> NDArray[np.int64]:
    """Return trainable parameters of every graph."""
    return graph_sums(batch, parameters(batch.node_types)[batch.type_ids])


def graph_output_elements(batch: GraphBatch) -> NDArray[np.int64]:
    """Return numbers that the nodes of every graph give for one input image, without those of the image."""
    rows = batch.node_types.astype(np.int64)
    op = column(rows, "op")
    computed = (op != Operation.INPUT) & (op != Operation.OUTPUT)
    elements = np.where(computed, column(rows, "out_shape").prod(axis=1), 0)
    return graph_sums(batch, elements[batch.type_ids])


def graph_costs(batch: GraphBatch) -> NDArray[np.int64]:
    """Return multiply-accumulates and parameters of every graph: graphs x 2."""
    return np.stack([graph_multiply_accumulates(batch), graph_parameters(batch)], axis=1)


@dataclass(frozen=True)
class UnknownShares:
    """How much of each graph is in nodes of operations outside the vocabulary.

    Attributes:
        parameters: graphs, share of the trainable parameters.
        nodes: graphs, share of the nodes.
    """

    parameters: NDArray[np.float64]
    nodes: NDArray[np.float64]

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Graphs of which either share is above ``UNKNOWN_LIMIT``: their costs are unreliable."""
        return np.maximum(self.parameters, self.nodes) > UNKNOWN_LIMIT


def unknown_shares(batch: GraphBatch) -> UnknownShares:
    """Return the shares of parameters and of nodes of every graph that are outside the vocabulary."""
    unknown = column(batch.node_types, "op") == Operation.UNKNOWN
    held = parameters(batch.node_types)
    of_unknown = graph_sums(batch, np.where(unknown, held, 0)[batch.type_ids])
    nodes = graph_sums(batch, unknown.astype(np.int64)[batch.type_ids])
    counts = np.diff(batch.node_offsets)
    return UnknownShares(of_unknown / np.maximum(graph_parameters(batch), 1), nodes / np.maximum(counts, 1))


def warn_of_unknown(names: Sequence[str], batch: GraphBatch) -> None:
    """Warn of each network of which too much is unknown to rely on its place among others.

    Args:
        names: of the networks.
        batch: their graphs, in the same order.
    """
    shares = unknown_shares(batch)
    for place in np.flatnonzero(shares.flagged).tolist():
        _LOG.warning(
            "%s: %.1f %% of its parameters and %.1f %% of its nodes are outside the vocabulary; its "
            "costs and its rank are unreliable",
            names[place],
            100 * shares.parameters[place],
            100 * shares.nodes[place],
        )


def graph_sums(batch: GraphBatch, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return sums of a value per node over the nodes of every graph, exact."""
    running = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    return running[batch.node_offsets[1:]] - running[batch.node_offsets[:-1]]
