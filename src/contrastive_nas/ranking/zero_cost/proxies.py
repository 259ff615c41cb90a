"""All zero-cost proxies of one network, from real forward and backward passes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from contrastive_nas.ranking.zero_cost.az_nas import az_nas_scores
from contrastive_nas.ranking.zero_cost.scores import activation_scores, gradient_scores, synflow
from contrastive_nas.ranking.zero_cost.vkdnw import vkdnw

PROXIES: dict[str, tuple[str, ...]] = {
    "synflow": ("synflow",),
    "gradients": ("snip", "gradient_norm", "zico"),
    "activations": ("naswot", "jacobian_covariance"),
    "az_nas": ("expressivity", "progressivity", "trainability"),
    "fisher": ("vkdnw",),
}
"""Names of proxies by the passes that they share."""
PROXY_NAMES: tuple[str, ...] = tuple(name for names in PROXIES.values() for name in names)


@dataclass(frozen=True)
class ProxyScores:
    """What the proxies say of a network.

    Attributes:
        values: by name of the proxy; higher is better. NaN or minus infinity where one is not defined.
        seconds: processor seconds by group of ``PROXIES``.
    """

    values: dict[str, float]
    seconds: dict[str, float]


def zero_cost_scores(
    build: Callable[[], nn.Module],
    input_shape: tuple[int, int, int],
    *,
    seed: int,
    images: Tensor | None = None,
    groups: Sequence[str] = tuple(PROXIES),
) -> ProxyScores:
    """Score a freshly built network by all proxies, each group on a network of its own with the same
    weights.

    Args:
        build: gives the network with random weights.
        input_shape: (C, H, W) of an image.
        seed: of weights, noise and classes.
        images: a batch of images, (batch, C, H, W), for the proxies of gradients and activations; standard
            normal noise where there is none. AZ-NAS and VKDNW always take noise, synflow an image of ones.
        groups: those of ``PROXIES`` that are computed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        noise = torch.randn(BATCH, *input_shape)
        images = torch.randn(BATCH, *input_shape) if images is None else images
        classes = _class_count(build, images)
        numbers = torch.randint(classes, (len(images),))
        half = len(images) // 2
        batches = [(images[:half], numbers[:half]), (images[half:], numbers[half:])]
        passes: dict[str, Callable[[nn.Module], dict[str, float]]] = {
            "synflow": lambda network: synflow(network, input_shape),
            "gradients": lambda network: gradient_scores(network, batches),
            "activations": lambda network: activation_scores(network, images),
            "az_nas": lambda network: az_nas_scores(network, noise),
            "fisher": lambda network: vkdnw(network, noise),
        }
        values: dict[str, float] = {}
        seconds: dict[str, float] = {}
        for name in groups:
            torch.manual_seed(seed)
            started = time.process_time()
            values |= passes[name](_without_side_effects(build()))
            seconds[name] = time.process_time() - started
    return ProxyScores(values, seconds)


BATCH = 64


def _class_count(build: Callable[[], nn.Module], images: Tensor) -> int:
    with torch.no_grad():
        return build().eval()(images[:1]).shape[1]


def _without_side_effects(network: nn.Module) -> nn.Module:
    """Activations that overwrite their input would spoil what other modules gave."""
    for module in network.modules():
        if hasattr(module, "inplace"):
            module.inplace = False  # type: ignore[assignment]
    return network
