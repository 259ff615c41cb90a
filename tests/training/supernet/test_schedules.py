"""What networks that learn from another one minimise."""

import torch

from contrastive_nas.training.supernet.schedules import adaptive_alpha, kullback_leibler


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
