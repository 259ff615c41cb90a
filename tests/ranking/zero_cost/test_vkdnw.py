"""Fisher information of first weights, against derivatives of whole tensors and the formula as it stands."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev

from contrastive_nas.ranking.zero_cost.vkdnw import SMOOTHING, first_weight_jacobian, vkdnw


class Small(nn.Module):
    """Strides, paddings, groups, a bias everywhere, and one module that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.twice = nn.Conv2d(4, 4, 3, padding="same", dilation=2, groups=2)
        self.mirrored = nn.Conv2d(4, 5, 3, padding=1, padding_mode="reflect", bias=False)
        self.last = nn.Linear(5, 6)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = torch.relu(self.norm(self.first(images)))
        features = torch.tanh(self.twice(torch.tanh(self.twice(features))))
        return self.last(self.mirrored(features).mean((2, 3)))


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    made = Small().eval()
    made.norm.running_mean.normal_()
    made.norm.running_var.uniform_(0.5, 2)
    return made


def test_derivatives_are_those_of_autograd(network: nn.Module) -> None:
    images = torch.randn(7, 3, 12, 10)
    weights = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    whole = jacrev(lambda given: functional_call(network, given, (images,)))(weights)
    expected = torch.stack([part.flatten(2)[:, :, 0] for part in whole.values()], dim=2)
    found, logits = first_weight_jacobian(network, images)
    torch.testing.assert_close(found.float(), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(logits.float(), network(images))


def test_score_is_the_formula(network: nn.Module) -> None:
    images = torch.randn(5, 3, 12, 10)
    torch.manual_seed(1)
    found = vkdnw(network, images)["vkdnw"]
    # The network now has the weights that were drawn.
    jacobian, logits = (part.numpy() for part in first_weight_jacobian(network, images))
    information = np.zeros((9, 9))
    for of_image, answers in zip(jacobian, logits, strict=True):
        likely = np.exp(answers) / np.exp(answers).sum() * (1 - SMOOTHING) + SMOOTHING / 6
        information += of_image.T @ (np.diag(likely) - np.outer(likely, likely)) @ of_image / 5
    deciles = np.quantile(np.linalg.eigvalsh(information), np.arange(0.1, 1, 0.1))
    shares = deciles / deciles.sum()
    assert found == pytest.approx(9 - (shares * np.log(shares)).sum(), abs=1e-6)
    assert 9 < found <= 9 + np.log(9)


def test_a_network_that_answers_the_same_whatever_its_weights_has_no_score() -> None:
    class Silent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unheard = nn.Conv2d(3, 4, 3)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return 0 * self.unheard(images).mean((2, 3))

    assert np.isnan(vkdnw(Silent(), torch.randn(4, 3, 8, 8))["vkdnw"])
