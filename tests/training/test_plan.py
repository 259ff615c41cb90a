"""The printed schedules are the published ones, by their formulas."""

import math

import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.recipe import list_recipes, load_recipe

IMAGENET = 1_281_167
CHECKED = {
    "imagenet_mobilenetv3_sgd": (0, 3, 5, 95, 184),
    "imagenet_mobilenetv3_rmsprop": (0, 2, 3, 100, 251),
    "imagenet_darts": (0, 4, 5, 125, 249),
    "imagenet_resnet": (0, 4, 5, 60, 119),
    "cifar10_600": (0, 1, 5, 300, 599),
    "cifar10_fast": (0, 1, 2, 6, 11),
    "digits": (0, 1, 4, 10, 19),
    "digits_short": (0, 1, 2, 3, 4),
}


def published_rate(recipe: str, epoch: int) -> float:
    """Learning rate at the start of an epoch for the published whole batch, written down from the sources."""
    match recipe:
        case "imagenet_mobilenetv3_sgd":
            return 2.6 * epoch / 5 if epoch < 5 else 1.3 * (1 + math.cos(math.pi * (epoch - 5) / 180))
        case "imagenet_mobilenetv3_rmsprop":
            return 1e-6 + (0.064 - 1e-6) * epoch / 3 if epoch < 3 else 0.064 * 0.973 ** (epoch // 2.4)
        case "imagenet_darts":
            return 0.5 * epoch / 5 if epoch < 5 else 0.5 * (1 - epoch / 250)
        case "imagenet_resnet":
            return 0.4 * epoch / 5 if epoch < 5 else 0.2 * (1 + math.cos(math.pi * epoch / 120))
        case "cifar10_600":
            return 0.0125 * (1 + math.cos(math.pi * epoch / 600))
        case "cifar10_fast":
            return 0.2 * epoch / 2 if epoch < 2 else 0.2 * (1 - (epoch - 2) / 10)
        case "digits":
            return 0.1 * epoch / 4 if epoch < 4 else 0.1 * (1 - (epoch - 4) / 16)
        case "digits_short":
            return 0.05 * epoch / 1.25 if epoch < 1.25 else 0.05 * (1 - (epoch - 1.25) / 3.75)
    raise AssertionError(recipe)


def published_plan(name: str) -> TrainingPlan:
    """The recipe on as many devices as its source used."""
    devices = {
        "imagenet_mobilenetv3_sgd": 32,
        "imagenet_mobilenetv3_rmsprop": 2,
        "imagenet_darts": 8,
        "imagenet_resnet": 8,
    }
    digits = {"digits": 1097, "digits_short": 597}
    images = digits.get(name, IMAGENET if name.startswith("imagenet") else 50_000)
    return TrainingPlan(load_recipe(name), images, devices.get(name, 1))


def test_every_recipe_is_checked() -> None:
    assert set(CHECKED) == set(list_recipes())


@pytest.mark.parametrize("name", CHECKED)
def test_schedule_is_the_published_one(name: str) -> None:
    rates = published_plan(name).learning_rates()
    assert len(rates) == CHECKED[name][-1] + 1 or name == "imagenet_mobilenetv3_rmsprop"
    for epoch in CHECKED[name]:
        assert rates[epoch] == pytest.approx(published_rate(name, epoch), rel=1e-9, abs=1e-12), epoch


def test_noise_of_the_step_schedule_starts_where_published() -> None:
    rates = published_plan("imagenet_mobilenetv3_rmsprop").learning_rates()
    exact = [published_rate("imagenet_mobilenetv3_rmsprop", epoch) for epoch in range(600)]
    noisy = [epoch for epoch in range(600) if rates[epoch] != pytest.approx(exact[epoch], rel=1e-9)]
    assert noisy[0] == 252
    assert noisy[-1] == 539
    assert max(abs(rates[epoch] / exact[epoch] - 1) for epoch in noisy) < 0.67


def test_batch_rate_and_warmup_follow_the_devices() -> None:
    recipe = load_recipe("imagenet_mobilenetv3_sgd")
    one, many, huge = (TrainingPlan(recipe, IMAGENET, devices) for devices in (1, 32, 64))
    assert (one.batch, many.batch, huge.batch) == (64, 2048, 4096)
    assert one.learning_rate == pytest.approx(2.6 / 32)
    assert many.learning_rate == pytest.approx(2.6)
    assert huge.learning_rate == pytest.approx(5.2)
    assert (one.warmup_epochs, many.warmup_epochs, huge.warmup_epochs) == (5, 5, 10)
    assert huge.warmup_epochs * huge.updates_per_epoch == pytest.approx(5 * many.updates_per_epoch, rel=1e-2)
    assert (many.epochs, huge.epochs) == (185, 190)


def test_accumulation_counts_like_devices() -> None:
    recipe = load_recipe("imagenet_resnet")
    assert (
        TrainingPlan(recipe, IMAGENET, 2, 4).learning_rate == TrainingPlan(recipe, IMAGENET, 8).learning_rate
    )


def test_description_names_batch_rate_and_schedule() -> None:
    text = published_plan("imagenet_mobilenetv3_sgd").describe()
    for part in ("64 images x 32 devices", "2048", "2.6", "185", "626 updates", "warm-up 5"):
        assert part in text


def test_a_warmup_that_leaves_nothing() -> None:
    with pytest.raises(InputError, match="leaves nothing of 3 epochs"):
        TrainingPlan(load_recipe("digits", {"epochs": 3}), 100)


def test_too_few_images() -> None:
    with pytest.raises(InputError, match="3 training images are too few for 4 devices"):
        TrainingPlan(load_recipe("digits"), 3, 4)
