"""Losses and what is put on networks, against their formulas."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from contrastive_nas.errors import InputError
from contrastive_nas.training.data.transforms import cut_out, shift_and_flip
from contrastive_nas.training.loss import Mixing, Renormalised, TrainingLoss, distillation_loss
from contrastive_nas.training.recipe import load_recipe
from contrastive_nas.training.regularisation import Regularisation, WithAuxiliaryHead
from contrastive_nas.training.seeding import seed_generators


def test_distillation_is_the_scaled_divergence() -> None:
    student, teacher = torch.randn(6, 5), torch.randn(6, 5)
    p, q = (teacher / 3).softmax(1), (student / 3).softmax(1)
    wanted = 9 * (p * (p / q).log()).sum(1).mean()
    assert distillation_loss(student, teacher, 3.0).item() == pytest.approx(wanted.item(), rel=1e-5)
    assert distillation_loss(teacher, teacher, 3.0).item() == pytest.approx(0, abs=1e-6)


def test_a_teacher_sees_images_normalised_as_its_own() -> None:
    pixels = 255 * torch.rand(4, 2, 3, 3)
    given, own = ((120.0, 90.0), (60.0, 50.0)), ((10.0, 130.0), (80.0, 20.0))
    student, teacher = (
        (pixels - torch.tensor(mean).view(2, 1, 1)) / torch.tensor(std).view(2, 1, 1)
        for mean, std in (given, own)
    )
    assert torch.allclose(Renormalised(nn.Identity(), given, own)(student), teacher, atol=1e-5)


def test_loss_adds_up() -> None:
    recipe = load_recipe(
        "digits", {"label_smoothing": 0.1, "auxiliary_weight": 0.4, "distillation": {"weight": 0.3}}
    )
    logits, auxiliary, images = torch.randn(4, 10), torch.randn(4, 10), torch.randn(4, 7)
    labels, teacher = torch.tensor([1, 2, 3, 9]), nn.Linear(7, 10)
    smooth = functional.one_hot(labels, 10) * 0.9 + 0.01
    plain = -(smooth * logits.log_softmax(1)).sum(1).mean()
    beside = -(smooth * auxiliary.log_softmax(1)).sum(1).mean()
    found = TrainingLoss(recipe, teacher)((logits, auxiliary), images, labels)
    wanted = 0.7 * plain + 0.3 * distillation_loss(logits, teacher(images), 1.0) + 0.4 * beside
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)


@pytest.mark.parametrize("count", [6, 7])
@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_mixing_keeps_shapes_and_mass(kind: str, count: int) -> None:
    mixing = Mixing(load_recipe("digits", {kind: 1.0, "label_smoothing": 0.1}), classes=10)
    seed_generators("test")
    images, targets = mixing(torch.rand(count, 1, 8, 8), torch.arange(count))
    assert images.shape == (count, 1, 8, 8)
    assert torch.allclose(targets.sum(1), torch.ones(count))


def test_shifted_and_flipped_images_are_windows() -> None:
    images = torch.arange(1, 1 + 3 * 5 * 5, dtype=torch.uint8).view(1, 3, 5, 5).repeat(64, 1, 1, 1)
    seed_generators("windows")
    found = shift_and_flip(images, padding=1, flip=True)
    padded = functional.pad(images[0], [1] * 4)
    windows = [padded[:, y : y + 5, x : x + 5] for y in range(3) for x in range(3)]
    possible = [window for straight in windows for window in (straight, straight.flip(2))]
    matches = [[torch.equal(image, window) for window in possible] for image in found]
    assert all(any(row) for row in matches)
    assert sum(map(any, zip(*matches, strict=True))) > 14


def test_cut_out_is_a_square() -> None:
    seed_generators("holes")
    found = cut_out(torch.ones(200, 3, 9, 9), 4)
    holes = (found == 0).sum((1, 2, 3)) // 3
    assert holes.max() == 16
    assert holes.min() == 4
    assert torch.equal(found[:, 0], found[:, 2])


def marked() -> nn.Sequential:
    """Two convolutions that may be dropped, the second with a place for an auxiliary head."""
    first, second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
    first.drop_path_branch = second.drop_path_branch = True
    second.auxiliary_source = True
    return nn.Sequential(first, second, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))


def test_drop_path_keeps_the_mean_and_grows_with_depth() -> None:
    network = marked()
    kept: list[torch.Tensor] = []
    Regularisation(network, load_recipe("digits", {"drop_path": 0.4}))
    for module in network[:2]:
        module.register_forward_hook(lambda _, inputs, output: kept.append(output.detach()))
    seed_generators("drop")
    images = torch.randn(4000, 3, 1, 1)
    network(images)
    dropped = [float((output.abs().sum((1, 2, 3)) == 0).float().mean()) for output in kept]
    assert dropped == pytest.approx([0.2, 0.4], abs=0.03)
    network.eval()
    assert torch.equal(network(images), network(images))


def test_drop_path_grows_with_time() -> None:
    network = marked()
    regularisation = Regularisation(
        network, load_recipe("digits", {"drop_path": 0.5, "drop_path_grows": "time"})
    )
    images = torch.randn(2000, 3, 1, 1)
    for share, wanted in ((0.0, 0.0), (0.5, 0.25), (1.0, 0.5)):
        regularisation.set_progress(share)
        seed_generators("time", int(10 * share))
        dropped = (network[0](images).abs().sum((1, 2, 3)) == 0).float().mean()
        assert float(dropped) == pytest.approx(wanted, abs=0.04)


def test_dropout_acts_before_the_classifier_in_training_only() -> None:
    network = marked()
    Regularisation(network, load_recipe("digits", {"dropout": 0.5}))
    images = torch.randn(3, 3, 1, 1)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))
    assert set(network.state_dict()) == set(marked().state_dict())


@pytest.mark.parametrize("size", [4, 8, 14])
def test_auxiliary_head(size: int) -> None:
    network = WithAuxiliaryHead(marked(), torch.zeros(2, 3, size, size))
    logits, beside = network(torch.randn(6, 3, size, size))
    assert logits.shape == beside.shape == (6, 5)
    assert network.eval()(torch.randn(6, 3, size, size)).shape == (6, 5)


def test_networks_without_a_place_are_refused() -> None:
    bare = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten())
    for change, message in (
        ({"dropout": 0.1}, "set dropout to 0"),
        ({"drop_path": 0.1}, "set drop_path to 0"),
    ):
        with pytest.raises(InputError, match=message):
            Regularisation(bare, load_recipe("digits", change))
    with pytest.raises(InputError, match="set auxiliary_weight to 0"):
        WithAuxiliaryHead(bare, torch.zeros(2, 3, 4, 4))


def test_a_network_s_own_dropout_gets_the_recipe_s_probability() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(3, 4))
    Regularisation(network, load_recipe("digits", {"dropout": 0.2}))
    assert network[1].p == 0.2
    Regularisation(network, load_recipe("digits", {"dropout": 0}))
    assert network[1].p == 0.0
    assert not network[2]._forward_pre_hooks


def test_s2b_dropout_that_no_recipe_names_stays() -> None:
    network = nn.Sequential(
        nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 8), nn.Dropout(0.9), nn.Linear(8, 3)
    )
    Regularisation(network, load_recipe("digits_short"))
    assert [module.p for module in network if isinstance(module, nn.Dropout)] == [0.5, 0.9]
