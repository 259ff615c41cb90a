import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.graphs.random_graphs import random_graph

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import GraphBuilder, Operation
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.graphs.storage.store import GraphStore, open_store
from contrastive_nas.graphs.storage.writer import GraphStoreWriter

NAMES = ("first", "second")


def write(
    path: Path, graphs: list[ComputationGraph], pieces: list[int], spaces: tuple[str, ...] = ("a",)
) -> None:
    """Writes graphs in pieces of the given sizes; graph i is called g<i>, its hash is i // 2."""
    numbers = np.arange(len(graphs))
    with GraphStoreWriter(path, NAMES, 3) as writer:
        for piece, rows in enumerate(np.split(numbers, np.cumsum(pieces)[:-1])):
            writer.append(
                GraphBatch.from_graphs([graphs[row] for row in rows]),
                spaces[piece % len(spaces)],
                [f"g{row}" for row in rows],
                (rows // 2).astype(np.uint64),
                np.stack([rows, -rows], axis=1),
                np.stack([rows, rows + 0.5, rows + 1], axis=1),
            )


def assert_holds(store: GraphStore, graphs: list[ComputationGraph], rows: np.ndarray) -> None:
    batch = store.batch(rows)
    assert len(batch) == len(rows)
    for found, row in zip(batch, rows, strict=True):
        np.testing.assert_array_equal(found.features, graphs[row].features)
        np.testing.assert_array_equal(found.edges, graphs[row].edges)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    pieces=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    picks=st.lists(st.integers(0, 1 << 20), max_size=12),
    nodes_in_piece=st.sampled_from([1, 20, 1 << 20]),
)
def test_a_store_is_a_list_of_graphs(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    pieces: list[int],
    picks: list[int],
    nodes_in_piece: int,
) -> None:
    rng = np.random.default_rng(seed)
    graphs = [random_graph(rng, int(size)) for size in rng.integers(2, 12, size=sum(pieces))]
    path = tmp_path_factory.mktemp("store") / "graphs.arrow"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("contrastive_nas.graphs.storage.writer._NODES_IN_PIECE", nodes_in_piece)
        write(path, graphs, pieces)
    store = open_store(path)
    assert len(store) == len(graphs)
    rows = np.array([pick % len(graphs) for pick in picks] if graphs else [], dtype=np.int64)
    assert_holds(store, graphs, rows)
    part = store.take(rows)
    assert part.architectures.to_pylist() == [f"g{row}" for row in rows]
    np.testing.assert_array_equal(part.function_hashes, rows // 2)
    np.testing.assert_array_equal(part.statistics, np.stack([rows, -rows], axis=1))
    np.testing.assert_array_equal(part.spectrum, np.stack([rows, rows + 0.5, rows + 1], axis=1))
    np.testing.assert_array_equal(part[1:].batch().type_ids, store.batch(rows[1:]).type_ids)


@pytest.fixture
def graphs() -> list[ComputationGraph]:
    rng = np.random.default_rng(0)
    return [random_graph(rng, int(size)) for size in rng.integers(2, 30, size=12)]


def test_rows_are_selected_by_space_and_hash(tmp_path: Path, graphs: list[ComputationGraph]) -> None:
    write(tmp_path / "s.arrow", graphs, [5, 4, 3], spaces=("a", "b"))
    store = open_store(tmp_path / "s.arrow")
    of_b = store.select(space="b")
    assert of_b.architectures.to_pylist() == ["g5", "g6", "g7", "g8"]
    assert of_b.spaces.to_pylist() == ["b"] * 4
    assert store.select(hashes=np.array([4, 1], dtype=np.uint64)).architectures.to_pylist() == [
        "g2",
        "g3",
        "g8",
        "g9",
    ]
    assert len(store.select(space="b", hashes=np.array([0], dtype=np.uint64))) == 0
    assert len(store.select(space="c")) == 0
    assert store.rows(["g7", "g0", "g7"]).tolist() == [7, 0, 7]
    assert store.function_ids.tolist() == [row // 2 for row in range(12)]
    assert store.statistic_names == NAMES
    with pytest.raises(InputError, match="1 architectures are not in the graph store, the first is g99"):
        store.rows(["g1", "g99"])


def test_distinct_rows_of_features_are_stored_once(tmp_path: Path, graphs: list[ComputationGraph]) -> None:
    write(tmp_path / "s.arrow", graphs, [1] * 12)
    types = open_store(tmp_path / "s.arrow").node_types
    assert len(types) == len(np.unique(np.concatenate([graph.features for graph in graphs]), axis=0))


def append(writer: GraphStoreWriter, graph: ComputationGraph, name: str) -> None:
    batch = GraphBatch.from_graphs([graph])
    writer.append(batch, "a", [name], np.zeros(1, np.uint64), np.zeros((1, 2)), np.zeros((1, 3)))


def write_and_fail(path: Path, graph: ComputationGraph) -> None:
    with GraphStoreWriter(path, NAMES, 3) as writer:
        append(writer, graph, "g")
        raise ZeroDivisionError


def test_nothing_is_left_of_a_store_that_was_not_finished(
    tmp_path: Path, graphs: list[ComputationGraph]
) -> None:
    with pytest.raises(ZeroDivisionError):
        write_and_fail(tmp_path / "s.arrow", graphs[0])
    assert list(tmp_path.iterdir()) == []


def test_parts_of_other_sizes_are_refused(tmp_path: Path, graphs: list[ComputationGraph]) -> None:
    batch = GraphBatch.from_graphs(graphs[:2])
    hashes, spectra = np.zeros(2, np.uint64), np.zeros((2, 3))
    with GraphStoreWriter(tmp_path / "s.arrow", NAMES, 3) as writer:
        with pytest.raises(ValueError, match="2 graphs"):
            writer.append(batch, "a", ["g"], hashes, np.zeros((2, 2)), spectra)
        with pytest.raises(ValueError, match="2 graphs"):
            writer.append(batch, "a", ["g", "h"], hashes, np.zeros((2, 5)), spectra)


def test_a_graph_of_too_many_nodes_is_refused(tmp_path: Path) -> None:
    large = ComputationGraph(np.zeros((65_537, 20), np.int32), np.zeros((2, 0), np.int32))
    with (
        GraphStoreWriter(tmp_path / "s.arrow", NAMES, 3) as writer,
        pytest.raises(InputError, match="a huge: 65537 nodes"),
    ):
        append(writer, large, "huge")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused(
    tmp_path: Path, graphs: list[ComputationGraph], share: float
) -> None:
    path = tmp_path / "s.arrow"
    write(path, graphs, [12])
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=r"s\.arrow is not a graph store, or is incomplete"):
        open_store(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.arrow"
    with pytest.raises(InputError, match="no such graph store"):
        open_store(path)
    path.write_text("something else entirely, and long enough")
    with pytest.raises(InputError, match="is not a graph store"):
        open_store(path)
    for metadata, message in (
        (None, "is not a graph store"),
        ({b"contrastive_nas": b'{"schema": 99}'}, "version 99, this program reads 2"),
        ({b"contrastive_nas": b"[]"}, "is not a graph store"),
        (
            {b"contrastive_nas": b'{"schema": 2, "statistics": [], "spectrum_size": 0}'},
            "columns are not those",
        ),
        ({b"contrastive_nas": b'{"schema": 2}'}, "is not a graph store"),
    ):
        with pa.ipc.new_file(str(path), pa.schema([("x", pa.int8())], metadata=metadata)):
            pass
        with pytest.raises(InputError, match=message):
            open_store(path)


def test_an_empty_store_opens(tmp_path: Path) -> None:
    with GraphStoreWriter(tmp_path / "s.arrow", NAMES, 3):
        pass
    store = open_store(tmp_path / "s.arrow")
    assert len(store) == 0
    assert len(store.batch()) == 0
    assert store.statistics.shape == (0, 2)


def test_graphs_without_edges_are_kept(tmp_path: Path) -> None:
    lonely = ComputationGraph(np.full((2, 20), 7, np.int32), np.zeros((2, 0), np.int32))
    with GraphStoreWriter(tmp_path / "s.arrow", NAMES, 3) as writer:
        append(writer, lonely, "lonely")
    (found,) = open_store(tmp_path / "s.arrow").batch()
    np.testing.assert_array_equal(found.features, lonely.features)
    assert found.edges.shape == (2, 0)


def test_statistics_of_few_rows_do_not_read_the_table(tmp_path):
    """A table of 16 MB, of which 512 rows are 0.4 MB; the whole was copied for every batch of graphs."""
    count, names = 20_000, [f"s{number}" for number in range(200)]
    table = np.random.default_rng(0).normal(size=(count, len(names))).astype(np.float32)
    one = GraphBatch.from_graphs([random_graph(np.random.default_rng(0), 3)])
    with GraphStoreWriter(tmp_path / "graphs.arrow", names, 0) as writer:
        hashes = np.arange(count, dtype=np.uint64)
        architectures = [f"g{row}" for row in range(count)]
        writer.append(
            one.take(np.zeros(count, np.int64)), "a", architectures, hashes, table, np.zeros((count, 0))
        )
    store = open_store(tmp_path / "graphs.arrow")
    rows = np.random.default_rng(1).integers(0, count, 512)
    tracemalloc.start()
    found = store.statistics_of(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(found, table[rows])
    np.testing.assert_array_equal(store.statistics, table)
    assert store.spectrum.shape == (count, 0)
    assert peak < 3 * found.nbytes < table.nbytes / 10


def test_a_store_keeps_attributes_and_what_is_complete(tmp_path):
    builders = [GraphBuilder((3, 8, 8)) for _ in range(4)]
    for builder, momentum in zip(builders[:2], (0.1, 0.2), strict=True):
        builder.output(builder.batch_norm(builder.input, momentum=momentum))
    for builder in builders[2:]:
        builder.output(builder.unary(Operation.UNKNOWN, builder.input))
    batch = GraphBatch.from_graphs(builder.graph() for builder in builders)
    with GraphStoreWriter(tmp_path / "s.arrow", (), 0) as writer:
        nothing = np.zeros((4, 0))
        writer.append(batch, "space", list("abcd"), np.array([5, 6, 7, 7], np.uint64), nothing, nothing)
    store = open_store(tmp_path / "s.arrow")
    np.testing.assert_array_equal(store.batch().attributes, batch.attributes)
    assert store.complete.tolist() == [True, True, False, False]
    assert len(set(store.function_ids.tolist())) == 4
    assert store.take(np.array([3, 0])).complete.tolist() == [False, True]


def test_earlier_stores_are_refused(tmp_path):
    earlier = {b"contrastive_nas": b'{"schema": 1, "statistics": [], "spectrum_size": 0}'}
    with pa.ipc.new_file(str(tmp_path / "s.arrow"), pa.schema([("x", pa.int8())], metadata=earlier)):
        pass
    with pytest.raises(InputError, match="version 1, this program reads 2: remove it, and convert"):
        open_store(tmp_path / "s.arrow")
