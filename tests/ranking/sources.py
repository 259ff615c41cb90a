"""A small graph source in memory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tests.graphs.random_graphs import random_graph

from contrastive_nas.graphs.schema import GraphBatch, IntArray
from contrastive_nas.graphs.statistics.spectrum import spectrum


@dataclass
class MemorySource:
    """Random graphs; ``truth`` is a property that a graph model can learn: the share of convolutions."""

    graphs: GraphBatch
    statistics: NDArray[np.float32]
    spectrum: NDArray[np.float32]
    function_ids: IntArray
    spaces: list[str]
    truth: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.graphs)

    def batch(self, indices: IntArray) -> GraphBatch:
        return self.graphs.take(indices)

    def statistics_of(self, rows: IntArray) -> NDArray[np.float32]:
        return self.statistics[rows]

    def architectures_of(self, rows: IntArray) -> list[str]:
        return [f"graph {row}" for row in rows]


def make_source(count: int = 40, seed: int = 0) -> MemorySource:
    """Half of the graphs in each of two spaces."""
    rng = np.random.default_rng(seed)
    graphs = GraphBatch.from_graphs(random_graph(rng, int(rng.integers(12, 30))) for _ in range(count))
    truth = np.array([np.mean(graph.op == 10) for graph in graphs])
    spaces = ["first", "second"] * (count // 2)
    statistics = rng.normal(size=(count, 3)).astype(np.float32)
    return MemorySource(graphs, statistics, spectrum(graphs), np.arange(count), spaces, truth)
