"""Small random graphs, valid but of no use as networks, and other descriptions of the same graph."""

import numpy as np

from contrastive_nas.graphs.operations import COMMUTATIVE_OPERATIONS, Operation
from contrastive_nas.graphs.schema import FEATURE_COUNT, FEATURES, ComputationGraph

_INNER = (
    Operation.CONV,
    Operation.RELU,
    Operation.ADD,
    Operation.MAX_POOL,
    Operation.BATCH_NORM,
    Operation.MUL,
)


def random_graph(rng: np.random.Generator, nodes: int) -> ComputationGraph:
    """One input, then random operations with one to three earlier arguments each, then the output."""
    features = np.zeros((nodes, FEATURE_COUNT), dtype=np.int32)
    features[:, 0] = [Operation.INPUT, *rng.choice(_INNER, nodes - 2), Operation.OUTPUT]
    sides = np.maximum.accumulate(rng.integers(0, 3, nodes))
    sides[0] = 0
    features[:, FEATURES["out_shape"]] = np.stack(
        [rng.choice([8, 16], nodes), 32 >> sides, 32 >> sides], axis=1
    )
    features[:, FEATURES["in_shape"]] = features[:, FEATURES["out_shape"]]
    windowed = np.isin(features[:, 0], (Operation.CONV, Operation.MAX_POOL))
    features[:, FEATURES["kernel"]] = (windowed * rng.choice([1, 3, 5], nodes))[:, None]
    convolution = features[:, 0] == Operation.CONV
    features[:, FEATURES["weight_shape"]][convolution] = (8, 8, 3, 3)
    edges = [
        (source, target)
        for target in range(1, nodes)
        for source in rng.integers(0, target, 1 if target == nodes - 1 else rng.integers(1, 4))
    ]
    return ComputationGraph(features, np.array(edges, dtype=np.int32).reshape(-1, 2).T.copy())


def renumbered(graph: ComputationGraph, rng: np.random.Generator) -> ComputationGraph:
    """The same graph with nodes in another topological order and other orders of summands and factors."""
    waiting = np.bincount(graph.edges[1], minlength=len(graph))
    ready, order = np.flatnonzero(waiting == 0).tolist(), []
    while ready:
        order.append(ready.pop(int(rng.integers(len(ready)))))
        for target in graph.edges[1, graph.edges[0] == order[-1]]:
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(int(target))
    number = np.argsort(order)
    edges = number[graph.edges]
    shuffled = rng.permutation(edges.shape[1])
    commutative = np.isin(graph.op[order][edges[1]], list(COMMUTATIVE_OPERATIONS))
    rank = np.where(commutative, shuffled, np.arange(edges.shape[1]))
    return ComputationGraph(graph.features[order], edges[:, np.lexsort((rank, edges[1]))].astype(np.int32))
