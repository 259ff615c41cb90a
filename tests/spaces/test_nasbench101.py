import hashlib
import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.spaces.counting import module_parameters, parameters

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.nasbench101 import module_hash
from contrastive_nas.spaces.nasbench101_cells import parse, pruned
from contrastive_nas.spaces.nasbench101_network import vertex_channels

CONV3, CONV1, POOL = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"
CHAIN = f"input,{CONV3},output/010001000"


def spell(operations: list[str], edges: list[tuple[int, int]]) -> str:
    matrix = np.zeros((len(operations), len(operations)), dtype=int)
    for source, target in edges:
        matrix[source, target] = 1
    return ",".join(operations) + "/" + "".join(map(str, matrix.ravel()))


@pytest.fixture(scope="module")
def space():
    return load_space("nasbench101")


@pytest.fixture(scope="module")
def every(space):
    return list(space.enumerate())


@pytest.fixture(scope="module")
def table(data_folder: Path) -> pd.DataFrame:
    table = pd.read_parquet(data_folder / "nasbench101.parquet")
    return table.assign(architecture=table.operations + "/" + table.adjacency)


def test_there_are_423624_cells(space, every):
    assert len(every) == len(set(every)) == space.size == 423_624
    by_vertices = Counter(cell.count(",") + 1 for cell in every)
    assert by_vertices == {2: 1, 3: 6, 4: 84, 5: 2_441, 6: 62_010, 7: 359_082}


def test_enumeration_finds_one_of_each_small_cell(every):
    """Brute force over up to five vertices, told apart by the benchmark's hash."""
    hashes = set()
    for size in range(2, 6):
        pairs = list(itertools.combinations(range(size), 2))
        for joined in itertools.product((False, True), repeat=len(pairs)):
            sources = [
                [s for (s, t), on in zip(pairs, joined, strict=True) if on and t == v] for v in range(size)
            ]
            for labels in itertools.product(range(3), repeat=size - 2):
                cell = pruned(labels, sources)
                if cell is not None and cell.edge_count <= 9:
                    hashes.add(cell.module_hash())
    listed = [module_hash(cell) for cell in every if cell.count(",") < 5]
    assert len(listed) == len(set(listed))
    assert set(listed) == hashes


@pytest.mark.slow
def test_listed_cells_have_different_hashes(every):
    assert len({module_hash(cell) for cell in every}) == 423_624


def test_module_hashes_are_the_published_ones(table):
    assert [module_hash(cell) for cell in table.architecture] == table.module_hash.tolist()


def test_parameters_equal_the_tables(space, table):
    known = table.dropna(subset=["trainable_parameters"])
    assert len(known) == 692
    np.testing.assert_array_equal(
        parameters(space.graphs(known.architecture.tolist())), known.trainable_parameters
    )


def test_channels_are_split_as_the_paper_says():
    """128 channels over three vertices; a vertex that the output does not read takes its reader's."""
    cell = parse(
        spell(
            ["input", CONV3, CONV3, POOL, CONV1, "output"],
            [(0, 1), (1, 2), (1, 3), (0, 4), (2, 5), (3, 5), (4, 5)],
        )
    )
    assert vertex_channels(cell, 64, 128) == [64, 43, 43, 43, 42, 128]


def test_hash_is_invariant_under_renumbering():
    operations, edges = ["input", CONV3, POOL, CONV1, "output"], [(0, 1), (0, 2), (1, 4), (2, 3), (3, 4)]
    renumbered = ["input", POOL, CONV1, CONV3, "output"], [(0, 3), (0, 1), (3, 4), (1, 2), (2, 4)]
    assert module_hash(spell(operations, edges)) == module_hash(spell(*renumbered))
    assert module_hash(spell(operations, edges)) != module_hash(spell(operations, [*edges, (1, 3)]))


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("", "the form is"),
        (f"{CONV3},output/0100", "the form is"),
        (f"input,{CONV3},output", "the form is"),
        (f"input,{CONV3},output/0100010", "matrix of 9 digits"),
        (f"input,{CONV3},output/010002000", "matrix of 9 digits"),
        ("input,conv5x5-bn-relu,output/010001000", "unknown operation 'conv5x5-bn-relu'"),
        (spell(["input", CONV3, CONV1, "output"], [(0, 1), (1, 2), (2, 1), (2, 3)]), "cycle"),
        (spell(["input", CONV3, "output"], [(0, 1), (1, 1), (1, 2)]), "cycle"),
        (spell(["input", CONV3, CONV1, "output"], [(0, 2), (2, 1), (1, 3)]), "topological order"),
        (
            spell(["input", *[CONV3] * 4, "output"], [(s, t) for s in range(4) for t in range(s + 1, 6)]),
            "14 edges, at most 9",
        ),
        (spell(["input", *[CONV3] * 6, "output"], [(v, v + 1) for v in range(7)]), "8 vertices, at most 7"),
        (spell(["input", CONV3, "output"], [(0, 1)]), "not connected"),
        (spell(["input", CONV3, CONV1, "output"], [(0, 1), (1, 3), (0, 2)]), "1 vertices lie on no path"),
    ],
)
def test_invalid_strings_are_refused(space, cell, reason):
    for refuse in (space.encode, space.graph, space.build):
        with pytest.raises(InputError, match=reason):
            refuse(cell)


def test_every_cell_has_decisions_and_all_decisions_are_cells(space, every):
    for cell in every[::97]:
        assert space.decode(space.encode(cell)) == cell
    rng = np.random.default_rng(3)
    widths = [len(choice.options) for choice in space.choices]
    for decisions in rng.integers(0, widths, size=(500, len(widths))).tolist():
        cell = space.decode(decisions)
        assert space.decode(space.encode(cell)) == cell


def test_samples_are_uniform_over_cells(space):
    cells = space.sample(np.random.default_rng(0), 4000)
    share = sum(cell.count(",") == 6 for cell in cells) / len(cells)
    assert share == pytest.approx(359_082 / 423_624, abs=0.02)


def test_options_change_the_network():
    space = load_space("nasbench101", channels=6, cells=1, classes=5, input_shape=(1, 8, 8))
    cell = spell(["input", CONV3, CONV1, "output"], [(0, 1), (1, 2), (0, 2), (1, 3), (2, 3), (0, 3)])
    assert parameters(space.graphs([cell]))[0] == module_parameters(space.build(cell))
    assert tuple(space.graph(cell).out_shape[-1]) == (5, 1, 1)


def test_md5_rule_on_the_smallest_cell():
    """Worked by hand: two vertices, two rounds."""
    md5 = lambda text: hashlib.md5(text.encode()).hexdigest()  # noqa: E731
    first, last = md5("(1, 0, -1)"), md5("(0, 1, -2)")
    for _ in range(2):
        first, last = md5(f"|{last}|{first}"), md5(f"{first}||{last}")
    assert module_hash("input,output/0100") == md5(str(sorted([first, last])))
