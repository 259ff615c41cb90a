"""Every published recipe trains networks of the space that it is for."""

from typing import Any

import numpy as np
import pytest
import torch

from contrastive_nas.spaces import load_space
from contrastive_nas.training.data.base import Batch
from contrastive_nas.training.data.transforms import Preparation
from contrastive_nas.training.devices import make_fabric
from contrastive_nas.training.network import NetworkName, build_network
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.recipe import load_recipe
from contrastive_nas.training.regularisation import WithAuxiliaryHead
from contrastive_nas.training.update import make_updater

IMAGES = 4
SMALL_IMAGENET_CELLS = {
    "channels": 8,
    "layers": 4,
    "classes": 20,
    "input_shape": (3, 224, 224),
    "stem": "imagenet",
}


@pytest.mark.parametrize(
    ("recipe_name", "space", "options", "size"),
    [
        ("imagenet_mobilenetv3_sgd", "mobilenet_v3", {"classes": 20}, 64),
        ("imagenet_mobilenetv3_rmsprop", "mobilenet_v3", {"classes": 20}, 64),
        ("imagenet_resnet", "resnet50", {"classes": 20}, 64),
        ("imagenet_darts", "darts", SMALL_IMAGENET_CELLS, 224),
        ("cifar10_600", "darts", {"channels": 8, "layers": 4}, 32),
        ("cifar10_fast", "nasbench201", {"channels": 4, "cells": 1}, 32),
        ("digits", "compact_cnn", {}, 8),
    ],
)
def test_an_update(recipe_name: str, space: str, options: dict[str, Any], size: int) -> None:
    architecture = load_space(space, **options).sample(np.random.default_rng(0), 1)[0]
    built = build_network(NetworkName(space, options, architecture), size)
    recipe = load_recipe(recipe_name)
    network = built.network
    if recipe.auxiliary_weight:
        network = WithAuxiliaryHead(network, torch.zeros(2, built.channels, size, size))
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    moments = (127.0,) * built.channels, (60.0,) * built.channels, torch.device("cpu")
    preparation = Preparation(*moments, recipe.augmentation)
    updater = make_updater(
        network, TrainingPlan(recipe, IMAGES), make_fabric("cpu"), preparation, built.classes
    )
    images = torch.randint(0, 256, (IMAGES, built.channels, size, size), dtype=torch.uint8)
    labels = torch.arange(IMAGES) % built.classes
    # An update in which the learning rate is not zero, as at the start of a warm-up.
    loss = updater(3, [Batch(images, labels, labels)])
    assert torch.isfinite(loss)
    assert updater.optimizer.param_groups[0]["lr"] > 0
    classifier = [name for name, weight in network.named_parameters() if weight.shape[0] == built.classes]
    assert classifier
    changed = dict(network.named_parameters())
    assert all(not torch.equal(changed[name], before[name]) for name in classifier)
