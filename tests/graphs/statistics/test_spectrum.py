import networkx as nx
import numpy as np
from tests.graphs.random_graphs import random_graph

from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.graphs.statistics.spectrum import spectrum


def test_spectrum_agrees_with_networkx() -> None:
    rng = np.random.default_rng(0)
    graphs = [random_graph(rng, int(size)) for size in rng.integers(2, 40, size=20)]
    found = spectrum(GraphBatch.from_graphs(graphs), 11)
    for graph, values in zip(graphs, found, strict=True):
        undirected: nx.Graph = nx.Graph()
        undirected.add_nodes_from(range(len(graph)))
        undirected.add_edges_from(graph.edges.T.tolist())
        expected = np.sort(nx.normalized_laplacian_spectrum(undirected))[:11]
        np.testing.assert_allclose(values[: len(expected)], expected, atol=1e-6)
        assert (values[len(expected) :] == 2).all()


def test_spectrum_is_the_same_alone_and_in_a_batch() -> None:
    rng = np.random.default_rng(1)
    graphs = [random_graph(rng, int(size)) for size in rng.integers(3, 9, size=30)]
    together = spectrum(GraphBatch.from_graphs(graphs), 5)
    alone = np.concatenate([spectrum(GraphBatch.from_graphs([graph]), 5) for graph in graphs])
    np.testing.assert_array_equal(together, alone)


def test_a_chain_has_the_spectrum_of_the_formula() -> None:
    # Chung, Spectral Graph Theory, example 1.4: a path of n nodes has 1 - cos(pi k / (n - 1)).
    graph = random_graph(np.random.default_rng(2), 9)
    chain = np.stack([np.arange(8), np.arange(1, 9)]).astype(np.int32)
    batch = GraphBatch.from_graphs([type(graph)(graph.features, chain)])
    np.testing.assert_allclose(spectrum(batch, 9)[0], 1 - np.cos(np.pi * np.arange(9) / 8), atol=1e-6)


def test_no_eigenvalues_may_be_asked_for() -> None:
    batch = GraphBatch.from_graphs([random_graph(np.random.default_rng(3), 5)])
    assert spectrum(batch, 0).shape == (1, 0)
