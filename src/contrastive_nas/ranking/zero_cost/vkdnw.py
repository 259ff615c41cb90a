"""How evenly a fresh network's weights can be told from what it answers: the spectrum of Fisher information.

Source: Týbl and Neumann, Training-free Neural Architecture Search through Variance of Knowledge of Deep
Network Weights, CVPR 2025, equations 9 to 13.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from contrastive_nas.ranking.zero_cost.az_nas import initialise

# Tensors of weights whose first element is looked at; the number of the authors.
TENSORS = 128
# How much of the softmax is the uniform distribution, without which a network that is sure of every class
# has no information at all; the value of the authors.
SMOOTHING = 0.05
# Images; each has as many directions as there are classes but one, so that 16 have more than TENSORS.
IMAGES = 16


def vkdnw(network: nn.Module, images: Tensor) -> dict[str, float]:
    """``vkdnw``: n + H, the number n of weight tensors and the entropy H of the spectrum, at most ln 9.

    F = mean over images of J^T (diag(p) - p p^T) J is the Fisher information of one weight a tensor, J the
    (classes, weights) derivatives of the logits and p the softmax; H = - sum over deciles of q ln q, q the
    nine deciles of the eigenvalues of F as shares of their sum.

    Evaluation mode, so that images do not meet in the norms. The first weights of convolutions, linear layers
    and batch norms are looked at, those of other modules are not.

    Args:
        network: weights are drawn anew, normal with variance 2 / fan-in; gives logits, (B, classes).
        images: (B, C, H, W), of which the first ``IMAGES`` are taken.

    Returns:
        NaN where no weight changes what the network answers.
    """
    initialise(network)
    tensors = len(list(network.parameters()))
    jacobian, logits = first_weight_jacobian(network.eval(), images[:IMAGES])
    likely = torch.softmax(logits, dim=1) * (1 - SMOOTHING) + SMOOTHING / logits.shape[1]
    # (diag(p) - p p^T) is S S^T with S = (1 - p 1^T) diag(sqrt(p)).
    roots = likely.sqrt()[:, :, None]
    pulled = roots * (jacobian - (likely[:, :, None] * jacobian).sum(1, keepdim=True))
    rows = pulled.flatten(0, 1)
    information = rows.T @ rows / len(images[:IMAGES])
    eigenvalues = torch.linalg.eigvalsh(information).clamp_min(0)
    deciles = torch.quantile(eigenvalues, torch.arange(1, 10, dtype=torch.float64) / 10)
    shares = deciles / deciles.sum()
    return {"vkdnw": tensors + float(torch.special.entr(shares).sum())}


def first_weight_jacobian(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives of every logit of every image by the first element of the first ``TENSORS`` weight tensors.

    One backward pass a class: the derivative for one image is read from what a weight's module took and what
    its output is pulled by, so that no gradient of a whole tensor is computed.

    Args:
        network: in evaluation mode; its weights are followed by autograd no more.
        images: (B, C, H, W).

    Returns:
        (B, classes, weights) and the logits, (B, classes), in double precision.
    """
    network.requires_grad_(False)
    kinds = tuple(_PULLS)
    modules = [module for module in network.modules() if isinstance(module, kinds)]
    weights = [weight for module in modules for weight in module.parameters(recurse=False)][:TENSORS]
    columns = {id(weight): column for column, weight in enumerate(weights)}
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []
    hooks = [
        module.register_forward_hook(lambda module, inputs, output: calls.append((module, inputs[0], output)))
        for module in modules
    ]
    # Weights are not followed, so the images must be.
    logits = network(images.clone().requires_grad_())
    for hook in hooks:
        hook.remove()
    outputs = [output for _, _, output in calls]
    jacobian = torch.zeros(*logits.shape, len(weights), dtype=torch.float64)
    for number in range(logits.shape[1]):
        pulled = torch.autograd.grad(logits[:, number].sum(), outputs, retain_graph=True, allow_unused=True)
        for (module, taken, _), gradient in zip(calls, pulled, strict=True):
            for name, weight in module.named_parameters(recurse=False):
                if gradient is not None and id(weight) in columns:
                    derivative = _PULLS[_kind(module)][name](module, taken.detach(), gradient)
                    jacobian[:, number, columns[id(weight)]] += derivative.double()
    return jacobian, logits.detach().double()


def _kind(module: nn.Module) -> type[nn.Module]:
    return next(kind for kind in _PULLS if isinstance(module, kind))


def _of_bias(module: Any, taken: Tensor, gradient: Tensor) -> Tensor:
    return _channel(module, gradient).flatten(1).sum(1)


def _of_convolution(module: Any, taken: Tensor, gradient: Tensor) -> Tensor:
    """The upper left weight of the first kernel meets every stride-th pixel of the first channel."""
    padded = torch.nn.functional.pad(
        taken[:, :1],
        module._reversed_padding_repeated_twice,
        mode="constant" if module.padding_mode == "zeros" else module.padding_mode,
    )
    seen = padded[:, 0, :: module.stride[0], :: module.stride[1]]
    height, width = gradient.shape[2:]
    return (gradient[:, 0] * seen[:, :height, :width]).flatten(1).sum(1)


def _of_linear(module: Any, taken: Tensor, gradient: Tensor) -> Tensor:
    return (gradient[..., :1] * taken[..., :1]).flatten(1).sum(1)


def _of_norm(module: Any, taken: Tensor, gradient: Tensor) -> Tensor:
    normed = (taken[:, 0] - module.running_mean[0]) / torch.sqrt(module.running_var[0] + module.eps)
    return (gradient[:, 0] * normed).flatten(1).sum(1)


def _channel(module: nn.Module, tensor: Tensor) -> Tensor:
    """The first channel, which a linear layer has last."""
    return tensor[..., :1] if isinstance(module, nn.Linear) else tensor[:, :1]


# From a module, its input and the gradient of its output to that of a weight, (B,), by the weight's name.
_PULLS: dict[type[nn.Module], dict[str, Callable[[Any, Tensor, Tensor], Tensor]]] = {
    nn.Conv2d: {"weight": _of_convolution, "bias": _of_bias},
    nn.Linear: {"weight": _of_linear, "bias": _of_bias},
    nn.BatchNorm2d: {"weight": _of_norm, "bias": _of_bias},
}
