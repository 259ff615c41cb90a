import itertools
from collections import Counter

import networkx
import numpy as np
import pytest
from tests.graphs.cells import ALL_CELLS, EDGES, network, single_cell

from contrastive_nas.graphs import (
    ComputationGraph,
    GraphBatch,
    GraphBuilder,
    Operation,
    canonical_batch,
    function_hash,
    function_hashes,
)


@pytest.fixture(scope="module")
def hashes() -> np.ndarray:
    """Of all cells of NAS-Bench-201, each in a small network."""
    return function_hashes(GraphBatch.from_graphs(map(single_cell, ALL_CELLS)))


def expression(cell: tuple[str, ...]) -> networkx.DiGraph | None:
    """A cell as a graph of what it computes, without the package; None where it gives zero."""
    nodes: list[tuple[str, list[int]]] = [("input", [])]
    values: list[int | None] = [0]
    for node in (1, 2, 3):
        summands: list[int] = []
        for operation, (source, target) in zip(cell, EDGES, strict=True):
            if target != node or operation == "none" or values[source] is None:
                continue
            x = values[source]
            if operation != "skip_connect":
                nodes.append((operation, [x]))
                x = len(nodes) - 1
            summands.append(x)
        if len(summands) > 1:
            nodes.append(("sum", summands))
            summands = [len(nodes) - 1]
        values.append(summands[0] if summands else None)
    if values[3] is None:
        return None
    return _flat(nodes, values[3])


def _flat(nodes: list[tuple[str, list[int]]], root: int) -> networkx.DiGraph:
    """What ``root`` needs, after sums are joined to the sum that alone reads them."""
    while True:
        needed, readers = {root}, Counter[int]()
        for number in range(len(nodes) - 1, -1, -1):
            if number in needed:
                needed.update(nodes[number][1])
                readers.update(nodes[number][1])
        inner = next(
            (
                (outer, x)
                for outer in needed
                for x in nodes[outer][1]
                if nodes[outer][0] == nodes[x][0] == "sum" and readers[x] == 1
            ),
            None,
        )
        if inner is None:
            break
        outer, x = inner
        rest = [one for one in nodes[outer][1] if one != x]
        nodes[outer] = ("sum", rest + nodes[x][1])
    graph = networkx.DiGraph()
    for number in needed:
        graph.add_node(number, label=nodes[number][0] + "!" * (number == root))
    for number in needed:
        for x, count in Counter(nodes[number][1]).items():
            graph.add_edge(x, number, count=count)
    return graph


def number_of_functions(cells: tuple[tuple[str, ...], ...]) -> np.ndarray:
    """A number per cell, equal where what they compute is isomorphic, by pairwise comparison."""
    known: dict[tuple, list[tuple[networkx.DiGraph, int]]] = {}
    numbers, count = [], 0
    for cell in cells:
        graph = expression(cell)
        key = ()
        if graph is not None:
            steps = sorted((graph.nodes[a]["label"], graph.nodes[b]["label"]) for a, b in graph.edges)
            key = (*sorted(label for _, label in graph.nodes(data="label")), *steps)
        for other, number in known.setdefault(key, []):
            if graph is None or networkx.is_isomorphic(
                graph, other, node_match=lambda a, b: a == b, edge_match=lambda a, b: a == b
            ):
                numbers.append(number)
                break
        else:
            known[key].append((graph, count))
            numbers.append(count)
            count += 1
    return np.array(numbers)


def partition(labels: np.ndarray) -> list[int]:
    """Each element as the place of the first one that equals it."""
    _, first, number = np.unique(labels, return_index=True, return_inverse=True)
    return first[number].tolist()


def test_cells_of_nasbench201_are_told_apart_exactly_as_by_brute_force(hashes: np.ndarray) -> None:
    assert partition(hashes) == partition(number_of_functions(ALL_CELLS))
    assert len(np.unique(hashes)) == 5425


def test_whole_networks_are_told_apart_as_their_cells_are(hashes: np.ndarray) -> None:
    places = np.random.default_rng(0).choice(len(ALL_CELLS), 800, replace=False)
    whole = function_hashes(GraphBatch.from_graphs(network(ALL_CELLS[place], repeats=2) for place in places))
    assert partition(whole) == partition(hashes[places])


def test_hash_of_a_canonical_batch_is_the_same() -> None:
    batch = GraphBatch.from_graphs(map(single_cell, ALL_CELLS[::100]))
    assert np.array_equal(function_hashes(batch), function_hashes(canonical_batch(batch), is_canonical=True))


def test_hash_does_not_depend_on_the_batch(hashes: np.ndarray) -> None:
    places = [0, 7000, 15624]
    assert [function_hash(single_cell(ALL_CELLS[place])) for place in places] == hashes[places].tolist()


def test_hash_is_stable_between_versions() -> None:
    """Hashes are kept in files."""
    assert function_hash(single_cell(ALL_CELLS[-1])) == 17699562201884142684


def test_shared_and_duplicated_nodes_differ() -> None:
    def build(*, shared: bool) -> ComputationGraph:
        builder = GraphBuilder((3, 4, 4))
        first = builder.conv(builder.input, 3, 3)
        second = first if shared else builder.conv(builder.input, 3, 3)
        builder.output(builder.add(builder.relu(first), builder.unary(Operation.TANH, second)))
        return builder.graph()

    assert function_hash(build(shared=True)) != function_hash(build(shared=False))


def test_every_feature_counts() -> None:
    def build(**changes: int) -> ComputationGraph:
        builder = GraphBuilder((4, 8, 8))
        options = {"kernel": 3, "stride": 1, "dilation": 1, "groups": 1, "bias": 0, "padding": 4} | changes
        convolution = builder.conv(
            builder.input, 4, options.pop("kernel"), bias=bool(options.pop("bias")), **options
        )
        builder.output(convolution)
        return builder.graph()

    changes = [{}, {"kernel": 5}, {"stride": 2}, {"dilation": 2}, {"groups": 2}, {"bias": 1}]
    found = function_hashes(GraphBatch.from_graphs(build(**change) for change in changes))
    assert all(a != b for a, b in itertools.combinations(found.tolist(), 2))


def test_empty_batch() -> None:
    assert function_hashes(GraphBatch.from_graphs([])).tolist() == []
