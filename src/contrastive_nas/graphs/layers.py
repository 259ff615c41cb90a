"""Layers of networks: an operation with weights and what stands in a row with it.

Most nodes of a network stand in rows: a convolution, its norm, its activation. Nodes that feed nothing but
the next one, which reads nothing else, are one layer, except that a second convolution, linear map or
attention begins another one. A graph of layers says how a network is wired with about half of the nodes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch, column

_WEIGHTED = (
    Operation.CONV,
    Operation.CONV_TRANSPOSE,
    Operation.LINEAR,
    Operation.MATMUL,
    Operation.ATTENTION,
)


@dataclass(frozen=True, eq=False)
class Layers:
    """The layers of a batch of graphs.

    Attributes:
        of_nodes: int64, nodes: layer of every node, counted from 0 over the whole batch, graph by graph.
        edges: int64, 2 x edges: those edges of the batch that lead from one layer to another.
        graph_ids: int64, layers: the graph that each belongs to.
    """

    of_nodes: NDArray[np.int64]
    edges: NDArray[np.int64]
    graph_ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.graph_ids)


def find_layers(batch: GraphBatch) -> Layers:
    """Group the nodes of all graphs at once, in a number of steps logarithmic in the longest row."""
    count = len(batch.type_ids)
    sources, targets = batch.edges
    only_reader = np.bincount(sources, minlength=count)[sources] == 1
    only_source = np.bincount(targets, minlength=count)[targets] == 1
    in_a_row = only_reader & only_source

    before = np.arange(count)
    before[targets[in_a_row]] = sources[in_a_row]
    weighted = np.isin(column(batch.node_types, "op"), _WEIGHTED)[batch.type_ids].astype(np.int64)
    # Pointer doubling: ``passed`` counts weighted nodes from each node back to, but without, ``before``.
    passed, moving = np.zeros(count, dtype=np.int64), targets[in_a_row]
    passed[moving] = weighted[moving]
    while len(moving):
        near = before[moving]
        far, between = before[near], passed[near]
        before[moving] = far
        passed[moving] += between
        moving = moving[far != near]
    number = np.maximum(passed + weighted[before], 1)
    of_nodes = pd.factorize(before * (number.max(initial=0) + 1) + number)[0].astype(np.int64)

    ends = of_nodes[batch.edges]
    graph_ids = np.empty(of_nodes.max(initial=-1) + 1, dtype=np.int64)
    graph_ids[of_nodes] = batch.graph_ids
    return Layers(of_nodes, ends[:, ends[0] != ends[1]], graph_ids)
