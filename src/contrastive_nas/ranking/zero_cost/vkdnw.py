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
    """Return ``vkdnw``: n + H, the number n of weight tensors and the entropy H of the spectrum, at most ln
    9.

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
    """Return derivatives of every logit of every image by the first element of the first ``TENSORS`` weight
    tensors.

    One backward pass a class: the derivative for one image is read from what a weight's module took and what
    its output is pulled by, so that no gradient of a whole tensor is computed.

    Args:
        network: in evaluation mode; its weights are followed by autograd no more.
        images: (B, C, H, W).

    Returns:
        (B, classes, weights) and the logits, (B, classes), in double precision.
    """
    network.requires_grad_(False)
    modules = [module for module in network.modules() if isinstance(module, tuple(_SEEN))]
    weights = [weight for module in modules for weight in module.parameters(recurse=False)][:TENSORS]
    columns = {id(weight): column for column, weight in enumerate(weights)}
    outputs: list[Tensor] = []
    # Of every call of a module its output's number, and of each weight what it meets there, and its column.
    met: list[tuple[int, nn.Module, Tensor, int]] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen = next(seen for kind, seen in _SEEN.items() if isinstance(module, kind))
        for name, weight in module.named_parameters(recurse=False):
            if id(weight) in columns:
                value = seen[name](module, inputs[0].detach(), output.detach())
                met.append((len(outputs), module, value, columns[id(weight)]))
        outputs.append(output)

    hooks = [module.register_forward_hook(note) for module in modules]
    # Weights are not followed, so the images must be.
    logits = network(images.clone().requires_grad_())
    for hook in hooks:
        hook.remove()
    jacobian = torch.zeros(*logits.shape, len(weights), dtype=torch.float64)
    for number in range(logits.shape[1]):
        pulled = torch.autograd.grad(logits[:, number].sum(), outputs, retain_graph=True, allow_unused=True)
        for call, module, value, column in met:
            gradient = pulled[call]
            if gradient is not None:
                products = _first_channel(module, gradient) * value
                jacobian[:, number, column] += products.flatten(1).sum(1).double()
    return jacobian, logits.detach().double()


def _first_channel(module: nn.Module, tensor: Tensor) -> Tensor:
    """Of what a module takes or gives; a linear layer has its channels last."""
    return tensor[..., :1] if isinstance(module, nn.Linear) else tensor[:, :1]


def _by_bias(module: Any, taken: Tensor, output: Tensor) -> Tensor:
    return torch.ones(())


def _by_convolution(module: Any, taken: Tensor, output: Tensor) -> Tensor:
    """The upper left weight of the first kernel meets every stride-th pixel of the first channel."""
    padded = nn.functional.pad(
        taken[:, :1],
        module._reversed_padding_repeated_twice,
        mode="constant" if module.padding_mode == "zeros" else module.padding_mode,
    )
    seen = padded[:, :, :: module.stride[0], :: module.stride[1]]
    return seen[:, :, : output.shape[2], : output.shape[3]]


def _by_linear(module: Any, taken: Tensor, output: Tensor) -> Tensor:
    return _first_channel(module, taken)


def _by_norm(module: Any, taken: Tensor, output: Tensor) -> Tensor:
    return (taken[:, :1] - module.running_mean[0]) / torch.sqrt(module.running_var[0] + module.eps)


# What the first element of a weight is multiplied by on its way to the first channel of the output, from the
# module, its input and its output, by the weight's name.
_SEEN: dict[type[nn.Module], dict[str, Callable[[Any, Tensor, Tensor], Tensor]]] = {
    nn.Conv2d: {"weight": _by_convolution, "bias": _by_bias},
    nn.Linear: {"weight": _by_linear, "bias": _by_bias},
    nn.BatchNorm2d: {"weight": _by_norm, "bias": _by_bias},
}
