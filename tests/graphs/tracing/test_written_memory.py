"""What a module writes in place shows in all views of that memory, and in nothing else."""

import pytest
import torch
from tests.graphs.tracing.random_modules import Call
from tests.graphs.tracing.test_attributes import SHAPE
from torch import Tensor, nn

from contrastive_nas.graphs import function_hash, sharing_key, trace


def _slice_of_written(x: Tensor, write: bool) -> Tensor:
    part = x[:, :4]
    x.mul_(2) if write else x.mul(2)
    return part + 0.5


def _whole_of_written(x: Tensor, write: bool) -> Tensor:
    part = x.chunk(2, 1)[0]
    part.mul_(2) if write else part.mul(2)
    return x + 0.5


def _neighbour_of_written(x: Tensor, write: bool) -> Tensor:
    part, other = x[:, :4], x[:, 2:6]
    part.mul_(2) if write else part.mul(2)
    return other + 0.5


def _written_without_gradients(x: Tensor, write: bool) -> Tensor:
    with torch.no_grad():
        x.mul_(2) if write else x.mul(2)
    return x + 0.5


def _constant_that_is_written(x: Tensor, write: bool) -> Tensor:
    whole = torch.zeros(8, 6, 6)
    part = whole[:4]
    whole.add_(1) if write else whole.add(1)
    return x[:, :4] + part


def _alias_of_written(x: Tensor, write: bool) -> Tensor:
    same = x.view_as(x)
    same.mul_(2) if write else same.mul(2)
    return x + 0.5


@pytest.mark.parametrize(
    "run",
    [
        _slice_of_written,
        _whole_of_written,
        _neighbour_of_written,
        _written_without_gradients,
        _constant_that_is_written,
        _alias_of_written,
    ],
)
def test_what_is_written_into_memory_shows_in_all_its_views(run):
    written, left = (
        trace(Call(lambda s, x, w=w: run(s.c(x), w), c=nn.Conv2d(8, 8, 1)), SHAPE) for w in (True, False)
    )
    assert sharing_key(written, 0) != sharing_key(left, 1)


@pytest.mark.parametrize(
    "cut", [lambda x: x.chunk(2, 1), lambda x: (x[:, ::2], x[:, 1::2]), lambda x: (x[:, 0], x[:, 1])]
)
def test_parts_that_do_not_meet_may_be_written_apart(cut):
    def run(x: Tensor, write: bool) -> Tensor:
        part, other = cut(x)
        return torch.cat([part.relu_() if write else part.relu(), other.sigmoid()], 1)

    written, left = (
        trace(Call(lambda s, x, w=w: run(s.c(x), w), c=nn.Conv2d(8, 8, 1)), SHAPE) for w in (True, False)
    )
    assert written.complete
    assert function_hash(written) == function_hash(left)
