"""Proxies that ask how differently a fresh network treats different images."""

import torch
from torch import Tensor, nn

ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.GELU, nn.LeakyReLU, nn.ELU)
# Keeps logarithm and inverse finite; the value of the authors.
_EPSILON = 1e-5


def activation_scores(network: nn.Module, images: Tensor) -> dict[str, float]:
    """NASWOT and jacobian covariance, in training mode.

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
