"""Tracing convolutional networks of torchvision and timm; their weights are never made."""

import contextlib

import numpy as np
import pytest
import timm
import torch
import torchvision
from tests.graphs.public_networks import TIMM, TORCHVISION
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from contrastive_nas.graphs import trace
from contrastive_nas.graphs.costs import multiply_accumulates, parameters


def check(module: nn.Module, shape: tuple[int, int, int]) -> None:
    graph = trace(module.eval(), shape)
    assert graph.unknown_count < 0.01 * len(graph)
    assert parameters(graph.features).sum() == sum(weight.numel() for weight in module.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.to("meta")(torch.empty(1, *shape, device="meta"))
    assert multiply_accumulates(graph.features).sum() == pytest.approx(
        counter.get_total_flops() / 2, rel=0.01
    )


def torchvision_model(name: str) -> nn.Module:
    # RegNet computes its widths with tensors, which need data.
    place = contextlib.nullcontext() if name.startswith("regnet") else torch.device("meta")
    # Auxiliary heads act in training alone, so a trace in evaluation mode has no use for their weights.
    heads = name in {"googlenet", "inception_v3"}
    options = {"init_weights": False, "aux_logits": False} if heads else {}
    with place:
        return torchvision.models.get_model(name, weights=None, **options)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_some_of_torchvision(name: str) -> None:
    check(torchvision_model(name), (3, 224, 224))


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
def test_all_of_torchvision(name: str) -> None:
    check(torchvision_model(name), (3, 299, 299) if name == "inception_v3" else (3, 224, 224))


def test_there_are_a_hundred_names() -> None:
    assert len(set(TIMM)) >= 100
    assert set(TIMM) <= set(timm.list_models())


@pytest.mark.slow
@pytest.mark.parametrize("name", TIMM)
def test_timm(name: str) -> None:
    with torch.device("meta"):
        module = timm.create_model(name, pretrained=False)
    check(module, tuple(np.array(module.default_cfg["input_size"]).tolist()))
