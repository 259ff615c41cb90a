"""A supernet restricted to a sub-network is the extracted network, and gradients reach its part alone."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import load_space
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.training.supernet.shared_weights import Supernet

# Small images, where sizes are choices.
SPACES: dict[str, dict[str, Any]] = {
    "compact_cnn": {},
    "mobilenet_v3": {"resolutions": (32, 64), "classes": 10},
    "proxyless": {"resolutions": (32, 64), "classes": 10, "width": 1.0},
    "resnet50": {"resolutions": (32, 64), "classes": 10},
    "nasbench201": {"channels": 4, "cells": 1, "input_shape": (3, 8, 8)},
    "darts": {"channels": 4, "layers": 4, "input_shape": (3, 16, 16)},
}
COMPACT = "s8|plain:k3d2w16|inverted:k3d1e1w4|residual:k1d2e2w16"
MOBILE = "32|k5e4,k7e3|k3e6,k5e4,k3e3|k3e3,k3e3|k7e6,k7e6|k3e4,k5e3"


def supernet_of(name: str, seed: int = 0) -> Supernet:
    """A supernet in float64 in which nothing is at its first value."""
    torch.manual_seed(seed)
    supernet = Supernet(load_space(name, **SPACES[name]), seed).double()
    with torch.no_grad():
        for name, tensor in supernet.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2.0)
            elif tensor.is_floating_point():
                tensor.add_(0.1 * torch.randn_like(tensor))
    return supernet


def images_for(space: SearchSpace, architecture: str) -> Tensor:
    shape = space.image_shape(architecture)
    return torch.randn(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def check_equal(supernet: Supernet, architecture: str) -> None:
    """Outputs of supernet and extracted network agree, and the latter is one of the space's own."""
    images = images_for(supernet.space, architecture)
    supernet.eval()
    extracted = supernet.extract(architecture)
    with torch.no_grad():
        torch.testing.assert_close(supernet(images, architecture), extracted(images), rtol=1e-5, atol=1e-9)
        wanted = extracted.float()(images.float())
        found = supernet.float()(images.float(), architecture)
    supernet.double()
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)
    own = supernet.space.build(architecture)
    assert sum(map(torch.numel, extracted.parameters())) == sum(map(torch.numel, own.parameters()))
    assert extracted.state_dict().keys() == own.state_dict().keys()


@pytest.mark.parametrize("name", SPACES)
def test_subnetworks_equal_extracted_networks(name: str) -> None:
    supernet = supernet_of(name)
    rng = np.random.default_rng(0)
    drawn = [supernet.subnetworks.sample(rng) for _ in range(2 if name == "resnet50" else 4)]
    for architecture in [*drawn, supernet.subnetworks.smallest(drawn[0])]:
        check_equal(supernet, architecture)


@pytest.mark.slow
@pytest.mark.very_slow
@pytest.mark.parametrize("name", SPACES)
def test_200_subnetworks_equal_extracted_networks(name: str) -> None:
    supernet = supernet_of(name)
    for architecture in load_space(name, **SPACES[name]).sample(np.random.default_rng(1), 200):
        check_equal(supernet, architecture)


def test_a_masked_largest_network_is_a_narrower_one() -> None:
    """Channels that a narrower network lacks, set to zero in the largest one, leave the same outputs."""
    supernet = supernet_of("compact_cnn").eval()
    wide = "s16|plain:k5d1w32|separable:k5d1w32|plain:k5d1w32"
    narrow = "s8|plain:k5d1w16|separable:k5d1w4|plain:k5d1w16"
    network = supernet.extract(wide)
    images = images_for(supernet.space, wide)

    def keep(channels: int) -> Any:
        def mask(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
            return output * (torch.arange(output.shape[1]) < channels).to(output)[:, None, None]

        return mask

    for layer, channels in ((0, 8), (2, 16), (4, 16)):
        network[layer].register_forward_hook(keep(channels))
    # The separable block masks its depthwise convolution too; the inputs beyond are zero, but not their norm.
    network[3][0].register_forward_hook(keep(16))
    network[3].register_forward_hook(keep(4))
    with torch.no_grad():
        torch.testing.assert_close(network(images), supernet(images, narrow), rtol=1e-5, atol=1e-9)


def test_gradients_reach_the_shared_part_alone() -> None:
    supernet = supernet_of("compact_cnn").train()
    logits = supernet(images_for(supernet.space, COMPACT), COMPACT)
    logits.square().sum().backward()
    reached = {
        name.removeprefix("weights."): weight.grad != 0
        for name, weight in supernet.named_parameters()
        if weight.grad is not None
    }
    masks = {
        "stem.0.weight": (slice(0, 8),),
        "stage1.block1.plain.0.0.weight": (slice(0, 16), slice(0, 8), slice(1, 4), slice(1, 4)),
        "stage1.block2.plain.0.0.weight": (slice(0, 16), slice(0, 16), slice(1, 4), slice(1, 4)),
        "stage2.block1.inverted.expand.0.weight": (slice(0, 16), slice(0, 16)),
        "stage2.block1.inverted.depthwise.0.weight": (slice(0, 16), slice(0, 1), slice(1, 4), slice(1, 4)),
        "stage2.block1.inverted.project.0.weight": (slice(0, 4), slice(0, 16)),
        "stage3.block1.residual.first.0.weight": (slice(0, 32), slice(0, 4), slice(1, 4), slice(1, 4)),
        "stage3.block1.residual.shortcut.0.weight": (slice(0, 16), slice(0, 4)),
        "stage3.block2.residual.second.0.weight": (slice(0, 16), slice(0, 32), slice(1, 4), slice(1, 4)),
        "classifier.weight": (slice(0, 10), slice(0, 16)),
    }
    for name, part in masks.items():
        mask = torch.zeros_like(reached[name])
        mask[part] = True
        assert torch.equal(reached[name], mask), name
    assert not any("separable" in name or "stage2.block2" in name for name in reached)
    transforms = {name for name in reached if name.endswith("_matrix")}
    assert "stage1.block1.plain.0.0.5to3_matrix" in transforms
    assert "stage1.block1.plain.0.0.3to1_matrix" not in transforms
    assert "stage3.block1.residual.first.0.3to1_matrix" in transforms


def test_small_kernels_are_transformed_step_by_step() -> None:
    supernet = supernet_of("mobilenet_v3")
    part = supernet.parts(MOBILE)["1.3.layers.1.0.weight"]  # second stage, first layer: a kernel of 3
    shared = supernet.get_parameter("weights.stage2.layer1.layers.1.0.weight")
    seven_to_five = supernet.get_parameter("weights.stage2.layer1.layers.1.0.7to5_matrix")
    five_to_three = supernet.get_parameter("weights.stage2.layer1.layers.1.0.5to3_matrix")
    for channel in (0, 17, part.shape[0] - 1):
        five = (seven_to_five @ shared[channel, 0, 1:6, 1:6].reshape(25)).reshape(5, 5)
        three = (five_to_three @ five[1:4, 1:4].reshape(9)).reshape(3, 3)
        torch.testing.assert_close(part[channel, 0], three)


def test_paths_do_not_share_and_layers_keep_their_place() -> None:
    supernet = supernet_of("nasbench201")
    convolutions = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
    other = convolutions.replace("|nor_conv_3x3~0|+|nor_conv_3x3~0|", "|nor_conv_1x1~0|+|nor_conv_3x3~0|")
    name = "body.0.edges.2.1.weight"
    assert supernet.parts(convolutions)[name].data_ptr() == supernet.parts(other)[name].data_ptr()
    assert supernet.parts(convolutions)["body.0.edges.0.1.weight"].shape[2:] == (3, 3)
    assert supernet.parts(other)["body.0.edges.0.1.weight"].shape[2:] == (1, 1)
    mobile = supernet_of("mobilenet_v3")
    deeper = MOBILE.replace("|k5e4,k7e3|", "|k5e4,k7e3,k3e3|")
    first, second = (mobile.parts(name) for name in (MOBILE, deeper))
    assert first["1.4.layers.0.0.weight"].data_ptr() == second["1.5.layers.0.0.weight"].data_ptr()


def test_training_leaves_statistics_of_other_networks_alone() -> None:
    supernet = supernet_of("compact_cnn").train()
    before = {name: buffer.clone() for name, buffer in supernet.named_buffers()}
    supernet(images_for(supernet.space, COMPACT), COMPACT)
    changed = {name for name, buffer in supernet.named_buffers() if not torch.equal(buffer, before[name])}
    stem = supernet.get_buffer("weights.stem.1.running_mean")
    assert not torch.equal(stem[:8], before["weights.stem.1.running_mean"][:8])
    assert torch.equal(stem[8:], before["weights.stem.1.running_mean"][8:])
    assert not any("separable" in name for name in changed)


def test_what_has_no_supernet_is_refused() -> None:
    with pytest.raises(InputError, match=r"nasbench101 does not say how its networks share weights"):
        Supernet(load_space("nasbench101"))
    supernet = Supernet(load_space("mobilenet_v3", resolutions=(32,), classes=10))
    with pytest.raises(InputError, match="resolution '224' is not one of 32"):
        supernet.extract("224|k5e4,k7e3|k3e6,k5e4|k3e3,k3e3|k7e6,k7e6|k3e4,k5e3")
