"""Which networks are trained with channels last in memory."""

import pytest
import torch
from torch import nn

from contrastive_nas.spaces import load_space
from contrastive_nas.training.network import channels_last_is_safe


@pytest.mark.parametrize(
    ("layer", "safe"),
    [
        (nn.Conv2d(4, 16, 1, stride=2), False),
        (nn.Conv2d(8, 16, 1, stride=(1, 2)), False),
        (nn.Conv2d(16, 4, 1, stride=2), True),
        (nn.Conv2d(4, 16, 1), True),
        (nn.Conv2d(4, 16, 3, stride=2, padding=1), True),
        (nn.Linear(4, 16), True),
    ],
)
def test_strided_pointwise_layers_of_few_channels_are_left_out(layer: nn.Module, safe: bool) -> None:
    assert channels_last_is_safe(nn.Sequential(nn.ReLU(), nn.Sequential(layer))) == safe


def test_weights_learn_the_same_in_the_format_that_is_chosen() -> None:
    """Beside plain loops: the gradient of a strided 1x1 layer is a sum over positions and images."""
    layer = nn.Conv2d(4, 16, 1, stride=2, bias=False)
    assert not channels_last_is_safe(layer)
    images, upper = torch.rand(64, 4, 8, 8), torch.rand(64, 16, 4, 4)
    layer(images).backward(upper)
    expected = torch.einsum("bohw,bihw->oi", upper, images[:, :, ::2, ::2])
    torch.testing.assert_close(layer.weight.grad[:, :, 0, 0], expected, rtol=1e-4, atol=1e-3)


def test_networks_of_both_kinds_are_in_the_digits_space() -> None:
    space = load_space("compact_cnn")
    wide, narrow = (f"s16|plain:k3d1w{width}|plain:k1d1w32|plain:k3d1w32" for width in (32, 4))
    assert channels_last_is_safe(space.build(wide))
    assert not channels_last_is_safe(space.build(narrow))
