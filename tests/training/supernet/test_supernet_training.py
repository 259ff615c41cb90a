"""Supernets are trained: they learn, repeat themselves, continue, and several processes do what one does."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from tests.training.generated import GROUP_NORM_SPACE
from tests.training.processes import start, train_together

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import load_space
from contrastive_nas.training.config import RunSettings
from contrastive_nas.training.export import load_network
from contrastive_nas.training.run import retrain
from contrastive_nas.training.supernet.config import SupernetSettings
from contrastive_nas.training.supernet.forecast import forecast_supernet
from contrastive_nas.training.supernet.inherited import InheritedNetworks
from contrastive_nas.training.supernet.run import SupernetTrainer, train_supernet
from contrastive_nas.training.supernet.weights_file import load_supernet, read_supernet_header

DIGITS = {"kind": "digits", "name": "digits", "workers": 0}
SHORT = {"epochs": 2, "schedule": {"warmup_epochs": 0}}
# Small enough for a test: every network of an update takes some milliseconds.
FEW = {"train_images": 150, "valid_images": 100}
SMALL = "s4|plain:k1d1w4|separable:k3d1w4|plain:k3d1w4"
MakeSettings = Callable[..., SupernetSettings]


@pytest.fixture
def make(tmp_path: Path) -> MakeSettings:
    """Settings of a short training; keywords replace them."""

    def settings(**changes: Any) -> SupernetSettings:
        values = {
            "space": "compact_cnn",
            "data": DIGITS,
            "overrides": SHORT,
            "output": tmp_path / "run",
            "device": "cpu",
            **FEW,
        }
        return SupernetSettings.model_validate(values | changes)

    return settings


def weights(settings: SupernetSettings) -> dict[str, torch.Tensor]:
    return load_file(settings.output / "supernet.safetensors")


def history(settings: SupernetSettings) -> pd.DataFrame:
    return pd.read_parquet(settings.output / "history.parquet")


def assert_equal_weights(first: SupernetSettings, second: SupernetSettings) -> None:
    one, other = weights(first), weights(second)
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def test_a_supernet_learns_and_its_networks_can_be_used(make: MakeSettings, tmp_path: Path) -> None:
    recipe = {"epochs": 8, "schedule": {"warmup_epochs": 1}}
    settings = make(space=GROUP_NORM_SPACE, overrides=recipe, train_images=500, valid_images=300)
    train_supernet(settings)
    assert history(settings)["valid_top1_accuracy"].iloc[-1] > 60  # of ten classes
    networks = InheritedNetworks(settings.output / "supernet.safetensors", device="cpu")
    accuracy = networks.valid_accuracy("8")
    assert accuracy > 50
    exported = tmp_path / "network.safetensors"
    score = networks.export("8", exported)
    built, header = load_network(exported)
    assert header.test_top1_accuracy == score.top1_accuracy > 50
    image = torch.randn(2, 1, 8, 8)
    own = networks.network("8")
    assert torch.equal(built.network.eval()(image), own(image))
    # Trained further with a learning rate of nearly nothing, it stays what it is.
    further = RunSettings(
        space=GROUP_NORM_SPACE,
        architecture="8",
        data=DIGITS,
        recipe="digits",
        overrides={"epochs": 1, "schedule": {"warmup_epochs": 0}, "optimizer": {"learning_rate": 1e-12}},
        output=tmp_path / "further",
        device="cpu",
        supernet=settings.output / "supernet.safetensors",
        exports=(),
    )
    retrain(further)
    tuned, _ = load_network(further.output / "network.safetensors")
    torch.testing.assert_close(tuned.network.eval()(image), own(image), rtol=1e-4, atol=1e-5)


def test_statistics_are_those_of_the_stated_images(make: MakeSettings) -> None:
    settings = make(overrides=SHORT | {"epochs": 1}, train_images=100)
    train_supernet(settings)
    networks = InheritedNetworks(settings.output / "supernet.safetensors", statistics_images=60, device="cpu")
    network = networks.network(SMALL)
    mixture = networks.network(SMALL, own_statistics=False)
    batches = list(networks._statistics_batches(SMALL))
    images = torch.cat(batches)
    assert len(images) == 60
    with torch.no_grad():
        first = network[0][0](images)
    torch.testing.assert_close(network[0][1].running_mean, first.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network[0][1].running_var, first.var((0, 2, 3)), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(network[2][0][1].running_mean, mixture[2][0][1].running_mean)


def test_same_seed_same_bits(make: MakeSettings, tmp_path: Path) -> None:
    recipe = {"space": GROUP_NORM_SPACE, "overrides": SHORT | {"ema_decay": 0.9, "dropout": 0.1}}
    first, second, other = (
        make(**recipe, output=tmp_path / str(number), seed=number // 2) for number in range(3)
    )
    for settings in (first, second, other):
        train_supernet(settings)
    assert_equal_weights(first, second)
    assert not history(first)["train_loss"].equals(history(other)["train_loss"])


def test_progressive_shrinking_frees_choices_phase_by_phase(
    make: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two phases; interrupted in the second, the run ends in the same weights."""
    recipe = {"schedule": "progressive", "shrinking_epochs": 1, "overrides": SHORT | {"epochs": 1}}
    settings = recipe | {"space": GROUP_NORM_SPACE}
    whole, broken = (make(**settings, output=tmp_path / name) for name in ("a", "b"))
    train_supernet(whole)
    assert history(whole)["phase"].tolist() == [1, 2]
    tested = SupernetTrainer.score
    scores = iter([tested, None])

    def interrupted(trainer: SupernetTrainer) -> Any:
        how = next(scores)
        if how is None:
            raise KeyboardInterrupt
        return how(trainer)

    monkeypatch.setattr(SupernetTrainer, "score", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_supernet(broken)
    monkeypatch.setattr(SupernetTrainer, "score", tested)
    train_supernet(broken)
    assert_equal_weights(whole, broken)


def test_cells_are_trained_one_path_at_a_time(make: MakeSettings) -> None:
    cells = {
        "space": "nasbench201",
        "space_options": {"channels": 4, "cells": 1, "input_shape": (1, 8, 8)},
        "train_images": 100,
        "overrides": SHORT | {"epochs": 1},
    }
    with pytest.raises(InputError, match=r"nasbench201 has no largest network.*set schedule to one_path"):
        train_supernet(make(**cells))
    train_supernet(make(**cells, schedule="one_path", random_networks=1))
    networks = InheritedNetworks(make().output / "supernet.safetensors", device="cpu")
    cell = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|skip_connect~2|"
    assert 0 <= networks.valid_accuracy(cell) <= 100


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(make: MakeSettings, tmp_path: Path) -> None:
    found = []
    for devices, batch in ((1, 50), (2, 25)):
        settings = make(
            space=GROUP_NORM_SPACE,
            overrides=SHORT | {"batch_size": batch, "epochs": 1, "optimizer": {"reference_batch": 50}},
            output=tmp_path / str(devices),
        )
        train_together(settings, devices)
        found.append(weights(settings))
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name], rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_killed_ten_times_and_resumed(make: MakeSettings, tmp_path: Path) -> None:
    """Saved as often as possible, killed anywhere."""
    recipe = SHORT | {"epochs": 6, "ema_decay": 0.9}
    whole, broken = (
        make(overrides=recipe, checkpoint_seconds=0, output=tmp_path / name) for name in ("a", "b")
    )
    train_together(whole, 1)
    longest = history(whole)["seconds"].iloc[-1] / 8
    rng = np.random.default_rng(0)
    checkpoint = broken.output / "checkpoint" / "1" / "state.safetensors"
    for _ in range(10):
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        (process,) = start(broken)
        while (checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0) == before and process.is_alive():
            time.sleep(0.005)
        time.sleep(rng.uniform(0, longest))
        process.kill()
        process.join()
    train_together(broken, 1)
    assert_equal_weights(whole, broken)


def test_what_does_not_fit_is_refused(make: MakeSettings, tmp_path: Path) -> None:
    recipe = SHORT | {"epochs": 1}
    settings = make(space=GROUP_NORM_SPACE, overrides=recipe)
    train_supernet(settings)
    file = settings.output / "supernet.safetensors"
    with pytest.raises(InputError, match="checkpoint is of a run with another recipe"):
        train_supernet(make(space=GROUP_NORM_SPACE, overrides=recipe | {"label_smoothing": 0.1}))
    with pytest.raises(InputError, match=r"trained for the space .*the experiment's space compact_cnn"):
        load_supernet(file, load_space("compact_cnn"))
    with pytest.raises(InputError, match="group_norm: '32' is not one of"):
        InheritedNetworks(file, device="cpu").valid_accuracy("32")
    with pytest.raises(InputError, match="digits has 10 classes, but the network has 3 outputs"):
        train_supernet(make(space=GROUP_NORM_SPACE, space_options={"classes": 3}, output=tmp_path / "three"))
    with pytest.raises(InputError, match="there is no supernet"):
        read_supernet_header(tmp_path / "none.safetensors")
    torch.save({}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="is not a file of a supernet"):
        read_supernet_header(tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="no auxiliary head"):
        train_supernet(make(overrides={"auxiliary_weight": 0.4}))


def test_the_forecast_prices_every_phase(make: MakeSettings) -> None:
    plain = forecast_supernet(make(), 2)
    longer = forecast_supernet(make(overrides=SHORT | {"epochs": 4}), 2)
    assert longer.gpu_days == pytest.approx(2 * plain.gpu_days)
    assert plain.samples == FEW["train_images"]
    progressive = forecast_supernet(make(schedule="progressive", shrinking_epochs=3), 2)
    assert [phase.epochs for phase in progressive.phases] == [2, 3, 3, 3]
    assert progressive.phases[0].macs == progressive.largest_macs
    half = forecast_supernet(make(precision="bf16-mixed"), 2)
    weights = 12 * plain.params / 1e9
    assert half.gigabytes - weights == pytest.approx((plain.gigabytes - weights) / 2)
    assert "GPU days" in progressive.describe()
