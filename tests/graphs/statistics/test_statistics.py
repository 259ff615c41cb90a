import numpy as np
import pytest
from tests.graphs.random_graphs import random_graph
from torch import nn

from contrastive_nas.graphs import costs
from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.graphs.canonical_form.canonical import canonical_batch
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.graphs.statistics.kinds import KINDS, node_kinds
from contrastive_nas.graphs.statistics.network import (
    PATH_QUANTITIES,
    STATISTICS,
    statistics,
    statistics_table,
)
from contrastive_nas.graphs.statistics.sweep import Sweep, levels
from contrastive_nas.spaces.nasbench201 import NASBench201


def all_paths(graph: ComputationGraph) -> list[list[int]]:
    """Every path from the input to the output, by recursion; parallel edges are different paths."""
    sources = [graph.edges[0][graph.edges[1] == node].tolist() for node in range(len(graph))]

    def ending_in(node: int) -> list[list[int]]:
        if graph.op[node] == Operation.INPUT:
            return [[node]]
        return [[*path, node] for source in sources[node] for path in ending_in(source)]

    return ending_in(len(graph) - 1)


def test_path_statistics_agree_with_a_list_of_all_paths() -> None:
    rng = np.random.default_rng(0)
    graphs = [random_graph(rng, int(size)) for size in rng.integers(2, 14, size=40)]
    table = statistics_table(GraphBatch.from_graphs(graphs))
    for graph, row in zip(graphs, table.to_dict("records"), strict=True):
        paths = all_paths(graph)
        kinds = np.array(KINDS)[node_kinds(graph.features)]
        assert row["log_paths"] == pytest.approx(np.log1p(len(paths)), rel=1e-5)
        for quantity, of_kind in PATH_QUANTITIES.items():
            if quantity == "receptive_field":
                continue
            lengths = np.array([np.isin(kinds[path], of_kind).sum() for path in paths])
            assert row[f"path_{quantity}_min"] == lengths.min()
            assert row[f"path_{quantity}_max"] == lengths.max()
            assert row[f"path_{quantity}_mean"] == pytest.approx(lengths.mean(), rel=1e-5)
            assert row[f"path_{quantity}_std"] == pytest.approx(lengths.std(), rel=1e-4, abs=1e-5)
            if quantity == "convs":
                for tilt in (-1, 1):
                    expected = np.log(np.exp(tilt * lengths).sum())
                    assert row[f"path_convs_tilt{tilt:+d}"] == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_path_means_per_resolution_add_up_to_the_mean_over_paths() -> None:
    space = NASBench201()
    table = statistics_table(space.graphs(space.sample(np.random.default_rng(1), 30)))
    for stage_name, quantity in (("dense_spatial", "dense_spatial"), ("pools", "pools")):
        per_stage = table[[f"stage{stage}_path_{stage_name}" for stage in range(6)]].sum(axis=1)
        np.testing.assert_allclose(per_stage, table[f"path_{quantity}_mean"], rtol=1e-5)


def test_statistics_do_not_depend_on_the_other_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    graphs = [random_graph(rng, int(size)) for size in rng.integers(2, 40, size=30)]
    together = statistics(GraphBatch.from_graphs(graphs))
    alone = np.concatenate([statistics(GraphBatch.from_graphs([graph])) for graph in graphs])
    np.testing.assert_array_equal(together, alone)
    monkeypatch.setattr("contrastive_nas.graphs.statistics.network._NODES_AT_ONCE", 50)
    np.testing.assert_array_equal(together, statistics(GraphBatch.from_graphs(graphs)))


def test_statistics_of_a_network_that_is_known_by_heart() -> None:
    graph = GraphBuilder((3, 32, 32))
    x = graph.relu(graph.batch_norm(graph.conv(graph.input, 16, 3, stride=2)))
    y = graph.conv(x, 16, 3, groups=16)
    z = graph.conv(graph.add(x, y), 8, 1, bias=True)
    graph.output(graph.linear(graph.global_avg_pool(z), 10))
    row = statistics_table(GraphBatch.from_graphs([graph.graph()])).iloc[0]
    macs = 16 * 16 * 16 * 27 + 16 * 16 * 16 * 9 + 16 * 16 * 8 * 16 + 80
    assert row["log_macs"] == pytest.approx(np.log1p(macs), rel=1e-6)
    assert row["log_parameters"] == pytest.approx(np.log1p(432 + 32 + 144 + 136 + 90), rel=1e-6)
    assert (row["count_conv_3"], row["count_grouped_3"], row["count_conv_1"]) == (1, 1, 1)
    assert (row["depth"], row["width"], row["log_nodes"]) == (9, 1, pytest.approx(np.log1p(10), rel=1e-6))
    # 2 pixels by the first convolution; 2 x 2 by the second, which steps over pixels twice as large.
    assert (row["path_receptive_field_min"], row["path_receptive_field_max"]) == (2, 6)
    assert (row["stage1_nodes"], row["stage0_nodes"], row["stage5_nodes"]) == (6, 1, 3)
    assert row["stage1_path_grouped"] == pytest.approx(0.5)


def test_costs_are_those_of_the_built_network() -> None:
    space = NASBench201(cells=1)
    architectures = space.sample(np.random.default_rng(3), 5)
    counted = costs.graph_parameters(space.graphs(architectures))
    built = [sum(p.numel() for p in space.build(name).parameters()) for name in architectures]
    np.testing.assert_array_equal(counted, built)


def test_tied_weights_count_once_and_transposed_convolutions_by_their_input() -> None:
    features = np.zeros((3, 20), dtype=np.int32)
    features[:, 0] = [Operation.CONV, Operation.CONV, Operation.CONV_TRANSPOSE]
    features[:, 1:4], features[:, 4:7] = (4, 8, 8), [(6, 8, 8), (6, 8, 8), (6, 16, 16)]
    features[:, 14:18] = [(6, 4, 3, 3), (6, 4, 3, 3), (6, 4, 2, 2)]
    features[:, 18], features[1, 19] = 1, 1
    assert costs.parameters(features).tolist() == [222, 0, 102]
    assert costs.multiply_accumulates(features).tolist() == [13824, 13824, 6144]
    assert sum(p.numel() for p in nn.ConvTranspose2d(4, 6, 2, 2).parameters()) == 102


def test_a_graph_without_a_path_has_finite_statistics() -> None:
    space = NASBench201(cells=1)
    batch = canonical_batch(space.graphs(["|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"]))
    assert np.isfinite(statistics(batch)).all()


def test_an_empty_batch_has_no_rows() -> None:
    assert statistics(GraphBatch.from_graphs([])).shape == (0, len(STATISTICS))
    assert len(set(STATISTICS)) == len(STATISTICS)


def test_levels_are_longest_distances() -> None:
    rng = np.random.default_rng(4)
    graph = random_graph(rng, 30)
    expected = np.zeros(30, dtype=int)
    for source, target in sorted(graph.edges.T.tolist(), key=lambda edge: edge[1]):
        expected[target] = max(expected[target], expected[source] + 1)
    np.testing.assert_array_equal(levels(graph.edges.astype(np.int64), 30), expected)


def test_a_sweep_backward_counts_paths_to_the_output() -> None:
    graph = random_graph(np.random.default_rng(5), 12)
    sweep = Sweep.of(graph.edges[::-1].astype(np.int64), 12)
    start = (np.arange(12) == 11).astype(float)[:, None]
    counts = sweep.propagate(start, np.zeros((12, 1)), np.add)
    assert counts[0, 0] == len(all_paths(graph))


def test_a_cycle_is_refused() -> None:
    with pytest.raises(ValueError, match="cycle"):
        levels(np.array([[0, 1, 2], [1, 2, 1]]), 3)
