"""What graphs hold of networks that do something else in training, and what they say is not held."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.graphs.tracing.random_modules import Call
from tests.graphs.tracing.test_attributes import SHAPE, of
from torch import Tensor, nn
from torch.nn import functional

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import function_hash, sharing_key, trace


def test_what_the_other_mode_does_is_not_held():
    class Switched(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if self.training else 2 * x

    graphs = [trace(Switched().train(mode), SHAPE) for mode in (True, False)]
    assert not any(graph.complete for graph in graphs)


def _factor(module: nn.Module) -> float:
    return 2.0 if module.training else 1.0


def _passed_on(run: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
    return lambda module, x: run(module, x)


class _Indirect(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * _factor(self)


class _ByName(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if getattr(self, "training") else x  # noqa: B009


class _Decorated(nn.Module):
    @_passed_on
    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if self.training else x


class _Noted(nn.Module):
    def train(self, mode: bool = True) -> "_Noted":
        self.factor = 2.0 if mode else 1.0
        return super().train(mode)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


@pytest.mark.parametrize("kind", [_Indirect, _ByName, _Decorated, _Noted])
def test_whoever_asks_for_the_mode_has_another_answer_in_the_other_one(kind):
    assert not any(trace(kind().train(mode), SHAPE).complete for mode in (True, False))
    module = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))
    assert trace(module, SHAPE).complete
    assert "training" not in vars(nn.Module)


def _norm_of_mode(mode: bool | None) -> nn.Module:
    if mode is None:
        return nn.BatchNorm2d(8)
    norm = nn.BatchNorm2d(8)
    return Call(
        lambda s, x: functional.batch_norm(
            x, s.n.running_mean, s.n.running_var, s.n.weight, s.n.bias, training=mode
        ),
        n=norm,
    )


# Functions that the network's own code runs in one mode, whichever it is in, beside layers that follow it.
ALWAYS = {
    "dropout": [nn.Dropout(0.5), of(lambda x: functional.dropout(x, 0.5))],
    "dropout of channels": [nn.Dropout2d(0.5), of(lambda x: functional.dropout2d(x, 0.5))],
    "batch norm": [_norm_of_mode(mode) for mode in (None, True, False)],
    "instance norm": [
        nn.InstanceNorm2d(8, track_running_stats=True),
        *(
            Call(
                lambda s, x, mode=mode: functional.instance_norm(
                    x, s.n.running_mean, s.n.running_var, None, None, mode
                ),
                n=nn.InstanceNorm2d(8, track_running_stats=True),
            )
            for mode in (True, False)
        ),
    ],
}


@pytest.mark.parametrize("name", ALWAYS)
def test_functions_of_one_mode_are_not_those_that_follow_it(name):
    for mode in (True, False):
        graphs = [trace(module.train(mode), SHAPE) for module in ALWAYS[name]]
        assert len({sharing_key(graph, place) for place, graph in enumerate(graphs)}) == len(graphs)
    for module in ALWAYS[name][1:]:
        trained, fixed = trace(module.train(), SHAPE), trace(module.eval(), SHAPE)
        assert trained.complete
        assert function_hash(trained) == function_hash(fixed)


def test_layers_of_a_class_of_ones_own_follow_the_mode():
    class Own(nn.BatchNorm2d):
        pass

    assert function_hash(trace(Own(8), SHAPE)) == function_hash(trace(nn.BatchNorm2d(8), SHAPE))


def test_norms_that_count_their_batches():
    counting = nn.BatchNorm2d(8, momentum=None)
    assert not trace(counting.eval(), SHAPE).complete
    with pytest.raises(InputError, match="momentum=None"):
        trace(counting.train(), SHAPE)
