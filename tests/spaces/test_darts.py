import pytest
from tests.spaces.counting import macs, parameters

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import load_space

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
    assert load_space("darts").size == (7**8 * 3 * 6 * 10) ** 2


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        (NORMAL, "1 cells instead of 2"),
        (f"{PUBLISHED}//{NORMAL}", "3 cells instead of 2"),
        (PUBLISHED.rpartition("|")[0], "3 nodes instead of 4"),
        (PUBLISHED.replace("dil_conv_3x3~2", "dil_conv_3x3~2,skip_connect~3"), "3 operations instead of 2"),
        (PUBLISHED.replace("dil_conv_3x3", "conv_7x1_1x7"), "'conv_7x1_1x7~2' is not"),
        (PUBLISHED.replace("dil_conv_3x3~2", "none~2"), "'none~2' is not"),
        (PUBLISHED.replace("dil_conv_3x3~2", "dil_conv_3x3~5"), "'dil_conv_3x3~5' is not"),
        (PUBLISHED.replace("dil_conv_3x3~2", "dil_conv_3x3~0"), "two different earlier inputs"),
        (
            PUBLISHED.replace("sep_conv_3x3~0,sep_conv_3x3~1|", "sep_conv_3x3~1,sep_conv_3x3~0|", 1),
            "ascending",
        ),
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
