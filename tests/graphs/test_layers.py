import networkx as nx
import numpy as np
import pytest
from tests.graphs.random_graphs import random_graph

from contrastive_nas.graphs.layers import find_layers
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.spaces import load_space

WEIGHTED = {"CONV", "CONV_TRANSPOSE", "LINEAR", "MATMUL", "ATTENTION"}


def graph_of(operations: str, edges: list[tuple[int, int]]) -> ComputationGraph:
    features = np.zeros((len(operations.split()), 20), np.int32)
    features[:, 0] = [int(Operation[name]) for name in operations.split()]
    return ComputationGraph(features, np.array(edges, np.int32).reshape(-1, 2).T)


def layers_one_by_one(graph: ComputationGraph) -> list[set[int]]:
    """Sets of nodes, by walking along the rows."""
    wiring = nx.MultiDiGraph()
    wiring.add_nodes_from(range(len(graph)))
    wiring.add_edges_from(graph.edges.T.tolist())
    found: dict[int, set[int]] = {}
    weights: dict[int, int] = {}
    for node in range(len(graph)):
        heavy = Operation(int(graph.op[node])).name in WEIGHTED
        before = [source for source, _ in wiring.in_edges(node)]
        joins = len(before) == 1 and wiring.out_degree(before[0]) == 1
        if joins and weights[before[0]] + heavy <= 1:
            found[node], weights[node] = found[before[0]], weights[before[0]] + heavy
        else:
            found[node], weights[node] = set(), int(heavy)
        found[node].add(node)
    return sorted({id(group): group for group in found.values()}.values(), key=min)


def sets(graph: ComputationGraph) -> list[set[int]]:
    of_nodes = find_layers(GraphBatch.from_graphs([graph])).of_nodes
    return [set(np.flatnonzero(of_nodes == layer).tolist()) for layer in range(of_nodes.max() + 1)]


def test_an_activation_a_convolution_and_a_norm_are_one_layer():
    graph = graph_of("INPUT RELU CONV BATCH_NORM CONV RELU OUTPUT", [(node, node + 1) for node in range(6)])
    assert sets(graph) == [{0, 1, 2, 3}, {4, 5, 6}]


def test_branches_and_joins_part_layers():
    graph = graph_of("INPUT CONV RELU ADD OUTPUT", [(0, 1), (1, 2), (1, 3), (2, 3), (3, 4)])
    assert sets(graph) == [{0, 1}, {2}, {3, 4}]
    doubled = graph_of("INPUT ADD OUTPUT", [(0, 1), (0, 1), (1, 2)])
    assert sets(doubled) == [{0}, {1, 2}]


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs_give_the_layers_found_by_walking(seed):
    graph = random_graph(np.random.default_rng(seed), 60)
    assert sorted(sets(graph), key=min) == layers_one_by_one(graph)


@pytest.mark.parametrize("name", ["nasbench201", "mnasnet", "darts"])
def test_layers_of_a_batch_are_those_of_its_graphs(name):
    space = load_space(name)
    batch = space.graphs(space.sample(np.random.default_rng(0), 5))
    together = find_layers(batch)
    start = 0
    for number, graph in enumerate(batch):
        nodes = slice(*batch.node_offsets[number : number + 2])
        assert sorted(sets(graph), key=min) == layers_one_by_one(graph)
        alone = find_layers(GraphBatch.from_graphs([graph]))
        np.testing.assert_array_equal(together.of_nodes[nodes] - start, alone.of_nodes)
        inside = together.graph_ids[together.edges[0]] == number
        np.testing.assert_array_equal(together.edges[:, inside] - start, alone.edges)
        start += len(alone)
    assert len(together) == start


def test_no_graph_has_no_layer():
    assert len(find_layers(GraphBatch.from_graphs([]))) == 0
