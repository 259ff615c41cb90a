"""Synaptic flow: how much signal all-positive weights let through.

Source: Tanaka et al., Pruning neural networks without any data by iteratively conserving synaptic flow,
NeurIPS
2020, equation 2, as a score of networks: Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR
2021,
section 3.
"""

import torch
from torch import nn


def synflow(network: nn.Module, input_shape: tuple[int, int, int]) -> dict[str, float]:
    """log(1 + sum over weights of |w dR/dw|), R the sum of outputs for an image of ones with weights |w|.

    Norms are identities (evaluation mode with fresh statistics), as in the paper's linearised network.
    Numbers grow exponentially with depth, hence double precision and the logarithm, which keeps the order.

    The network's weights are replaced by their absolute values, in double precision.
    """
    network = network.double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    image = torch.ones(1, *input_shape, dtype=torch.float64)
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    gradients = torch.autograd.grad(network(image).sum(), weights, allow_unused=True)
    flows = [
        (weight * gradient).abs().sum()
        for weight, gradient in zip(weights, gradients, strict=True)
        if gradient is not None
    ]
    return {"synflow": float(torch.log1p(torch.stack(flows).sum()).detach())}
