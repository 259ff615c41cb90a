"""The macro space of TransNAS-Bench-101 against its published rule and its table."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from tests.spaces.counting import macs, parameters

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import load_space

SPACE = load_space("transnas_macro")


def test_size_is_the_published_one():
    """By brute force from the rule: 1 to 4 halvings of the image, 1 to 3 doublings of the channels."""
    counted = []
    for depth in (4, 5, 6):
        codes = np.array(list(itertools.product((1, 2, 3, 4), repeat=depth)))
        halved, doubled = np.isin(codes, (3, 4)).sum(1), np.isin(codes, (2, 4)).sum(1)
        counted.append(int(((halved >= 1) & (halved <= 4) & (doubled >= 1) & (doubled <= 3)).sum()))
    assert counted == [210, 750, 2296]
    assert SPACE.size == sum(counted) == 3256


def test_the_table_holds_exactly_the_space(data_folder):
    table = pd.read_parquet(data_folder / "transnas_macro.parquet")
    assert sorted(table.architecture) == sorted(SPACE.enumerate())


def test_costs_of_one_network_by_hand():
    """1324: 64 channels at 64 x 64 pixels; 64 at 32; 128 at 32; 256 at 16, two blocks each."""
    stem = 9 * (3 * 32 + 32 * 64) + 2 * (32 + 64)
    plain = [2 * 9 * c * c + 4 * c for c in (64, 64, 64, 128, 256)]
    shrinking = 2 * 9 * 64 * 64 + 64 * 64 + 6 * 64
    widening = 9 * (64 * 128 + 128 * 128) + 64 * 128 + 6 * 128
    both = 9 * (128 * 256 + 256 * 256) + 128 * 256 + 6 * 256
    head = 256 * 47 + 47
    batch = SPACE.graphs(["1324"])
    assert parameters(batch)[0] == stem + sum(plain) + shrinking + widening + both + head
    expected = 9 * (3 * 32 * 128**2 + 32 * 64 * 64**2) + 4 * 9 * 64 * 64 * 64**2
    expected += (4 * 9 + 1) * 64 * 64 * 32**2
    expected += (9 * (64 * 128 + 3 * 128 * 128) + 64 * 128) * 32**2
    expected += (9 * (128 * 256 + 3 * 256 * 256) + 128 * 256) * 16**2 + 256 * 47
    assert macs(batch)[0] == expected


def test_every_vector_stands_for_an_architecture():
    widths = [len(choice.options) for choice in SPACE.choices]
    found = [SPACE.decode(vector) for vector in np.random.default_rng(0).integers(0, widths, (3000, 7))]
    for architecture in found:
        SPACE.validate(architecture)
    assert SPACE.decode([0, 0, 0, 0, 0, 3, 3]) == "1114"
    assert SPACE.decode([2, 3, 3, 3, 3, 3, 3]) == "444311"


def test_samples_are_uniform():
    """Each depth as often as there are networks of it, within four standard deviations."""
    sample = SPACE.sample(np.random.default_rng(0), 20_000)
    for depth, count in ((4, 210), (5, 750), (6, 2296)):
        share = count / 3256
        deviation = (20_000 * share * (1 - share)) ** 0.5
        assert abs(sum(len(name) == depth for name in sample) - 20_000 * share) < 4 * deviation


def test_the_benchmarks_own_form_is_read():
    assert SPACE.read("64-1234-basic") == SPACE.read(" 1234\n") == "1234"
    assert load_space("transnas_macro", channels=16).read("16-1234-basic") == "1234"
    for wrong in ("32-1234-basic", "64-41414-1_02_333", "64-1111-basic"):
        with pytest.raises(InputError, match="transnas_macro"):
            SPACE.read(wrong)


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        ("123", "not four to six digits"),
        ("1234123", "not four to six digits"),
        ("1235", "not four to six digits"),
        ("1122", "0 modules halve the image"),
        ("333334", "6 modules halve the image"),
        ("1133", "0 modules double the channels"),
        ("224411", "4 modules double the channels"),
    ],
)
def test_what_is_outside_the_rule_is_refused(architecture, reason):
    with pytest.raises(InputError, match=reason):
        SPACE.validate(architecture)


@pytest.mark.parametrize("options", [{"channels": 15}, {"input_shape": (3, 0, 8)}, {"classes": 0}])
def test_bad_options_are_refused(options):
    with pytest.raises(InputError, match="transnas_macro"):
        load_space("transnas_macro", **options)


@pytest.mark.parametrize("side", [37, 224])
def test_images_of_any_size(side):
    space = load_space("transnas_macro", channels=4, classes=3, input_shape=(3, side, side))
    images = torch.zeros(2, 3, side, side)
    assert space.build("443311").eval()(images).shape == (2, 3)
