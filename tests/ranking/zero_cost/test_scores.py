from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from contrastive_nas.ranking.zero_cost.az_nas import az_nas_scores, block_features
from contrastive_nas.ranking.zero_cost.proxies import PROXY_NAMES, zero_cost_scores
from contrastive_nas.ranking.zero_cost.scores import activation_scores, gradient_scores, synflow
from contrastive_nas.spaces.nasbench201 import NASBench201

SHAPE = (3, 8, 8)


def small_network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    )


def test_synflow_of_linear_layers_is_the_flow_through_absolute_weights_once_a_layer() -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(12, 7, bias=False), nn.Linear(7, 3, bias=False)
    through = (
        second.weight.abs().double().detach() @ first.weight.abs().double().detach() @ torch.ones(12).double()
    )
    found = synflow(nn.Sequential(nn.Flatten(), first, second), (3, 2, 2))["synflow"]
    assert found == pytest.approx(float(torch.log1p(2 * through.sum())), rel=1e-12)


def test_synflow_counts_nothing_that_reaches_no_output() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    alone = synflow(network, (3, 2, 2))
    network.unused = nn.Linear(4, 4)
    network.forward = lambda x: network[1](network[0](x))  # type: ignore[method-assign]
    assert synflow(network, (3, 2, 2)) == alone


def test_gradient_scores_are_their_formulas() -> None:
    torch.manual_seed(1)
    network = small_network()
    batches = [(torch.randn(6, *SHAPE), torch.randint(5, (6,))) for _ in range(2)]
    gradients = []
    for images, classes in batches:
        network.zero_grad()
        nn.functional.cross_entropy(network(images), classes).backward()
        gradients.append([p.grad.numpy().copy() for p in network.parameters() if p.ndim > 1])
    weights = [p.detach().numpy() for p in network.parameters() if p.ndim > 1]
    found = gradient_scores(network, batches)
    expected_snip = sum(np.abs(w * g).sum() for w, g in zip(weights, gradients[0], strict=True))
    expected_zico = 0.0
    for layer in zip(*gradients, strict=True):
        size = np.abs(np.stack(layer)).reshape(2, -1).astype(np.float64)
        mean, deviation = size.mean(axis=0), size.std(axis=0)
        expected_zico += np.log((mean[deviation > 0] / deviation[deviation > 0]).sum())
    assert found["snip"] == pytest.approx(expected_snip, rel=1e-4)
    assert found["gradient_norm"] == pytest.approx(sum(np.linalg.norm(g) for g in gradients[0]), rel=1e-4)
    assert found["zico"] == pytest.approx(expected_zico, rel=1e-3)


def test_naswot_is_the_determinant_of_what_codes_have_in_common() -> None:
    torch.manual_seed(2)
    layer = nn.Linear(12, 40)
    images = torch.randn(5, 3, 2, 2)
    codes = (layer(images.flatten(1)) > 0).numpy()
    kernel = np.array([[(one == other).sum() for other in codes] for one in codes])
    found = activation_scores(nn.Sequential(nn.Flatten(), layer, nn.ReLU(), nn.Linear(40, 2)), images)
    assert found["naswot"] == pytest.approx(np.linalg.slogdet(kernel)[1], rel=1e-6)


def test_jacobian_covariance_prefers_images_that_are_treated_differently() -> None:
    torch.manual_seed(3)
    images = torch.randn(8, *SHAPE)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(192, 5))
    curved = nn.Sequential(nn.Flatten(), nn.Linear(192, 400), nn.ReLU(), nn.Linear(400, 5))
    all_alike = activation_scores(linear, images)["jacobian_covariance"]
    # One eigenvalue is 8, seven are 0.
    expected = -(np.log(8 + 1e-5) + 1 / 8 + 7 * (np.log(1e-5) + 1e5))
    assert all_alike == pytest.approx(expected, rel=1e-2)
    assert activation_scores(curved, images)["jacobian_covariance"] > all_alike


def test_blocks_are_the_members_of_the_longest_chain() -> None:
    space = NASBench201(cells=2)
    network = space.build(space.sample(np.random.default_rng(0), 1)[0])
    shapes = [tuple(feature.shape[1:]) for feature in block_features(network, torch.randn(2, 3, 32, 32))]
    assert shapes == [(16, 32, 32)] * 3 + [(32, 16, 16)] * 3 + [(64, 8, 8)] * 3


def test_white_features_are_as_expressive_as_they_have_channels() -> None:
    torch.manual_seed(4)
    network = nn.Sequential(nn.Identity(), nn.Identity())
    found = az_nas_scores(network, torch.randn(64, 6, 16, 16))
    assert found["expressivity"] == pytest.approx(3 * np.log(6), rel=1e-3)
    assert found["progressivity"] == pytest.approx(0, abs=1e-6)
    assert found["trainability"] == -np.inf


def test_trainability_is_best_where_the_largest_singular_value_is_one() -> None:
    def scaled(factor: float) -> nn.Module:
        class Scale(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x.flip(1) * factor

        return nn.Sequential(Scale(), Scale())

    found = [az_nas_scores(scaled(s), torch.randn(64, 4, 16, 16))["trainability"] for s in (0.5, 1.0, 2.0)]
    assert found[1] > found[0]
    assert found[1] > found[2]
    assert found[1] == pytest.approx(0, abs=0.01)


def test_a_network_without_blocks_has_no_az_nas_scores() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(192, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x.flatten(1))

    assert np.isnan(list(az_nas_scores(Bare(), torch.randn(4, *SHAPE)).values())).all()


@pytest.mark.parametrize(
    "build", [small_network, lambda: NASBench201(cells=1).build(NASBench201().decode([3] * 6))]
)
def test_all_scores_repeat_and_leave_the_generator_alone(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first, second = (zero_cost_scores(build, (3, 32, 32), seed=5) for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert first.values == second.values
    assert set(first.values) == set(PROXY_NAMES)
    assert np.isfinite(list(first.values.values())).all()
    assert zero_cost_scores(build, (3, 32, 32), seed=6).values != first.values
    assert all(seconds > 0 for seconds in first.seconds.values())
