"""Short trainings of small networks on images in memory: what a query of a search costs.

Everything runs on one thread, so that a training gives the same bits whatever runs beside it.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from contrastive_nas.retraining.seeding import seed_generators
from contrastive_nas.retraining.short_recipe import ShortRecipe


@dataclass(frozen=True)
class Part:
    """Images (float32, N x C x H x W, normalised) and their labels (int64, N)."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Images:
    """The three parts of a data set; only ``train`` is trained on, and a search sees only ``valid``."""

    train: Part
    valid: Part
    test: Part


@dataclass(frozen=True)
class ShortScore:
    """Accuracies in percent and processor seconds of one training; NaN where it diverged."""

    valid_accuracy: float
    test_accuracy: float
    seconds: float


def train_short(network: nn.Module, images: Images, recipe: ShortRecipe, seed: int) -> ShortScore:
    """Trains a network with fresh weights and scores it once, at the end.

    The statistics of batch-norm are taken over all training images after the last update: the moving ones of
    so few updates are noise.

    Args:
        network: on the CPU; changed in place.
        images: of the shape that the network takes.
        recipe: how.
        seed: of the order of the images.
    """
    start = time.thread_time()
    seed_generators("order", seed)
    network = network.to(memory_format=torch.channels_last).train()
    finite = _train(network, images.train, recipe)
    if not finite:
        return ShortScore(math.nan, math.nan, time.thread_time() - start)
    _settle_statistics(network, images.train)
    valid, test = _accuracy(network, images.valid), _accuracy(network, images.test)
    return ShortScore(valid, test, time.thread_time() - start)


def _train(network: nn.Module, part: Part, recipe: ShortRecipe) -> bool:
    """Whether the loss stayed finite; a diverged training stops at the end of its epoch."""
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    batches = max(1, len(part.labels) // recipe.batch_size)
    rates = iter(learning_rates(recipe, recipe.epochs * batches))
    for _ in range(recipe.epochs):
        order = torch.randperm(len(part.labels))
        total = torch.zeros(())
        for chosen in order[: batches * recipe.batch_size].chunk(batches):
            optimizer.param_groups[0]["lr"] = next(rates)
            logits = network(part.images[chosen])
            loss = functional.cross_entropy(
                logits, part.labels[chosen], label_smoothing=recipe.label_smoothing
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        if not math.isfinite(total.item()):
            return False
    return True


def learning_rates(recipe: ShortRecipe, updates: int) -> list[float]:
    """The learning rate of every update: linear to the peak, then linear to (almost) zero."""
    steps = np.arange(updates)
    rising = (steps + 1) / (recipe.warm_up * updates)
    falling = (updates - steps) / ((1 - recipe.warm_up) * updates)
    return (recipe.learning_rate * np.minimum(1.0, np.minimum(rising, falling))).tolist()


def _settle_statistics(network: nn.Module, part: Part) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a cumulative average, here over one batch of everything
    with torch.no_grad():
        network(part.images)


@torch.inference_mode()
def _accuracy(network: nn.Module, part: Part) -> float:
    network.eval()
    correct = int((network(part.images).argmax(1) == part.labels).sum())
    return 100.0 * correct / len(part.labels)
