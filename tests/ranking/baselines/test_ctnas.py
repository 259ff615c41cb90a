import numpy as np
import pytest
import torch
from tests.ranking.sources import make_source

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch, node_rows
from contrastive_nas.ranking.baselines import ctnas
from contrastive_nas.ranking.baselines.ctnas import CtnasRanker
from contrastive_nas.ranking.metrics import kendall_tau


def operations_alone(graph: ComputationGraph) -> ComputationGraph:
    """Random graphs hardly share a node; with equal sizes they do."""
    features = np.ones_like(graph.features)
    features[:, 0] = graph.features[:, 0]
    return ComputationGraph(features, graph.edges)


def test_ranker_learns_and_repeats():
    source, labelled = make_source(80), np.arange(50)
    source.graphs = GraphBatch.from_graphs(operations_alone(graph) for graph in source.graphs)
    found = []
    for _ in range(2):
        ranker = CtnasRanker(steps=30)
        ranker.fit(source, labelled, source.truth[labelled], seed=0)
        found.append(ranker.scores(np.arange(50, 80)))
    assert kendall_tau(found[0], source.truth[50:]) > 0.3
    assert np.array_equal(*found)


def test_vectors_are_those_of_convolutions_over_the_nodes():
    batch = make_source(6).graphs
    vocabulary = {row.tobytes(): number % 7 for number, row in enumerate(batch.node_types)}
    torch.manual_seed(0)
    embed = ctnas._Embedding(7)
    found = embed(ctnas._prepare(batch, vocabulary))
    for number, graph in enumerate(batch):
        adjacency = torch.eye(len(graph))
        for source, target in graph.edges.T:
            adjacency[target, source] += 1
        adjacency /= adjacency.sum(1, keepdim=True)
        rows = [
            vocabulary[row.astype(batch.node_types.dtype).tobytes()]
            for row in node_rows(graph.features, graph.attributes)
        ]
        nodes = embed.operation(torch.tensor(rows))
        for layer in embed.layers:
            nodes = torch.relu(adjacency @ (nodes @ layer.weight.T + layer.bias))
        torch.testing.assert_close(found[number], nodes.mean(0), rtol=1e-4, atol=1e-5)


def test_labels_without_a_pair_are_refused():
    with pytest.raises(InputError, match="two different"):
        CtnasRanker().fit(make_source(6), np.arange(4), np.ones(4), seed=0)
