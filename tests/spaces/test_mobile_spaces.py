"""MobileNetV3, Proxyless and MnasNet against published figures and by their rules."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.spaces.counting import macs, node_elements, parameters, per_graph
from torch import nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.mobile_blocks import make_divisible

SMALLEST = "|".join(["224", *["k3e3,k3e3"] * 5])
MNASNET = "e1k3l1s0|e6k3l2s0|e4k5l3s1|e6k3l3s0|e6k3l2s1|e6k5l3s1|e6k3l1s0"


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def once_for_all_string(row: pd.Series) -> str:
    layers = [f"k{k}e{e}" for k, e in zip(numbers(row.kernel_sizes), numbers(row.expand_ratios), strict=True)]
    stages = [",".join(layers[4 * stage :][:depth]) for stage, depth in enumerate(numbers(row.depths))]
    return "|".join([str(row.resolution), *stages])


def test_once_for_all_parameters_and_macs_equal_the_tables(data_folder: Path):
    table = pd.read_parquet(data_folder / "ofa_mobilenetv3_imagenet.parquet")
    batch = load_space("mobilenet_v3").graphs(table.apply(once_for_all_string, axis=1).tolist())
    assert len(batch) == 2_223
    np.testing.assert_array_equal(parameters(batch), table.params)
    np.testing.assert_array_equal(macs(batch), table.macs)


def test_mnasnet_parameters_and_macs_equal_the_tables(data_folder: Path):
    """By the stated rule: 4 per element of batch norms, inputs and channels of global poolings."""
    table = pd.read_parquet(data_folder / "mnasnet_imagenet.parquet")
    rows = table.to_dict("records")
    strings = [
        "|".join(
            f"e{row[f'block{b}_e']}k{row[f'block{b}_k']}l{row[f'block{b}_l']}s{int(row[f'block{b}_se'])}"
            for b in range(7)
        )
        for row in rows
    ]
    batch = load_space("mnasnet").graphs(strings)
    assert len(batch) == 5_125
    operations, in_shape = batch.features[:, 0], batch.features[:, 1:4].astype(np.int64)
    normalised = np.where(operations == Operation.BATCH_NORM, 4 * node_elements(batch), 0)
    pooled = np.where(operations == Operation.GLOBAL_AVG_POOL, in_shape.prod(axis=1) + in_shape[:, 0], 0)
    counted = macs(batch) + per_graph(batch, normalised + pooled)
    np.testing.assert_allclose(parameters(batch), table.params_millions * 1e6, atol=0.01)
    np.testing.assert_allclose(counted, table.macs_millions * 1e6, atol=0.01)


@pytest.mark.parametrize(
    ("channels", "expected"), [(16, 16), (19.2, 24), (20.8, 24), (41.6, 40), (28.8, 32), (3, 8)]
)
def test_channels_are_rounded_to_eights_but_not_down_by_a_tenth(channels, expected):
    assert make_divisible(channels) == expected


def test_published_widths():
    """Once-for-All: 24 stem channels (of 19.2), 1,536 mixed ones at width 1.2; Proxyless 1,664 at 1.3."""
    wide = load_space("mobilenet_v3", width=1.2).build(SMALLEST)
    assert next(m.out_channels for m in wide.modules() if isinstance(m, nn.Conv2d)) == 24
    assert next(m for m in wide.modules() if isinstance(m, nn.Linear)).in_features == 1_536
    proxyless = load_space("proxyless").build(SMALLEST + "|k3e3")
    assert next(m for m in proxyless.modules() if isinstance(m, nn.Linear)).in_features == 1_664


def test_sizes():
    layers = 9
    stage = layers**2 + layers**3 + layers**4
    assert load_space("mobilenet_v3", resolutions=[224]).size == stage**5
    assert load_space("proxyless", resolutions=[160, 224]).size == 2 * stage**5 * layers
    assert load_space("mnasnet").size == (3 * 2 * 3 * 2) ** 6 * (3 * 2 * 4 * 2)


@pytest.mark.parametrize("resolution", [33, 100, 131, 224])
def test_any_resolution(resolution):
    space = load_space("mobilenet_v3", resolutions=[resolution])
    string = SMALLEST.replace("224", str(resolution))
    assert space.image_shape(string) == (3, resolution, resolution)
    with torch.device("meta"):
        features = space.build(string)[:2](torch.zeros(2, 3, resolution, resolution))
    before_head = space.graph(string).in_shape[space.graph(string).op == Operation.CONV][-2]
    assert tuple(features.shape[1:]) == tuple(before_head)


@pytest.mark.parametrize(
    ("string", "reason"),
    [
        (SMALLEST.replace("224", "225"), "resolution '225' is not one of"),
        (SMALLEST.rpartition("|")[0], "4 stages instead of 5"),
        (SMALLEST + "|k3e3", "6 stages instead of 5"),
        (SMALLEST.replace("k3e3,k3e3", "k3e3", 1), "stage 1 has 1 layers instead of 2 or 3 or 4"),
        (SMALLEST.replace("k3e3", "k3e5", 1), "layer 'k3e5' is not"),
        (SMALLEST.replace("k3e3", "k03e3", 1), "layer 'k03e3' is not"),
        (SMALLEST.replace("k3e3", "", 1), "layer '' is not"),
    ],
)
def test_invalid_stages_are_refused(string, reason):
    with pytest.raises(InputError, match=reason):
        load_space("mobilenet_v3").encode(string)


@pytest.mark.parametrize(
    ("string", "reason"),
    [
        (MNASNET.rpartition("|")[0], "6 blocks instead of 7"),
        (MNASNET.replace("e1", "e2"), "block 0 'e2k3l1s0' is not e<1/4/6>"),
        (MNASNET.replace("k5l3s1|", "k5l4s1|", 1), "block 2"),
        (MNASNET.replace("s0", "", 1), "block 0"),
    ],
)
def test_invalid_blocks_are_refused(string, reason):
    load_space("mnasnet").validate(MNASNET)
    with pytest.raises(InputError, match=reason):
        load_space("mnasnet").encode(string)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mobilenet_v3", {"resolutions": []}),
        ("mobilenet_v3", {"resolutions": [8]}),
        ("mobilenet_v3", {"width": 0}),
        ("mobilenet_v3", {"classes": 0}),
        ("proxyless", {"width": "wide"}),
        ("mnasnet", {"resolution": 10}),
        ("mnasnet", {"width": 1.0}),
    ],
)
def test_bad_options_are_refused(name, options):
    with pytest.raises(InputError, match=name):
        load_space(name, **options)
