"""Networks of timm and torchvision by name."""

import re
from fnmatch import fnmatch

import pytest
import timm
import torchvision

from contrastive_nas.errors import InputError
from contrastive_nas.model_zoo import build_network, list_networks


def test_names_are_those_of_the_libraries() -> None:
    assert list_networks("timm", "test_*") == sorted(timm.list_models("test_*"))
    every = torchvision.models.list_models(module=torchvision.models)
    fitting = sorted(name for name in every if fnmatch(name, "resnet??"))
    assert list_networks("torchvision", "resnet??") == fitting


@pytest.mark.parametrize(
    ("library", "name", "words"),
    [
        ("tim", "resnet18", "library 'tim' is unknown: did you mean 'timm'?"),
        ("timm", "resnt18", "timm has no network 'resnt18': did you mean 'resnet18'?"),
        ("torchvision", "zzz*", "torchvision has no network 'zzz*': there are"),
    ],
)
def test_unknown_names_are_one_line(library: str, name: str, words: str) -> None:
    with pytest.raises(InputError, match="^" + re.escape(words)):
        list_networks(library, name)


@pytest.mark.parametrize(
    ("library", "name", "size", "shape"),
    [
        ("timm", "test_resnet", None, (3, 160, 160)),
        ("timm", "test_vit", (128, 128), (3, 128, 128)),
        ("timm", "test_resnet", (96, 64), (3, 96, 64)),
        ("torchvision", "squeezenet1_1", None, (3, 224, 224)),
        ("torchvision", "squeezenet1_1", (64, 64), (3, 64, 64)),
    ],
)
def test_networks_hold_no_data_and_know_their_images(library, name, size, shape) -> None:
    module, found = build_network(library, name, size)
    assert found == shape
    assert not module.training
    assert all(one.is_meta for one in module.parameters())


def test_torchvision_has_a_parameter_count_that_is_published() -> None:
    module, _ = build_network("torchvision", "resnet18")
    assert sum(one.numel() for one in module.parameters()) == 11_689_512


def test_a_size_that_a_network_cannot_take_is_named() -> None:
    with pytest.raises(InputError, match=r"torchvision cannot build vit_b_16 for images of 100 x 100: .+"):
        build_network("torchvision", "vit_b_16", (100, 100))
