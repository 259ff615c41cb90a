"""Proxies of a fresh network's quality: synaptic flow, gradients of the loss, differences between images.

Sources: Tanaka et al., Pruning neural networks without any data by iteratively conserving synaptic flow,
NeurIPS 2020, equation 2, as a score of networks: Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS,
ICLR 2021, section 3; those of the other proxies stand at their functions.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Batch = tuple[Tensor, Tensor]
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.GELU, nn.LeakyReLU, nn.ELU)
# Keeps logarithm and inverse finite; the value of the authors.
_EPSILON = 1e-5


def synflow(network: nn.Module, input_shape: tuple[int, int, int]) -> dict[str, float]:
    """Return log(1 + sum over weights of |w dR/dw|), R the sum of outputs for an image of ones with weights
    |w|.

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


def gradient_scores(network: nn.Module, batches: Sequence[Batch]) -> dict[str, float]:
    """Return SNIP, gradient norm and ZiCo, in training mode.

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


def activation_scores(network: nn.Module, images: Tensor) -> dict[str, float]:
    """Return NASWOT and jacobian covariance, in training mode.

    * ``naswot``: log |det K|, K the number of activations that two images have in common (both on or both
      off). Mellor et al., Neural Architecture Search without Training, ICML 2021, equation 2. Activations are
      those that are modules (``ACTIVATIONS``).
    * ``jacobian_covariance``: - sum over eigenvalues s of log(s + e) + 1 / (s + e), of the correlation matrix
      of the images' gradients of the summed outputs. The same authors' first version, arXiv 2006.04647v1.
    """
    network.train()
    codes: list[Tensor] = []
    hooks = [
        module.register_forward_pre_hook(lambda _, inputs: codes.append((inputs[0].detach() > 0).flatten(1)))
        for module in network.modules()
        if isinstance(module, ACTIVATIONS)
    ]
    images = images.clone().requires_grad_()
    outputs = network(images)
    for hook in hooks:
        hook.remove()
    (jacobian,) = torch.autograd.grad(outputs.sum(), images)
    return {
        "naswot": _log_determinant(codes),
        "jacobian_covariance": _independence(jacobian.flatten(1).double()),
    }


def _log_determinant(codes: list[Tensor]) -> float:
    kernel = torch.zeros(1, 1)
    for code in codes:
        on = code.float()
        kernel = kernel + on @ on.T + (1 - on) @ (1 - on).T
    return float(torch.linalg.slogdet(kernel.double()).logabsdet)


def _independence(gradients: Tensor) -> float:
    centred = gradients - gradients.mean(dim=1, keepdim=True)
    scaled = centred / centred.norm(dim=1, keepdim=True).clamp_min(1e-30)
    eigenvalues = torch.linalg.eigvalsh(scaled @ scaled.T).clamp_min(0) + _EPSILON
    return float(-(eigenvalues.log() + 1 / eigenvalues).sum())
