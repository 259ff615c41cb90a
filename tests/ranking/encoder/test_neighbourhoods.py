from collections import Counter

import numpy as np
from tests.graphs.random_graphs import random_graph

from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.ranking.encoder.neighbourhoods import find_neighbourhoods, sketch

GRAPHS = [random_graph(np.random.default_rng(number), 30) for number in range(12)]


def sketches(graphs: list[ComputationGraph], radius: int, width: int = 256) -> np.ndarray:
    found = find_neighbourhoods(GraphBatch.from_graphs(graphs), 1)
    return sketch(found.members[radius], found.names[radius], width)


def counted(graph: ComputationGraph, radius: int) -> Counter:
    """Neighbourhoods of a graph, spelled out."""
    before = [[] for _ in range(len(graph))]
    after = [[] for _ in range(len(graph))]
    for source, target in graph.edges.T:
        before[target].append(source)
        after[source].append(target)
    names = [
        (tuple(row), len(before[node]), len(after[node])) for node, row in enumerate(graph.features.tolist())
    ]
    for _ in range(radius):
        names = [
            (
                name,
                tuple(sorted(names[other] for other in before[node])),
                tuple(sorted(names[other] for other in after[node])),
            )
            for node, name in enumerate(names)
        ]
    return Counter(names)


def test_products_of_sketches_are_those_of_logarithms_of_counts():
    for radius in (0, 1):
        found = sketches(GRAPHS, radius, width=8192)
        counts = [counted(graph, radius) for graph in GRAPHS]
        true = np.array(
            [
                [sum(np.log1p(a[name]) * np.log1p(b[name]) for name in a if name in b) for b in counts]
                for a in counts
            ]
        )
        # Products have a standard error of at most |a| |b| / sqrt(width).
        lengths = np.sqrt(np.diag(true))
        assert (np.abs(found @ found.T - true) < 5 * np.outer(lengths, lengths) / 8192**0.5).all()


def test_other_graphs_of_the_batch_do_not_matter_for_a_sketch():
    for radius in (0, 1):
        alone = np.concatenate([sketches([graph], radius) for graph in GRAPHS])
        np.testing.assert_allclose(sketches(GRAPHS, radius), alone, rtol=1e-5, atol=1e-5)


def test_numbering_of_nodes_does_not_matter_for_a_sketch():
    graph = GRAPHS[0]
    order = np.random.default_rng(0).permutation(len(graph))
    place = np.argsort(order)
    shuffled = ComputationGraph(graph.features[order], place[graph.edges].astype(np.int32))
    np.testing.assert_allclose(sketches([graph], 1), sketches([shuffled], 1), rtol=1e-5, atol=1e-6)


def test_repeated_parts_are_found_once():
    one, many = (find_neighbourhoods(GraphBatch.from_graphs(GRAPHS[:1] * number), 3) for number in (1, 5))
    for few, same in zip(one.rounds, many.rounds, strict=True):
        assert len(few.own) == len(same.own)
