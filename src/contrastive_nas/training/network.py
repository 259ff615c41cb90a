"""The network of a run: built from its space, measured, checked against the images."""

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_output_elements
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.spaces.registry import load_space
from contrastive_nas.training.seeding import seed_generators

_LATENCY_RUNS = 20
# AVX-512; AVX2 has 8, but a network's weights shall not depend on the processor.
_FLOATS_IN_REGISTER = 16


@dataclass(frozen=True)
class NetworkName:
    """What a network is built from.

    Attributes:
        space: name of a space, or ``file.py:Class``.
        space_options: its options.
        architecture: a network of the space.
    """

    space: str
    space_options: dict[str, Any]
    architecture: str


@dataclass(frozen=True)
class Built:
    """A network with fresh weights.

    Attributes:
        network: in training mode.
        channels: of its images.
        size: edge of its images in pixels.
        classes: its outputs.
        macs: multiply-accumulates for one image.
        parameters: trainable ones.
        elements: outputs of all its operations for one image.
    """

    network: nn.Module
    channels: int
    size: int
    classes: int
    macs: int
    parameters: int
    elements: int


def build_network(name: NetworkName, size: int | None = None, seed: int = 0) -> Built:
    """Build a network; equal seeds give equal weights.

    Args:
        name: space and architecture.
        size: edge of the images in pixels; None for that of the architecture.
        seed: of the weights.

    Raises:
        InputError: an unknown space or architecture, or a network that does not take such images.
    """
    space = load_space(name.space, **name.space_options)
    channels, height, width = space.image_shape(name.architecture)
    if height != width:
        raise InputError(
            f"{name.architecture!r} takes images of {height} x {width}; retraining needs square images"
        )
    seed_generators("weights", seed)
    network = space.build(name.architecture)
    size = size or height
    try:
        classes = count_outputs(network, channels, size)
    except InputError as error:
        raise InputError(f"{name.architecture!r} {error}") from None
    batch = GraphBatch.from_graphs([space.graph(name.architecture)])
    return Built(
        network=network.train(),
        channels=channels,
        size=size,
        classes=classes,
        macs=int(graph_multiply_accumulates(batch)[0]),
        parameters=sum(weight.numel() for weight in network.parameters() if weight.requires_grad),
        elements=int(graph_output_elements(batch)[0]),
    )


def latency(network: nn.Module, channels: int, size: int) -> float:
    """Return median milliseconds of a forward pass of one image on this machine's CPU, in evaluation mode."""
    network.eval()
    image = torch.zeros(1, channels, size, size)
    seconds = []
    with torch.inference_mode():
        for _ in range(_LATENCY_RUNS):
            started = time.perf_counter()
            network(image)
            seconds.append(time.perf_counter() - started)
    return 1e3 * sorted(seconds)[len(seconds) // 2]


def count_outputs(network: nn.Module, channels: int, size: int) -> int:
    """Return number of logits that a network gives for an image.

    Raises:
        InputError: it does not take such images, or gives something else.
    """
    network.eval()
    try:
        with torch.inference_mode():
            logits = network(torch.zeros(1, channels, size, size))
    except RuntimeError as error:
        raise InputError(f"does not take images of {size} pixels: {error}") from None
    if logits.ndim != 2:
        raise InputError(f"returns {tuple(logits.shape)}, not (batch, classes)")
    return int(logits.shape[1])


def channels_last_is_safe(network: nn.Module) -> bool:
    """Return whether a network can be trained on the CPU with channels last in memory.

    oneDNN's backward pass of a strided 1x1 convolution writes outside of its memory where it reads fewer
    channels than fill a vector register of floats; weights or the whole process are lost (its issue 6035).
    """
    return not any(
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (1, 1)
        and max(layer.stride) > 1
        and layer.in_channels < _FLOATS_IN_REGISTER
        for layer in network.modules()
    )
