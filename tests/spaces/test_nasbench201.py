import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.spaces.counting import macs, node_elements, parameters, per_graph

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.checks import InvalidArchitecturesError

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|skip_connect~2|"


@pytest.fixture(scope="module")
def space():
    return load_space("nasbench201")


@pytest.fixture(scope="module")
def every(space):
    return list(space.enumerate())


@pytest.fixture(scope="module")
def table(data_folder: Path) -> pd.DataFrame:
    return pd.read_parquet(data_folder / "nasbench201.parquet").dropna(subset=["flops_millions"])


@pytest.fixture(scope="module")
def batch(space, table):
    return space.graphs(table.architecture.tolist())


def unique_string(cell: str) -> str:
    """The benchmark's own rule: sums as sorted text, not flattened, shared nodes written out again."""
    nodes = ["0"]
    for group in cell.split("+"):
        terms = []
        for entry in group.strip("|").split("|"):
            operation, source = entry.split("~")
            value = nodes[int(source)]
            if operation == "none" or value == "#":
                terms.append("#")
            else:
                terms.append(value if operation == "skip_connect" else f"({value})@{operation}")
        nodes.append("+".join(sorted(terms)))
    return nodes[-1]


def test_there_are_15625_cells_of_which_6466_differ_by_the_benchmarks_rule(space, every):
    assert len(every) == len(set(every)) == space.size == 15_625
    assert len({unique_string(cell) for cell in every}) == 6_466


def test_strings_are_those_of_the_table(data_folder, every):
    table = pd.read_parquet(data_folder / "nasbench201.parquet")
    assert set(table.architecture) == set(every)


def test_parameters_equal_the_tables(batch, table):
    np.testing.assert_allclose(parameters(batch) / 1e6, table.params_millions, atol=5e-7)


def test_flops_follow_the_stated_rule(batch, table):
    unit_elements = np.where(batch.features[:, 0] == Operation.BATCH_NORM, node_elements(batch), 0)
    in_cells = per_graph(batch, unit_elements) - ELEMENTS_OUTSIDE_CELLS
    pooled = (batch.features[:, 0] == Operation.AVG_POOL) & (batch.features[:, 7] == 3)
    pooling = per_graph(batch, np.where(pooled, node_elements(batch), 0))
    counted = macs(batch) + 3 * in_cells + 9 * pooling + 160_832
    np.testing.assert_allclose(counted / 1e6, table.flops_millions, atol=5e-7)


# Batch norm after the stem, in two residual blocks (two units each), and before the pooling.
ELEMENTS_OUTSIDE_CELLS = 16 * 32 * 32 + 2 * 32 * 16 * 16 + 2 * 64 * 8 * 8 + 64 * 8 * 8


def test_round_trip(space, every):
    for cell in every[::311]:
        assert space.decode(space.encode(cell)) == cell


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("", "not of the form"),
        (CELL[:-1], "not of the form"),
        (CELL.replace("~2", "~3"), "not of the form"),
        (CELL + "+|none~0|none~1|none~2|none~3|", "not of the form"),
        (CELL.replace("avg_pool_3x3", "max_pool_3x3"), "unknown operation 'max_pool_3x3'"),
    ],
)
def test_invalid_strings_are_refused(space, cell, reason):
    for refuse in (space.encode, space.validate, space.build, space.graph):
        with pytest.raises(InputError, match=reason):
            refuse(cell)


def test_a_batch_names_every_invalid_row(space):
    with pytest.raises(InvalidArchitecturesError, match=r"2 of 5 .*row 1: .*row 3: ") as error:
        space.graphs([CELL, "x", CELL, CELL.replace("none", "zero"), CELL])
    assert list(error.value.reasons) == [1, 3]


@pytest.mark.parametrize(
    "options", [{"cells": 0}, {"input_shape": (3, 30, 32)}, {"input_shape": (3, 32)}, {"depth": 1}]
)
def test_bad_options_are_refused(options):
    with pytest.raises(InputError, match="nasbench201"):
        load_space("nasbench201", **options)


def test_options_change_the_network():
    space = load_space("nasbench201", channels=4, cells=1, classes=7, input_shape=(1, 16, 16))
    graph = space.graph(CELL)
    assert tuple(graph.in_shape[0]) == (1, 16, 16)
    assert tuple(graph.out_shape[-1]) == (7, 1, 1)
    assert parameters(space.graphs([CELL]))[0] == sum(p.numel() for p in space.build(CELL).parameters())


def test_pooling_does_not_count_padding(space):
    """The published cell pools with count_include_pad off: a constant image stays constant."""
    import torch

    pool = space.build(CELL).body[0].edges[3]
    image = torch.ones(1, 16, 8, 8)
    assert torch.equal(pool(image), image)


def test_fragments_are_independent_of_what_was_asked_before(every):
    asked, fresh = load_space("nasbench201"), load_space("nasbench201")
    asked.graphs(every[:500])
    first, second = asked.graphs(every[600:650]), fresh.graphs(every[600:650])
    for name in ("node_types", "type_ids", "edges", "node_offsets", "edge_offsets"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_enumeration_order_is_fixed(space):
    first = list(itertools.islice(space.enumerate(), 6))
    assert first[0].count("none") == 6
    assert first[5] == first[0].replace("none~1|none~2", "skip_connect~1|none~2")
