"""What every registered space promises, by itself and wrapped."""

import inspect
import itertools

import numpy as np
import pytest
import torch
from tests.spaces.counting import macs, module_macs, module_parameters, parameters

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.spaces import SearchSpace, list_spaces, load_space
from contrastive_nas.spaces.checks import InvalidArchitecturesError
from contrastive_nas.spaces.costs import Costs
from contrastive_nas.spaces.wrapped.limited import LimitedSpace
from contrastive_nas.spaces.wrapped.pool import Pool

LISTED_UP_TO = 500_000
# A limited space measures whatever it lists.
MEASURED_UP_TO = 20_000


def make(name: str, kind: str) -> SearchSpace:
    """A registered space, 200 of its architectures, or about the half of it that costs less."""
    space = load_space(name)
    if kind == "whole":
        return space
    drawn = space.sample(np.random.default_rng(3), 200)
    if kind == "pool":
        return Pool(space, list(dict.fromkeys(drawn)))
    return LimitedSpace(space, costs := Costs(space, ["macs"]), [float(np.median(costs.measure(drawn)))])


CASES = [(name, kind) for kind in ("whole", "pool", "limited") for name in list_spaces()]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param


@pytest.fixture(scope="module")
def space(case: tuple[str, str]) -> SearchSpace:
    return make(*case)


@pytest.fixture(scope="module")
def sample(space: SearchSpace) -> list[str]:
    return space.sample(np.random.default_rng(7), 20)


def random_decisions(space: SearchSpace, count: int) -> list[list[int]]:
    widths = [len(choice.options) for choice in space.choices]
    return np.random.default_rng(1).integers(0, widths, size=(count, len(widths))).tolist()


def test_name_is_the_registered_one(space, case):
    assert space.name == case[0]
    assert space.name in repr(space)
    assert f"{len(space.choices)} choices" in repr(space)


def test_choices_are_named_uniquely(space):
    names = [choice.name for choice in space.choices]
    assert len(names) == len(set(names)) > 0
    assert all(len(set(choice.options)) == len(choice.options) > 0 for choice in space.choices)


def test_samples_depend_on_the_seed_alone(space, case, sample):
    assert make(*case).sample(np.random.default_rng(7), 20) == sample
    assert space.sample(np.random.default_rng(8), 20) != sample
    # Random decisions of NAS-Bench-101 favour its small cells, of which limits leave few.
    assert len(set(sample)) > (10 if case[1] == "limited" else 15)
    assert space.sample(np.random.default_rng(7), 0) == []


def test_strings_and_decisions_translate_into_each_other(space, sample):
    for architecture in sample:
        decisions = space.encode(architecture)
        assert all(0 <= d < len(c.options) for d, c in zip(decisions, space.choices, strict=True))
        assert space.decode(decisions) == architecture
        space.validate(architecture)
        assert space.read(f" {architecture}\n") == architecture


def test_many_are_decoded_as_one_by_one(space):
    decisions = random_decisions(space, 20)
    assert space.decode_many(decisions) == [space.decode(vector) for vector in decisions]


def test_few_decisions_are_impossible(space, case):
    decoded = [space.decode(decisions) for decisions in random_decisions(space, 200)]
    possible = [architecture for architecture in decoded if architecture is not None]
    assert len(possible) >= (180 if case[1] != "limited" else 1)
    for architecture in possible:
        assert space.decode(space.encode(architecture)) == architecture


def test_mutants_are_other_architectures(space, sample):
    rng = np.random.default_rng(0)
    mutants = [space.mutate(architecture, rng) for architecture in sample]
    for architecture, mutant in zip(sample, mutants, strict=True):
        space.validate(mutant)
        assert mutant != architecture
    again = np.random.default_rng(0)
    assert [space.mutate(architecture, again) for architecture in sample] == mutants


def test_children_take_decisions_from_their_parents(space, sample):
    rng = np.random.default_rng(0)
    for first, second in itertools.pairwise(sample):
        space.validate(space.crossover(first, second, rng))
        assert space.crossover(first, first, rng) == first


def test_enumeration_lists_every_architecture_once(space, case):
    limited = case[1] == "limited"
    if space.size <= (MEASURED_UP_TO if limited else LISTED_UP_TO):
        listed = list(space.enumerate())
        assert len(listed) == len(set(listed))
        assert len(listed) < space.size if limited else len(listed) == space.size
        return
    try:
        listed = list(itertools.islice(space.enumerate(), 1000))
    except NotImplementedError:
        return
    assert len(set(listed)) == 1000
    assert all(space.decode(space.encode(architecture)) == architecture for architecture in listed)


@pytest.mark.parametrize("architecture", ["", "|", "nonsense", "224|k3e3", "0" * 49])
def test_nonsense_is_refused(space, architecture):
    for refuse in (space.encode, space.validate, space.build, space.graph, space.image_shape):
        with pytest.raises(InputError, match=space.name):
            refuse(architecture)


def test_a_damaged_string_is_refused_or_another_architecture(space, sample):
    """Whatever string is accepted, the space has one spelling of it, and that one is its own."""
    rng = np.random.default_rng(5)
    letters = sorted({letter for architecture in sample for letter in architecture})
    for architecture in sample:
        for _ in range(20):
            place = int(rng.integers(len(architecture)))
            damaged = architecture[:place] + str(rng.choice(letters)) + architecture[place + 1 :]
            try:
                space.validate(damaged)
            except InputError:
                continue
            spelled = space.decode(space.encode(damaged))
            assert spelled == space.read(damaged) == space.read(spelled)
            assert spelled == damaged or space.name in SEVERAL_SPELLINGS


# Its nodes are sums, which published cells write in any order.
SEVERAL_SPELLINGS = {"darts"}
BAD_OPTIONS = {
    "input_shape": [(3, 32), 5, "abc", (3, 32.0, 32), (3, 0, 32)],
    "resolutions": [[], 5, [16], ["128"]],
    "resolution": [16, "224"],
    "channels": [0, 16.0, True],
    "classes": [0, "ten", True],
    "image_channels": [0, "three"],
    "width": [0, "wide"],
}


@pytest.mark.parametrize("name", list_spaces())
def test_options_that_make_no_network_are_refused(name):
    options = inspect.signature(type(load_space(name))).parameters.keys()
    for option in BAD_OPTIONS.keys() & options:
        for value in BAD_OPTIONS[option]:
            with pytest.raises(InputError, match=f"{name}.*{option.removesuffix('s')}"):
                load_space(name, **{option: value})


def test_a_batch_names_every_invalid_row(space, sample):
    rows = [sample[0], "nonsense", *sample[1:5], "", None]
    with pytest.raises(InvalidArchitecturesError) as error:
        space.graphs(rows)
    assert list(error.value.reasons) == [1, 6, 7]


def test_graphs_are_well_formed(space, sample):
    for architecture in sample:
        graph = space.graph(architecture)
        sources, targets = graph.edges
        assert (sources < targets).all()
        assert (np.diff(targets) >= 0).all()
        assert (graph.op == Operation.OUTPUT).sum() == 1
        assert (graph.op == Operation.INPUT).sum() == 1
        assert graph.unknown_count == 0
        np.testing.assert_array_equal(graph.in_shape[0], space.image_shape(architecture))


def test_shapes_follow_the_edges(space, sample):
    batch = space.graphs(sample)
    sources, targets = batch.edges
    out_shape, in_shape = batch.features[:, 4:7], batch.features[:, 1:4]
    widest = np.zeros_like(in_shape)
    np.maximum.at(widest, targets, out_shape[sources])
    fed = np.isin(np.arange(len(widest)), targets)
    np.testing.assert_array_equal(widest[fed], in_shape[fed])


def test_a_batch_holds_the_same_graphs(space, sample):
    batch = space.graphs(sample)
    expected = GraphBatch.from_graphs(space.graph(architecture) for architecture in sample)
    for name in ("node_types", "type_ids", "edges", "node_offsets", "edge_offsets"):
        np.testing.assert_array_equal(getattr(batch, name), getattr(expected, name))


def test_no_architectures_give_an_empty_batch(space):
    assert len(space.graphs([])) == 0


def test_macs_and_parameters_are_the_modules(space, sample):
    batch = space.graphs(sample[:3])
    for row, architecture in enumerate(sample[:3]):
        with torch.device("meta"):
            module = space.build(architecture)
        assert parameters(batch)[row] == module_parameters(module)
        assert macs(batch)[row] == module_macs(module, space.image_shape(architecture))


def test_the_network_trains(space, sample):
    """A forward and a backward pass, on tensors without data, reach the weights."""
    with torch.device("meta"):
        module = space.build(sample[0])
        images = torch.zeros(2, *space.image_shape(sample[0]))
    assert module.training
    logits = module(images)
    assert logits.shape == (2, space.graph(sample[0]).out_shape[-1][0])
    logits.sum().backward()
    assert next(iter(module.parameters())).grad is not None
