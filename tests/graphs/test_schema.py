"""Rows of features that are kept once, and graphs that show in one line what they are."""

import numpy as np
import pytest

from contrastive_nas.graphs import schema
from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch


@pytest.mark.parametrize(
    ("rows", "columns", "largest"), [(0, 20, 9), (1, 3, 9), (2000, 20, 2), (2000, 3, 3), (500, 4, 2**30)]
)
def test_distinct_rows_are_numpys(rows, columns, largest):
    values = np.random.default_rng(rows).integers(-largest, largest, size=(rows, columns)).astype(np.int32)
    found, group = schema.distinct_rows(values)
    expected, expected_group = np.unique(values, axis=0, return_inverse=True)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(group, expected_group.reshape(-1))


def test_rows_whose_numbers_collide():
    """Rows are compared in the end, so that a collision costs time, not truth."""
    factor = int(np.uint64(0x9E3779B97F4A7C15))
    inverse = pow(factor, -1, 2**64)
    values = np.array([[1, 0], [0, inverse]], dtype=np.uint64).astype(np.int64)
    found, group = schema.distinct_rows(values)
    assert len(found) == 2
    assert sorted(group.tolist()) == [0, 1]


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
