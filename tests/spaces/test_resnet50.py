import pytest
import timm
import torch
from tests.spaces.counting import macs, module_macs, module_parameters, parameters

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import load_space

STEM = "w1.0r1w1.0"
RESNET50D = "|".join(["224", STEM, *("w1.0:" + ",".join(["e0.25"] * depth) for depth in (3, 4, 6, 3))])


def test_resnet50d_is_in_the_space():
    """timm's network has the same shapes; only the stem's residual, which costs nothing, is another."""
    with torch.device("meta"):
        known = timm.create_model("resnet50d")
    batch = load_space("resnet50").graphs([RESNET50D])
    assert parameters(batch)[0] == module_parameters(known)
    assert macs(batch)[0] == module_macs(known, (3, 224, 224))


def test_size():
    stages = (9 + 27 + 81) ** 3 * (81 + 243 + 729)
    assert load_space("resnet50", resolutions=[224]).size == 2 * 3**6 * stages


def test_stem_without_residual_is_smaller():
    space = load_space("resnet50")
    with_it, without = parameters(space.graphs([RESNET50D, RESNET50D.replace("r1", "r0")]))
    assert with_it - without == 32 * 32 * 9 + 2 * 32


@pytest.mark.parametrize("resolution", [65, 100, 131])
def test_odd_resolutions(resolution):
    space = load_space("resnet50", resolutions=[resolution])
    architecture = RESNET50D.replace("224", str(resolution))
    with torch.device("meta"):
        module = space.build(architecture)
    assert macs(space.graphs([architecture]))[0] == module_macs(module, (3, resolution, resolution))


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        (RESNET50D.replace("224", "1"), "resolution '1' is not one of"),
        (RESNET50D.rpartition("|")[0], "4 parts instead of a stem and 4 stages"),
        (RESNET50D.replace(STEM, "w1.0r2w1.0"), "stem 'w1.0r2w1.0' is not"),
        (RESNET50D.replace(STEM, "w1.0r1w0.5"), "stem 'w1.0r1w0.5' is not"),
        (RESNET50D.replace("|w1.0:", "|w1.1:", 1), "does not begin with w<"),
        (RESNET50D.replace("e0.25", "e0.5", 1), "blocks .* are not e<"),
        (RESNET50D + ",e0.25,e0.25", "has 5 blocks instead of 2 to 4"),
    ],
)
def test_invalid_strings_are_refused(architecture, reason):
    with pytest.raises(InputError, match=reason):
        load_space("resnet50").encode(architecture)
