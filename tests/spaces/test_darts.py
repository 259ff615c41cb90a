from ast import literal_eval
from collections import namedtuple

import numpy as np
import pandas as pd
import pytest
import torch
from tests.spaces.counting import macs, parameters

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import canonical, function_hash, trace
from contrastive_nas.spaces import load_space
from contrastive_nas.tables import read_table

# The cells that the DARTS paper publishes as its second-order result.
NORMAL = (
    "sep_conv_3x3~0,sep_conv_3x3~1|sep_conv_3x3~0,sep_conv_3x3~1|skip_connect~0,sep_conv_3x3~1"
    "|skip_connect~0,dil_conv_3x3~2"
)
REDUCTION = (
    "max_pool_3x3~0,max_pool_3x3~1|max_pool_3x3~1,skip_connect~2|max_pool_3x3~0,skip_connect~2"
    "|max_pool_3x3~1,skip_connect~2"
)
PUBLISHED = f"{NORMAL}//{REDUCTION}"


def test_published_network_for_cifar():
    """The authors' program prints 3.349342 million parameters."""
    assert parameters(load_space("darts").graphs([PUBLISHED]))[0] == 3_349_342


def test_published_network_for_imagenet():
    """The paper's table 3: 4.7 million parameters, in the setting of less than 600 million multiply-adds."""
    space = load_space(
        "darts", channels=48, layers=14, classes=1000, input_shape=(3, 224, 224), stem="imagenet"
    )
    batch = space.graphs([PUBLISHED])
    assert parameters(batch)[0] == pytest.approx(4.7e6, abs=5e4)
    assert macs(batch)[0] < 600e6


def test_size_is_that_of_the_paper():
    """About 10^18: in both cells 3, 6 and 10 pairs of inputs and eight operations out of seven."""
    assert load_space("darts", none_and_repeats=False).size == (7**8 * 3 * 6 * 10) ** 2


def test_size_with_none_and_repeats():
    """A node of n inputs is a set of two of its 8n edges, or one edge twice."""
    cell = 1
    for inputs in (2, 3, 4, 5):
        cell *= 8 * inputs * (8 * inputs + 1) // 2
    assert load_space("darts").size == cell**2


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        (NORMAL, "1 cells instead of 2"),
        (f"{PUBLISHED}//{NORMAL}", "3 cells instead of 2"),
        (PUBLISHED.rpartition("|")[0], "3 nodes instead of 4"),
        (PUBLISHED.replace("dil_conv_3x3~2", "dil_conv_3x3~2,skip_connect~3"), "3 operations instead of 2"),
        (PUBLISHED.replace("dil_conv_3x3", "conv_7x1_1x7"), "'conv_7x1_1x7~2' is not"),
        (PUBLISHED.replace("dil_conv_3x3~2", "dil_conv_3x3~5"), "'dil_conv_3x3~5' is not"),
        (PUBLISHED.replace("sep_conv_3x3~0,sep_conv_3x3~1|", "sep_conv_3x3~0,sep_conv_3x3~2|", 1), "earlier"),
    ],
)
def test_invalid_strings_are_refused(architecture, reason):
    with pytest.raises(InputError, match=reason):
        load_space("darts").encode(architecture)


@pytest.mark.parametrize(
    "options",
    [{"channels": 15}, {"layers": 2}, {"input_shape": (3, 30, 30)}, {"stem": "mnist"}, {"stem": "imagenet"}],
)
def test_bad_options_are_refused(options):
    """The ImageNet stem needs images that can be halved five times."""
    options = {"input_shape": (3, 100, 100), **options}
    with pytest.raises(InputError, match="darts"):
        load_space("darts", **options)


def test_marks_for_training():
    network = load_space("darts", channels=4, layers=6).build(PUBLISHED)
    cells = [getattr(module, "auxiliary_source", False) for module in network.cells]
    assert cells == [False, False, False, False, True, False]
    branches = [module for module in network.modules() if getattr(module, "drop_path_branch", False)]
    identities = NORMAL.count("skip_connect") * 4 + 2 * 1 + 2 * 2 * 1
    assert len(branches) == 6 * 8 - identities


# Zeros, one input twice, and every node's operations in another order than the canonical one.
RANDOM = (
    "none~1,sep_conv_3x3~0|none~1,dil_conv_5x5~1|skip_connect~3,skip_connect~3|none~4,none~0"
    "//sep_conv_5x5~1,none~0|max_pool_3x3~0,avg_pool_3x3~0|none~1,none~0|skip_connect~4,skip_connect~1"
)
CANONICAL = (
    "sep_conv_3x3~0,none~1|dil_conv_5x5~1,none~1|skip_connect~3,skip_connect~3|none~0,none~4"
    "//none~0,sep_conv_5x5~1|max_pool_3x3~0,avg_pool_3x3~0|none~0,none~1|skip_connect~1,skip_connect~4"
)


def test_random_cells_of_the_literature_are_architectures():
    space = load_space("darts", layers=3, channels=8)
    assert space.read(RANDOM) == space.decode(space.encode(RANDOM)) == CANONICAL
    assert space.read(CANONICAL) == CANONICAL
    space.validate(RANDOM)
    assert function_hash(space.graph(RANDOM)) == function_hash(space.graph(CANONICAL))


def test_none_is_nothing_and_a_repeated_input_counts_twice():
    """The first node of a cell: what comes through is counted in the module itself."""
    space = load_space("darts", layers=3, channels=4, input_shape=(3, 8, 8))
    rest = "|".join(["none~0,none~1"] * 3)
    images = torch.rand(2, 3, 8, 8)

    def first_node(node: str) -> torch.Tensor:
        torch.manual_seed(0)
        module = space.build(f"{node}|{rest}//{NORMAL}").eval()
        return module.cells[0](*[module.stem[0](images)] * 2)[:, :4]

    once, twice = first_node("skip_connect~0,none~1"), first_node("skip_connect~0,skip_connect~0")
    torch.testing.assert_close(2 * once, twice)
    assert once.abs().sum() > 0
    assert first_node("none~0,none~0").abs().sum() == 0


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_zeros_and_repeats_are_traced_as_they_are_composed(stem):
    space = load_space("darts", layers=3, channels=4, input_shape=(3, 64, 64), stem=stem)
    for architecture in (RANDOM, f"{'|'.join(['none~0,none~1'] * 4)}//{NORMAL}"):
        with torch.device("meta"):
            module = space.build(architecture).eval()
        found, expected = canonical(space.graph(architecture)), canonical(trace(module, (3, 64, 64)))
        np.testing.assert_array_equal(found.features, expected.features)
        np.testing.assert_array_equal(found.edges, expected.edges)


def test_the_published_space_refuses_what_its_search_never_derives():
    space = load_space("darts", none_and_repeats=False)
    assert space.decode(space.encode(PUBLISHED)) == PUBLISHED
    assert all("none" not in choice.options for choice in space.choices)
    for node in ("none~0,sep_conv_3x3~1", "sep_conv_3x3~0,skip_connect~0"):
        changed = PUBLISHED.replace("sep_conv_3x3~0,sep_conv_3x3~1", node, 1)
        load_space("darts").validate(changed)
        with pytest.raises(InputError, match=f"{node}.* needs the option none_and_repeats"):
            space.validate(changed)


def test_the_published_table_of_random_cells_is_read_whole(data_folder):
    path = data_folder / "darts_cifar10.parquet"
    given, space = pd.read_parquet(path), load_space("darts", layers=3, channels=4)
    read = read_table(path, space="darts").frame
    assert (len(read), read.architecture.str.contains("none").sum()) == (1000, 644)
    assert read.cifar10_test_accuracy.tolist() == given.cifar10_test_accuracy.tolist()
    for spelled, original in zip(read.architecture, given.architecture, strict=True):
        assert spelled == space.decode(space.encode(original))
        # The same operations on the same inputs, node by node.
        for one, other in zip(
            *(name.replace("//", "|").split("|") for name in (spelled, original)), strict=True
        ):
            assert sorted(one.split(",")) == sorted(other.split(","))
    assert len(space.graphs(read.architecture.tolist())) == 1000


@pytest.mark.parametrize(
    "rows",
    [
        slice(0, 10),
        pytest.param(slice(10, 50), marks=pytest.mark.slow),
        pytest.param(slice(50, 200), marks=[pytest.mark.slow, pytest.mark.very_slow]),
    ],
)
def test_graphs_of_the_random_cells_are_the_traced_ones(data_folder, rows):
    space = load_space("darts", layers=3, channels=4)
    for architecture in pd.read_parquet(data_folder / "darts_cifar10.parquet").architecture[rows]:
        with torch.device("meta"):
            module = space.build(architecture).eval()
        found, expected = canonical(space.graph(architecture)), canonical(trace(module, (3, 32, 32)))
        np.testing.assert_array_equal(found.features, expected.features, err_msg=architecture)
        np.testing.assert_array_equal(found.edges, expected.edges, err_msg=architecture)


NORMAL_PAIRS = (
    "[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)]"
)
REDUCE_PAIRS = (
    "[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), "
    "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)]"
)


@pytest.mark.parametrize(
    "text",
    [
        f"Genotype(normal={NORMAL_PAIRS}, normal_concat=range(2, 6), reduce={REDUCE_PAIRS})",
        f"Genotype(normal={NORMAL_PAIRS}, reduce={REDUCE_PAIRS}, reduce_concat=[5, 4, 3, 2])",
        f"  DARTS_V2 = Genotype(normal={NORMAL_PAIRS}, reduce={REDUCE_PAIRS})\n",
        f"genotypes.Genotype({NORMAL_PAIRS}, range(2, 6), {REDUCE_PAIRS}, range(2, 6))",
        f"Genotype(\n    reduce={REDUCE_PAIRS},\n    normal={NORMAL_PAIRS},\n)",
    ],
)
def test_u6_genotypes_of_python_are_read(text):
    assert load_space("darts").read(text) == PUBLISHED


def test_u6_genotypes_as_objects_are_read():
    names = ("normal", "normal_concat", "reduce", "reduce_concat")
    made = namedtuple("Genotype", names)(
        literal_eval(NORMAL_PAIRS), range(2, 6), literal_eval(REDUCE_PAIRS), range(2, 6)
    )
    assert load_space("darts").read(made) == PUBLISHED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"Genotype(normal={NORMAL_PAIRS})", "reduce of the Genotype is None"),
        (f"Genotype(normal={NORMAL_PAIRS}, normal_concat=[4, 5], reduce={REDUCE_PAIRS})", "normal_concat is"),
        (
            f"Genotype(normal={NORMAL_PAIRS}, normal_concat=range(10**12), reduce={REDUCE_PAIRS})",
            "normal_concat",
        ),
        (
            f"Genotype(normal={NORMAL_PAIRS}, normal_concat=range(), reduce={REDUCE_PAIRS})",
            "normal_concat of",
        ),
        (f"Genotype(normal=print(1), reduce={REDUCE_PAIRS})", "normal of the Genotype is print"),
        (f"Genotype(normal={NORMAL_PAIRS}, reduced={REDUCE_PAIRS})", "not reduced"),
        (f"Genotype(normal=[('skip_connect', 0)], reduce={REDUCE_PAIRS})", "not 8"),
        (
            f"Genotype(normal={NORMAL_PAIRS.replace('dil_conv_3x3', 'sep_conv_7x7')}, reduce={REDUCE_PAIRS})",
            "7x7~2'",
        ),
        ("Genotype(normal=", "not the Python text of one Genotype"),
        ("print(Genotype())", "itself"),
    ],
)
def test_u6_genotypes_that_are_no_cells_of_the_space(text, reason):
    with pytest.raises(InputError, match=reason) as error:
        load_space("darts").read(text)
    assert str(error.value).startswith("darts")
