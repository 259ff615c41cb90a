import numpy as np
import pytest
import torch
from tests.graphs.cells import ALL_CELLS, network, single_cell
from tests.graphs.execute import execute, name_weights
from tests.graphs.random_graphs import renumbered

from contrastive_nas.graphs import (
    ComputationGraph,
    GraphBatch,
    GraphBuilder,
    Operation,
    canonical,
    canonical_batch,
)
from contrastive_nas.graphs.canonical_form import order as canonical_order
from contrastive_nas.graphs.canonical_form import rewrites as canonical_rewrites


def same(first: ComputationGraph, second: ComputationGraph) -> bool:
    return np.array_equal(first.features, second.features) and np.array_equal(first.edges, second.edges)


def operations(graph: ComputationGraph) -> list[str]:
    return [Operation(op).name for op in graph.op]


def some_cells(count: int, seed: int) -> list[tuple[str, ...]]:
    rng = np.random.default_rng(seed)
    return [ALL_CELLS[number] for number in rng.choice(len(ALL_CELLS), count, replace=False)]


def test_every_rewrite_keeps_what_a_network_computes() -> None:
    rng = np.random.default_rng(3)
    image = torch.from_numpy(rng.normal(size=(3, 3, 8, 8)))
    rewrites = (
        canonical_rewrites.drop_zeros,
        canonical_rewrites.bypass_identities,
        canonical_rewrites.drop_dead_nodes,
        canonical_rewrites.flatten_sums,
        canonical_order.reorder,
    )
    changed = dict.fromkeys(rewrites, 0)
    for operations_of_cell in some_cells(60, seed=1):
        graph, weights = name_weights(single_cell(operations_of_cell), rng)
        expected = execute(graph, weights, image)
        for rewrite in rewrites:
            before, graph = graph, rewrite(GraphBatch.from_graphs([graph]))[0]
            changed[rewrite] += not same(before, graph)
            torch.testing.assert_close(execute(graph, weights, image), expected)
    assert min(changed.values()) >= 5, changed


@pytest.mark.parametrize("make", [single_cell, network])
def test_does_not_depend_on_numbering(make: object) -> None:
    rng = np.random.default_rng(0)
    graphs = [make(cell, **({"repeats": 1} if make is network else {})) for cell in some_cells(150, seed=2)]
    first = canonical_batch(GraphBatch.from_graphs(graphs))
    second = canonical_batch(GraphBatch.from_graphs(renumbered(graph, rng) for graph in graphs))
    assert all(same(a, b) for a, b in zip(first, second, strict=True))


def random_graph(rng: np.random.Generator) -> ComputationGraph:
    """A graph of few kinds of nodes, so that many are alike."""
    builder = GraphBuilder((2, 4, 4))
    nodes = [builder.input]
    for _ in range(int(rng.integers(4, 16))):
        x, y = (nodes[int(number)] for number in rng.integers(max(0, len(nodes) - 5), len(nodes), 2))
        kinds = (builder.relu(x), builder.add(x, y), builder.join(Operation.SUB, (x, y)), builder.relu(x))
        nodes.append(kinds[int(rng.integers(len(kinds)))])
    builder.output(builder.add(*nodes[-3:]))
    return builder.graph()


def test_random_graphs_with_many_equal_nodes_do_not_depend_on_numbering() -> None:
    rng = np.random.default_rng(5)
    graphs = [random_graph(rng) for _ in range(400)]
    first = canonical_batch(GraphBatch.from_graphs(graphs))
    second = canonical_batch(GraphBatch.from_graphs(renumbered(graph, rng) for graph in graphs))
    assert all(same(a, b) for a, b in zip(first, second, strict=True))


def test_exchangeable_parts_that_meet_are_decided_together() -> None:
    # Either pair alone may be numbered at will; together they may not, because each relu meets one sigmoid.
    def build(order: tuple[int, int, int, int]) -> ComputationGraph:
        builder = GraphBuilder((2, 4, 4))
        kinds = (Operation.RELU, Operation.RELU, Operation.SIGMOID, Operation.SIGMOID)
        made = {number: builder.unary(kinds[number], builder.input) for number in order}
        sums = [builder.relu(builder.add(made[0], made[2])), builder.relu(builder.add(made[1], made[3]))]
        builder.output(builder.join(Operation.MUL, sums))
        return builder.graph()

    forms = [canonical(build(order)) for order in [(0, 1, 2, 3), (1, 0, 2, 3), (2, 0, 3, 1), (3, 2, 1, 0)]]
    assert all(same(forms[0], form) for form in forms)


def test_canonical_form_is_a_fixed_point() -> None:
    once = canonical_batch(GraphBatch.from_graphs(map(single_cell, some_cells(300, seed=4))))
    assert all(same(a, b) for a, b in zip(once, canonical_batch(once), strict=True))


def test_a_batch_gives_what_single_graphs_give() -> None:
    graphs = [single_cell(cell) for cell in some_cells(40, seed=6)]
    assert all(
        same(a, canonical(b))
        for a, b in zip(canonical_batch(GraphBatch.from_graphs(graphs)), graphs, strict=True)
    )


def test_an_empty_batch_stays_empty() -> None:
    assert len(canonical_batch(GraphBatch.from_graphs([]))) == 0


def test_all_edges_go_forward() -> None:
    batch = canonical_batch(GraphBatch.from_graphs(map(single_cell, ALL_CELLS[::50])))
    assert (batch.edges[0] < batch.edges[1]).all()
    assert (batch.features[batch.node_offsets[:-1], 0] == Operation.INPUT).all()
    assert (batch.features[batch.node_offsets[1:] - 1, 0] == Operation.OUTPUT).all()


def test_networks_that_give_zero_have_one_form() -> None:
    none = single_cell(("none",) * 6)
    cut = single_cell(("nor_conv_3x3", "none", "none", "none", "none", "nor_conv_1x1"))
    assert operations(canonical(none)) == ["INPUT", "ZERO", "OUTPUT"]
    assert same(canonical(none), canonical(cut))


def test_a_bias_after_a_zero_stays() -> None:
    builder = GraphBuilder((3, 4, 4))
    builder.output(builder.conv(builder.unary(Operation.ZERO, builder.input), 2, 3, bias=True))
    assert operations(canonical(builder.graph())) == ["INPUT", "ZERO", "CONV", "OUTPUT"]


def test_a_product_with_zero_is_zero_and_leaves_the_sum() -> None:
    builder = GraphBuilder((3, 4, 4))
    relu = builder.relu(builder.input)
    gated = builder.join(Operation.MUL, [builder.conv(relu, 3, 3), builder.unary(Operation.ZERO, relu)])
    builder.output(builder.add(relu, gated))
    assert operations(canonical(builder.graph())) == ["INPUT", "RELU", "OUTPUT"]


def test_sigmoid_of_zero_is_not_zero() -> None:
    builder = GraphBuilder((3, 4, 4))
    builder.output(builder.unary(Operation.SIGMOID, builder.unary(Operation.ZERO, builder.input)))
    assert operations(canonical(builder.graph())) == ["INPUT", "ZERO", "SIGMOID", "OUTPUT"]


def test_a_zero_that_widens_a_sum_stays() -> None:
    builder = GraphBuilder((3, 4, 4))
    pooled = builder.global_avg_pool(builder.input)
    builder.output(builder.relu(builder.add(pooled, builder.unary(Operation.ZERO, builder.input))))
    assert "ADD" in operations(canonical(builder.graph()))


def test_zeros_in_a_concatenation_become_one_node() -> None:
    builder = GraphBuilder((3, 4, 4))
    zeros = [
        builder.unary(Operation.ZERO, builder.input),
        builder.relu(builder.unary(Operation.ZERO, builder.input)),
    ]
    builder.output(builder.join(Operation.CONCAT, [builder.input, *zeros]))
    form = canonical(builder.graph())
    assert operations(form) == ["INPUT", "ZERO", "CONCAT", "OUTPUT"]
    assert form.edges.T.tolist() == [[0, 1], [0, 2], [1, 2], [1, 2], [2, 3]]


def test_sums_are_flattened_only_where_nothing_else_reads_them() -> None:
    def build(*, shared: bool) -> ComputationGraph:
        builder = GraphBuilder((3, 4, 4))
        a, b, c = builder.relu(builder.input), builder.unary(Operation.TANH, builder.input), builder.input
        inner = builder.add(a, b)
        outer = builder.add(inner, c)
        builder.output(builder.join(Operation.CONCAT, [outer, inner]) if shared else outer)
        return builder.graph()

    assert operations(canonical(build(shared=False))).count("ADD") == 1
    assert operations(canonical(build(shared=True))).count("ADD") == 2


def test_repeated_summands_keep_both_edges() -> None:
    builder = GraphBuilder((3, 4, 4))
    relu = builder.relu(builder.input)
    builder.output(builder.add(relu, builder.unary(Operation.IDENTITY, relu)))
    assert canonical(builder.graph()).edges.T.tolist() == [[0, 1], [1, 2], [1, 2], [2, 3]]


def test_order_matters_where_the_operation_says_so() -> None:
    def build(operation: Operation, *, swapped: bool) -> ComputationGraph:
        builder = GraphBuilder((3, 4, 4))
        pair = [builder.relu(builder.input), builder.unary(Operation.TANH, builder.input)]
        builder.output(builder.join(operation, pair[::-1] if swapped else pair))
        return builder.graph()

    for operation in (Operation.ADD, Operation.MUL, Operation.MEAN, Operation.MAXIMUM):
        assert same(canonical(build(operation, swapped=False)), canonical(build(operation, swapped=True)))
    for operation in (Operation.CONCAT, Operation.SUB, Operation.DIV, Operation.MATMUL):
        assert not same(canonical(build(operation, swapped=False)), canonical(build(operation, swapped=True)))
