"""Proxies from gradients of the loss at initialisation."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Batch = tuple[Tensor, Tensor]


def gradient_scores(network: nn.Module, batches: Sequence[Batch]) -> dict[str, float]:
    """SNIP, gradient norm and ZiCo, in training mode.

    * ``snip``: sum over weights of |w dL/dw|, first batch. Lee et al., SNIP, ICLR 2019, equation 6;
      Abdelfattah et al., ICLR 2021.
    * ``gradient_norm``: sum over layers of the Euclidean norm of dL/dw, first batch. Abdelfattah et al.
    * ``zico``: sum over layers of log sum over weights of mean |g| / std |g| over the batches, weights of
      zero deviation left out. Li et al., ZiCo, ICLR 2023, equation 13.

    Args:
        network: freshly initialised.
        batches: two or more of images and class numbers.
    """
    network.train()
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    gradients = [_gradients(network, weights, batch) for batch in batches]
    first = [(w.detach(), g) for w, g in zip(weights, gradients[0], strict=True) if g is not None]
    layers = [
        torch.stack(list(of_layer)).abs()
        for of_layer in zip(*gradients, strict=True)
        if of_layer[0] is not None
    ]
    return {
        "snip": sum(float((weight * gradient).abs().sum()) for weight, gradient in first),
        "gradient_norm": sum(float(gradient.norm()) for _, gradient in first),
        "zico": sum(_inverse_variation(layer) for layer in layers),
    }


def _gradients(network: nn.Module, weights: Sequence[Tensor], batch: Batch) -> list[Tensor | None]:
    images, classes = batch
    loss = nn.functional.cross_entropy(network(images), classes)
    return [
        None if gradient is None else gradient.detach()
        for gradient in torch.autograd.grad(loss, weights, allow_unused=True)
    ]


def _inverse_variation(gradients: Tensor) -> float:
    """log sum of mean / std over batches (first dimension), over the weights of one layer."""
    deviation, mean = torch.std_mean(gradients, dim=0, correction=0)
    varying = deviation > 0
    ratios = (mean[varying] / deviation[varying]).double().sum()
    return float(torch.log(ratios)) if ratios > 0 else 0.0
