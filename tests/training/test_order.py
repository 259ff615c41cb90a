"""Every image exactly once per epoch, whatever shares the work."""

import numpy as np
import pytest

from contrastive_nas.training.data.order import Order
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.recipe import load_recipe

RECIPE = load_recipe("digits", {"batch_size": 16})
BLOCKS = np.array([0, 100, 101, 350, 700, 950])


def order(samples: int, devices: int, accumulation: int = 1, blocks: np.ndarray | None = None) -> Order:
    return Order(TrainingPlan(RECIPE, samples, devices, accumulation), seed=3, blocks=blocks)


def seen(found: Order, epoch: int) -> list[list[list[np.ndarray]]]:
    return [list(found.parts(epoch, device)) for device in range(found.plan.devices)]


@pytest.mark.parametrize("blocks", [None, BLOCKS])
@pytest.mark.parametrize(("devices", "accumulation"), [(1, 1), (2, 1), (3, 2), (8, 1)])
@pytest.mark.parametrize("samples", [1000, 1347])
def test_each_image_once(samples: int, devices: int, accumulation: int, blocks: np.ndarray | None) -> None:
    found = order(samples, devices, accumulation, blocks)
    parts = seen(found, epoch=2)
    ids = np.concatenate([part for updates in parts for passes in updates for part in passes])
    assert np.array_equal(np.sort(ids), np.arange(samples))
    sizes = [len(part) for updates in parts for passes in updates for part in passes]
    assert max(sizes) - min(sizes) <= 1
    assert {len(updates) for updates in parts} == {found.plan.updates_per_epoch}


def test_whole_batches_are_the_same_for_any_number_of_devices() -> None:
    one = Order(TrainingPlan(load_recipe("digits", {"batch_size": 64}), 1347), seed=3)
    four = order(1347, devices=4)
    alone, shared = seen(one, 1)[0], seen(four, 1)
    assert one.plan.updates_per_epoch == four.plan.updates_per_epoch
    for update, (whole,) in enumerate(alone):
        together = np.concatenate([shared[device][update][0] for device in range(4)])
        assert np.array_equal(np.sort(whole), np.sort(together))


@pytest.mark.parametrize("blocks", [None, BLOCKS])
def test_an_epoch_continues_anywhere(blocks: np.ndarray | None) -> None:
    found = order(1000, 2, blocks=blocks)
    whole = list(found.parts(5, 1))
    rest = list(found.parts(5, 1, first_update=7))
    assert len(rest) == len(whole) - 7
    for (first,), (second,) in zip(whole[7:], rest, strict=True):
        assert np.array_equal(first, second)


def test_epochs_and_seeds_differ() -> None:
    plan = TrainingPlan(RECIPE, 500)
    orders = [Order(plan, seed).epoch(epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(found) for found in orders}) == 4


def test_blocks_stay_together_within_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contrastive_nas.training.data.order._WINDOW", 200)
    blocks = np.arange(0, 10_000, 50)
    found = Order(TrainingPlan(RECIPE, 10_000), 0, blocks).epoch(0)
    # Any 200 neighbours come from few blocks, yet blocks next to each other on the disk are torn apart.
    touched = [len(np.unique(found[start : start + 200] // 50)) for start in range(0, 10_000, 200)]
    assert max(touched) <= 9
    assert np.mean(np.abs(np.diff(found)) > 50) > 0.5
