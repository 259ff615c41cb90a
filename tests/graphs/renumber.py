"""Other descriptions of the same graph."""

import numpy as np

from contrastive_nas.graphs import ComputationGraph
from contrastive_nas.graphs.operations import COMMUTATIVE_OPERATIONS


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
