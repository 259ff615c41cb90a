import itertools
import math

import pytest
import torch

from contrastive_nas.search.strategies.policy import Policy

WIDTHS = (2, 3, 4)


def trained_policy() -> Policy:
    """Some policy far from uniform."""
    policy = Policy(WIDTHS, hidden=8, seed=1)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in (policy.heads, policy.biases):
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return policy


def everything() -> torch.Tensor:
    return torch.tensor(list(itertools.product(*(range(width) for width in WIDTHS))))


def test_starts_uniform():
    log_probability, entropy = Policy(WIDTHS)(everything())
    torch.testing.assert_close(log_probability, torch.full((24,), -math.log(24)))
    torch.testing.assert_close(entropy, torch.full((24,), math.log(24)))


def test_probabilities_sum_to_one():
    log_probability, _ = trained_policy()(everything())
    assert float(log_probability.detach().exp().sum()) == pytest.approx(1, abs=1e-5)


def test_expected_conditional_entropy_is_the_joint_entropy():
    log_probability, entropy = trained_policy()(everything())
    expected = -(log_probability.exp() * log_probability).sum()
    torch.testing.assert_close((log_probability.exp() * entropy).sum(), expected)


def test_samples_follow_the_probabilities():
    policy, points, count = trained_policy(), everything(), 100_000
    samples = policy.sample(count, torch.Generator().manual_seed(0))
    code = samples @ torch.tensor([12, 4, 1])
    assert torch.equal(points @ torch.tensor([12, 4, 1]), torch.arange(24))
    frequency = torch.bincount(code, minlength=24) / count
    torch.testing.assert_close(frequency, policy(points)[0].exp(), atol=0.006, rtol=0)


def test_same_seed_same_samples():
    first, second = (Policy(WIDTHS, seed=3).sample(5, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, second)
