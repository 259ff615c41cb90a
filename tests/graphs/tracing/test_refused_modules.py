"""Modules that cannot be traced: one line each, with the user's line at fault or what to give instead."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import canonical, trace


class Call(nn.Module):
    """A layer, then a function of what it gives and of the images."""

    def __init__(self, call: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.call, self.layer = call, nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Any:
        return self.call(self.layer(x), x)


NUMBERS: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "item": lambda y, x: y * x.mean().item(),
    "item of a maximum": lambda y, x: y[:, : int(x.argmax())],
    "float": lambda y, x: y * float(x.mean()),
    "list": lambda y, x: y * x.mean((1, 2, 3)).tolist()[0],
    "positions": lambda y, x: y[y > 0],
    "how many": lambda y, x: torch.nonzero(y).sum(1),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_c1_numbers_from_the_images_name_the_line(name: str) -> None:
    with pytest.raises(InputError, match=r"test_refused_modules\.py, line \d+ \(.*the images") as told:
        trace(Call(NUMBERS[name]), (3, 8, 8))
    assert "\n" not in str(told.value)


def test_c1_numbers_that_nobody_reads_do_no_harm() -> None:
    def read(y: Tensor, x: Tensor) -> Tensor:
        x.mean().item()
        return y

    assert len(canonical(trace(Call(read), (3, 8, 8)))) == 3


def scripted() -> nn.Module:
    return torch.jit.script(nn.Sequential(nn.Linear(8, 4), nn.ReLU()))


def quantised() -> nn.Module:
    with pytest.warns(DeprecationWarning, match="deprecated"):
        return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)))


class Two(nn.Module):
    """Wants two inputs."""

    def forward(self, x: Tensor, y: Tensor, z: int = 1) -> Tensor:
        return x + y * z


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (scripted, r"scripted or traced module; give the nn\.Module"),
        (lambda: nn.Sequential(nn.ReLU(), scripted()), "its part 1 is a scripted"),
        (lambda: torch.jit.trace(nn.Conv2d(3, 8, 3), torch.ones(1, 3, 8, 8)), "scripted or traced module"),
        (quantised, "quantised .*give the float module"),
        (Two, r"takes 2 inputs \(x, y\); give a module with one"),
    ],
)
def test_u5_modules_of_other_kinds_are_told_what_to_give(module: Callable[[], nn.Module], told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        trace(module(), (3, 8, 8))
    assert "/lib/python3" not in str(error.value)


def test_u5_shapes_may_be_integers_of_numpy() -> None:
    module = nn.Conv2d(3, 8, 3)
    expected = trace(module, (3, 8, 8))
    for shape in (tuple(np.array([3, 8, 8])), np.array([3, 8, 8], dtype=np.uint8), torch.Size([3, 8, 8])):
        assert np.array_equal(trace(module, shape).features, expected.features)


class Divided(nn.Module):
    """Asserts that the batch has parts."""

    def forward(self, x: Tensor) -> Tensor:
        assert len(x) % 8 == 0, "the batch has to be divisible by 8"
        return x


@pytest.mark.parametrize(
    "module",
    [Divided(), Call(lambda y, _: y.view(-1, 8, *y.shape[1:]))],
)
def test_u12_parts_of_a_batch_are_explained(module: nn.Module) -> None:
    with pytest.raises(InputError, match=r"tracing uses a batch of 1,013 images"):
        trace(module, (3, 7, 7))
