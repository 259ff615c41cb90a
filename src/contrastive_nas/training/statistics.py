"""Batch norm's statistics after training."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


@torch.no_grad()
def settle_statistics(network: nn.Module, images: Iterable[Tensor]) -> None:
    """Replaces the moving statistics of batch norm by means over batches, with the weights as they are.

    After few updates the moving ones are noise: they still remember weights of long ago.

    Args:
        network: left in training mode.
        images: prepared batches, (batch, channels, height, width).
    """
    layers = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative average
    network.train()
    for batch in images:
        network(batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
