"""Architectures as people and other projects write them."""

import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import list_spaces, load_space
from contrastive_nas.spaces.nasbench101 import module_hash
from contrastive_nas.tables import read_table

# Three stages' layers beyond their depth are whatever their authors leave there.
OFA = {
    "wid": None,
    "ks": [3, 5, None, None, 7, 3, 3, None, 5, 5, 5, 5, 3, 7, None, None, 5, 3, 7, None],
    "e": [4, 6, None, None, 3, 3, 4, None, 6, 6, 4, 4, 3, 6, None, None, 4, 4, 6, None],
    "d": [2, 3, 4, 2, 3],
    "r": [192],
}
OFA_STRING = "192|k3e4,k5e6|k7e3,k3e3,k3e4|k5e6,k5e6,k5e4,k5e4|k3e3,k7e6|k5e4,k3e4,k7e6"


@pytest.fixture(params=list_spaces())
def space(request: pytest.FixtureRequest):
    return load_space(request.param)


@pytest.mark.parametrize("given", [(4, 0, 3, 1, 4, 3), 4, None, b"bytes", ["a"], {"ks": [3]}, float("nan")])
def test_c7_what_is_no_string_is_one_error(space, given) -> None:
    with pytest.raises(InputError, match=rf"^{space.name}: .* is not an architecture string"):
        space.validate(given)
    with pytest.raises(InputError):
        space.graph(given)


@pytest.mark.parametrize("given", [4, None, b"bytes", ["a"], (), {}, {"ks": 3}, "(1, ", "[" * 5000, "(1, 2)"])
def test_c7_reading_anything_is_one_error(space, given) -> None:
    with pytest.raises(InputError, match=rf"^{space.name}"):
        space.read(given)


def test_u6_blanks_around_a_string_do_not_count(space) -> None:
    for name in space.sample(np.random.default_rng(0), 5):
        for given in (name, f" {name}", f"{name}\n", f"\t{name} \r\n"):
            assert space.read(given) == name
        with pytest.raises(InputError):
            space.validate(f" {name}")


# By hand from NASLib's lists: edges 0-1, 0-2, 0-3, 1-2, 1-3, 2-3; operations skip, none, 3x3, 1x1, pooling.
NASLIB_201 = {
    (0, 1, 2, 3, 4, 0): (
        "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|skip_connect~2|"
    ),
    (4, 0, 3, 1, 4, 3): (
        "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|"
    ),
}


@pytest.mark.parametrize("form", [tuple, list, str])
def test_u6_indices_of_naslib_on_nasbench201(form) -> None:
    space = load_space("nasbench201")
    for given, wanted in NASLIB_201.items():
        assert space.read(form(given)) == wanted
    for wrong in ((4, 0, 3, 1, 4), (4, 0, 3, 1, 4, 5), (True, 0, 3, 1, 4, 3), (4.0, 0, 3, 1, 4, 3)):
        with pytest.raises(InputError):
            space.read(form(wrong))


def test_u6_compact_tuples_of_naslib_on_nasbench101() -> None:
    space = load_space("nasbench101")
    # Input, a 3x3 convolution, a pooling that leads nowhere, output.
    matrix = [0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    wanted = "input,conv3x3-bn-relu,output/010001000"
    assert space.read((*matrix, 0, 4, 2, 1)) == wanted
    assert space.read(str((*matrix, 0, 4, 2, 1))) == wanted
    code = {"input": 0, "output": 1, "maxpool3x3": 2, "conv1x1-bn-relu": 3, "conv3x3-bn-relu": 4}
    for architecture in space.sample(np.random.default_rng(0), 50):
        operations, _, cells = architecture.partition("/")
        given = (*map(int, cells), *(code[operation] for operation in operations.split(",")))
        assert module_hash(space.read(given)) == module_hash(architecture)
    with pytest.raises(InputError, match="nasbench101"):
        space.read((*matrix[:-1], 1, 0, 4, 2, 1))


def cut(values: list[int | None]) -> list[int | None]:
    return [value for value in values if value is not None]


def test_u6_padded_and_cut_dictionaries_of_once_for_all() -> None:
    space = load_space("mobilenet_v3")
    full = {key: [5 if value is None else value for value in OFA[key]] for key in ("ks", "e")}
    full["e"] = [4 if value is None else value for value in OFA["e"]]
    forms = [OFA, OFA | full, OFA | {"ks": cut(OFA["ks"]), "e": cut(OFA["e"])}, OFA | {"r": 192}]
    for given in forms:
        assert space.read(given) == space.read(str(given)) == OFA_STRING
    hole = OFA | {"ks": [None, *OFA["ks"][1:]]}
    with pytest.raises(InputError, match="a layer within its stage's depth is None"):
        space.read(hole)
    for wrong in (OFA | {"d": [2, 3, 4, 2, 5]}, OFA | {"e": OFA["e"][1:]}, {"ks": [3]}, OFA | {"r": [1, 2]}):
        with pytest.raises(InputError, match=r"^mobilenet_v3: "):
            space.read(wrong)


def test_u6_padded_lists_in_dynast(tmp_path) -> None:
    path = tmp_path / "search.csv"
    path.write_text(f'Sub-network,Top-1 Acc (%)\n"{OFA}",75.5\n')
    assert read_table(path).frame.architecture.tolist() == [OFA_STRING]


def test_u6_tables_keep_the_own_spelling_and_know_twins(tmp_path) -> None:
    (given, name), (_, other) = NASLIB_201.items()
    path = tmp_path / "own.csv"
    path.write_text(f'architecture,cifar10_test_accuracy\n"{given}",90\n  {other} ,91\n')
    assert read_table(path, space="nasbench201").frame.architecture.tolist() == [name, other]
    path.write_text(f'architecture,cifar10_test_accuracy\n"{given}",90\n{name},91\n')
    with pytest.raises(InputError, match=r"row 2: .* is that of row 1 again"):
        read_table(path, space="nasbench201")
