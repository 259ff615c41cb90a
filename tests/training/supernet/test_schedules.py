"""Losses of sub-networks: gradients of divergences, and what a teacher is asked for."""

import numpy as np
import torch
from tests.training.generated import GROUP_NORM_SPACE
from torch import Tensor
from torch.nn import functional

from contrastive_nas.spaces import load_space
from contrastive_nas.training.loss import TrainingLoss, distillation_loss
from contrastive_nas.training.recipe import load_recipe
from contrastive_nas.training.supernet.schedules import Progressive, adaptive_alpha, kullback_leibler
from contrastive_nas.training.supernet.shared_weights import Supernet


def test_gradients_are_those_of_the_divergences() -> None:
    """Without bounds: autograd of D_1 and D_-1, written out, on images whose larger divergence is known."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(32, 7, dtype=torch.float64, generator=generator, requires_grad=True)
    wanted = torch.randn(32, 7, dtype=torch.float64, generator=generator)
    p, q = wanted.softmax(1), logits.softmax(1)
    forward = (p * (p / q).log()).sum(1)
    backward = (q * ((q / p) - 1.0)).sum(1) / 2.0
    assert 0 < int((forward > backward).sum()) < 32
    (true,) = torch.autograd.grad(torch.maximum(forward, backward).mean(), logits)
    (found,) = torch.autograd.grad(adaptive_alpha(logits, wanted, largest_weight=1e9), logits)
    torch.testing.assert_close(found, true)


def test_divergence_of_equal_outputs_has_no_gradient() -> None:
    wanted = torch.randn(8, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for divergence in (kullback_leibler, adaptive_alpha):
        logits = wanted.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(divergence(logits, wanted), logits)
        assert gradient.abs().max() < 1e-12


def test_a_teacher_is_asked_once_for_an_update() -> None:
    """Losses by hand from the teacher's outputs; no paths, so that its largest network teaches all."""
    space = load_space(GROUP_NORM_SPACE)
    supernet, teacher = Supernet(space, seed=0).train(), Supernet(space, seed=1).train()
    asked: list[Tensor] = []
    teacher.register_forward_hook(lambda _module, _inputs, logits: asked.append(logits))
    loss = TrainingLoss(load_recipe("digits"))
    schedule = Progressive(loss, 4, supernet.subnetworks.groups, teacher, weight=0.25, temperature=2.0)
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(6, 1, 8, 8, generator=generator), torch.arange(6)
    found = list(schedule.losses(supernet, np.random.default_rng(0), images, labels))
    assert len(found) == 4
    assert len(asked) == 1
    rng = np.random.default_rng(0)
    for one in found:
        logits = supernet(images, supernet.subnetworks.sample(rng))
        learned = distillation_loss(logits, asked[0], 2.0)
        expected = 0.75 * functional.cross_entropy(logits, labels) + 0.25 * learned
        torch.testing.assert_close(one, expected)
