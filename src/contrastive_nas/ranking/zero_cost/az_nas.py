"""Expressivity, progressivity and trainability of the blocks of a network.

Source: Lee and Ham, AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search, CVPR
2024, section 3.2.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn


def az_nas_scores(network: nn.Module, images: Tensor) -> dict[str, float]:
    """Return three of the four scores, in training mode; the fourth, complexity, are multiply-accumulates.

    * ``expressivity``: sum over blocks of the entropy of the normalised eigenvalues of the covariance of
      channels (equations 1 and 2).
    * ``progressivity``: the smallest difference of that entropy between neighbouring blocks (equation 3).
    * ``trainability``: mean over blocks of 2 - s - 1 / s, s the largest singular value of the block's
      Jacobian, estimated with a random sign per output (equations 4 to 6).

    Blocks are the members of the network's longest ``nn.Sequential`` that give feature maps.

    Args:
        network: weights are drawn anew, normal with variance 2 / fan-in.
        images: noise, standard normal.

    Returns:
        NaN for all where the network has fewer than two such blocks.
    """
    initialise(network)
    features = block_features(network.train(), images)
    if len(features) < 2:
        return dict.fromkeys(("expressivity", "progressivity", "trainability"), float("nan"))
    entropies = np.array([_entropy(feature.detach()) for feature in features])
    return {
        "expressivity": float(entropies.sum()),
        "progressivity": float(np.diff(entropies).min()),
        "trainability": float(
            np.mean([_trainability(before, after) for before, after in pairwise(features)])
        ),
    }


def block_features(network: nn.Module, images: Tensor) -> list[Tensor]:
    """Return feature maps before and after every block, in order: tensors (batch, C, H, W) of one autograd
    graph.
    """
    chains = [list(module) for module in network.modules() if isinstance(module, nn.Sequential)]
    if not chains:
        return []
    blocks = max(chains, key=len)
    found: list[Tensor] = []
    hooks = [
        block.register_forward_hook(lambda _module, _inputs, output: found.append(output)) for block in blocks
    ]
    hooks.append(blocks[0].register_forward_pre_hook(lambda _module, inputs: found.append(inputs[0])))
    # Only tensors that autograd follows have a gradient, so the images must be followed too.
    network(images.clone().requires_grad_())
    for hook in hooks:
        hook.remove()
    return [feature for feature in found if feature.ndim == 4 and feature.shape[2:].numel() > 1]


def initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, mode="fan_in")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _entropy(feature: Tensor) -> float:
    """Entropy of the shares of variance along the principal axes of the channels."""
    samples = feature.permute(0, 2, 3, 1).flatten(0, 2)
    samples = samples - samples.mean(dim=0)
    covariance = (samples.T @ samples / len(samples)).double()
    variances = torch.linalg.eigvalsh(covariance).clamp_min(0)
    shares = variances / variances.sum().clamp_min(1e-30)
    return float(-(shares * torch.log(shares + 1e-8)).sum())


def _trainability(before: Tensor, after: Tensor) -> float:
    signs = torch.randint(0, 2, after.shape).to(after.dtype) * 2 - 1
    (pulled,) = torch.autograd.grad(after, before, signs, retain_graph=True, allow_unused=True)
    if pulled is None or torch.equal(pulled, signs):
        # A block that passes its input on unchanged, or ignores it, cannot be trained.
        return -np.inf
    stride = pulled.shape[2] // after.shape[2]
    if stride > 1:
        pulled = nn.functional.pixel_unshuffle(pulled, stride)
    inputs, outputs = (tensor.permute(0, 2, 3, 1).flatten(0, 2) for tensor in (pulled, signs))
    largest = float(torch.linalg.matrix_norm(inputs.T @ outputs / len(outputs), ord=2))
    return 2 - largest - 1 / (largest + 1e-6)
