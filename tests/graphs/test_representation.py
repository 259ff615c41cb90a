"""Graphs show in one line what they are."""

from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch


def test_a_graph_names_its_size_and_shapes():
    builder = GraphBuilder((3, 32, 32))
    x = builder.relu(builder.conv(builder.input, 8, 3, stride=2))
    builder.output(builder.linear(builder.global_avg_pool(x), 10))
    assert repr(builder.graph()) == "<graph: 6 nodes, 5 edges, 3x32x32 to 10x1x1>"
    assert repr(GraphBatch.from_graphs([builder.graph()] * 300)) == "<300 graphs: 1,800 nodes, 1,500 edges>"


def test_a_graph_says_what_it_does_not_know():
    builder = GraphBuilder((3, 8, 8))
    builder.output(builder.unary(Operation.UNKNOWN, builder.input))
    assert repr(builder.graph()) == "<graph: 3 nodes, 1 of them unknown, 2 edges, 3x8x8 to 3x8x8>"
