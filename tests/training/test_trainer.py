"""Training as a whole: it learns, repeats itself, continues, and several processes do what one does."""

import errno
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from tests.training.generated import GROUP_NORM_SPACE, write_image_folder
from tests.training.processes import start, train_together

from contrastive_nas import checkpoints
from contrastive_nas.errors import InputError
from contrastive_nas.training.config import RunSettings
from contrastive_nas.training.data.prepare import Preprocessing
from contrastive_nas.training.export import Header, save_network
from contrastive_nas.training.network import NetworkName, build_network
from contrastive_nas.training.run import retrain

REMEMBERING = """
import os
from pathlib import Path
from safetensors.torch import save_file
from torch import nn
from contrastive_nas.spaces.compact_cnn import CompactCNN

class Remembering(CompactCNN):
    def build(self, architecture):
        network = super().build(architecture)
        def keep(module, inputs, output):
            if module.training:
                means = {name: value for name, value in module.named_buffers() if "running_mean" in name}
                save_file(means, Path(__file__).with_name(os.environ["RANK"] + ".safetensors"))
        network.register_forward_hook(keep)
        return network
"""
MakeSettings = Callable[..., RunSettings]
GROUP_NORM = {"space": GROUP_NORM_SPACE, "architecture": "8"}
PLAIN = {"augmentation": {"padding": 0}, "schedule": {"warmup_epochs": 0}, "epochs": 2}


def weights(settings: RunSettings) -> dict[str, torch.Tensor]:
    return load_file(settings.output / "network.safetensors")


def history(settings: RunSettings) -> pd.DataFrame:
    return pd.read_parquet(settings.output / "history.parquet")


def metrics(settings: RunSettings) -> dict[str, float]:
    return json.loads((settings.output / "metrics.json").read_text())


def assert_equal_weights(first: RunSettings, second: RunSettings) -> None:
    one, other = weights(first), weights(second)
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def test_same_seed_same_bits(make_settings: MakeSettings, tmp_path: Path) -> None:
    recipe = {"epochs": 2, "mixup": 0.2, "dropout": 0.1, "ema_decay": 0.9, "schedule": {"warmup_epochs": 0}}
    first, second, other = (
        make_settings(**GROUP_NORM, overrides=recipe, output=tmp_path / str(number), seed=number // 2)
        for number in range(3)
    )
    for settings in (first, second, other):
        retrain(settings)
    assert_equal_weights(first, second)
    same = ["train_loss", "test_loss", "test_top1_accuracy"]
    assert history(first)[same].equals(history(second)[same])
    assert not history(first)[same].equals(history(other)[same])


def test_results(make_settings: MakeSettings) -> None:
    settings = make_settings(test_every=2, overrides={"epochs": 3, "schedule": {"warmup_epochs": 0}})
    retrain(settings)
    found, epochs = metrics(settings), history(settings)
    assert found["params"] == sum(
        value.numel()
        for name, value in weights(settings).items()
        if "running" not in name and "num" not in name
    )
    assert found["macs"] == 321_184
    assert epochs["epoch"].tolist() == [1, 2, 3]
    assert epochs["test_top1_accuracy"].notna().tolist() == [False, True, True]
    assert epochs["test_top1_accuracy"].iloc[-1] == found["test_top1_accuracy"]
    assert epochs["train_loss"].is_monotonic_decreasing
    confusion = pd.read_parquet(settings.output / "confusion.parquet")
    counts = confusion.drop(columns="class").to_numpy()
    assert counts.sum() == 700
    assert 100 * np.trace(counts) / 700 == found["test_top1_accuracy"]
    assert found["test_top5_accuracy"] >= found["test_top1_accuracy"]


@pytest.mark.parametrize("accumulation", [1, 3])
def test_accumulated_batches_are_the_whole_batch(
    make_settings: MakeSettings, tmp_path: Path, accumulation: int
) -> None:
    losses = []
    for passes, batch in ((1, 48), (accumulation, 48 // accumulation)):
        settings = make_settings(
            **GROUP_NORM,
            overrides=PLAIN | {"batch_size": batch},
            accumulation=passes,
            output=tmp_path / str(passes),
        )
        retrain(settings)
        losses.append(history(settings)[["train_loss", "test_loss"]].to_numpy())
    assert np.abs(losses[0] - losses[1]).max() < 1e-5


def test_another_run_s_checkpoint_is_refused(make_settings: MakeSettings) -> None:
    settings = make_settings(**GROUP_NORM, checkpoint_seconds=0)
    retrain(settings)
    if not list((settings.output / "checkpoint").iterdir()):
        pytest.fail("nothing was saved")
    with pytest.raises(InputError, match="another architecture: '8', not '16'"):
        retrain(settings.model_copy(update={"architecture": "16"}))


def test_full_disk_while_saving(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint before stays whole, and the run continues from it once there is room."""
    write, saves = checkpoints._write, []

    def full(state: Any, path: Path) -> None:
        saves.append(path)
        if len(saves) > 2:
            path.write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        write(state, path)

    settings = make_settings(**GROUP_NORM, overrides=PLAIN, checkpoint_seconds=0)
    monkeypatch.setattr(checkpoints, "_write", full)
    monkeypatch.setattr(checkpoints, "LARGEST_SHARE", 1e9)
    with pytest.raises(OSError, match="No space left"):
        retrain(settings)
    assert [path.name for path in (settings.output / "checkpoint").iterdir()] == ["state.safetensors"]
    monkeypatch.undo()
    retrain(settings)
    whole = settings.model_copy(update={"output": tmp_path / "whole"})
    retrain(whole)
    assert_equal_weights(settings, whole)


def test_learning_from_a_teacher(make_settings: MakeSettings, tmp_path: Path) -> None:
    teacher = make_settings(overrides={"epochs": 6}, output=tmp_path / "teacher")
    retrain(teacher)
    # By the teacher alone, without a label: what the student knows it has from there.
    student = make_settings(
        **GROUP_NORM,
        teacher=teacher.output / "network.safetensors",
        overrides={"epochs": 6, "distillation": {"weight": 1.0, "temperature": 2.0}},
        output=tmp_path / "student",
    )
    retrain(student)
    assert metrics(student)["test_top1_accuracy"] > 60


def test_a_teacher_of_other_classes(make_settings: MakeSettings, tmp_path: Path) -> None:
    name = NetworkName(GROUP_NORM_SPACE, {"classes": 11}, "8")
    header = Header(
        name, Preprocessing(1, 8, (0.0,), (1.0,), None), tuple("abcdefghijk"), "x", "digits", 0, 0
    )
    save_network(build_network(name).network, header, tmp_path / "teacher.safetensors")
    with pytest.raises(InputError, match="has 1 channels and 11 classes, the student 1 and 10"):
        retrain(make_settings(**GROUP_NORM, teacher=tmp_path / "teacher.safetensors"))


def test_diverging_training_is_an_error(make_settings: MakeSettings) -> None:
    settings = make_settings(overrides={"epochs": 6, "optimizer": {"learning_rate": 1e30}})
    with pytest.raises(InputError, match="lower the learning rate"):
        retrain(settings)


def test_image_files_with_the_imagenet_recipe(make_settings: MakeSettings, image_folder: Path) -> None:
    """Random resized crops, RandAugment, erasing, EMA and drop path from files in two workers."""
    settings = make_settings(
        space=GROUP_NORM_SPACE,
        space_options={"input_shape": (3, 32, 32), "classes": 3, "marked": True},
        architecture="8",
        data={
            "kind": "folder",
            "name": "colours",
            "train": str(image_folder / "train"),
            "test": str(image_folder / "test"),
            "workers": 2,
        },
        recipe="imagenet_mobilenetv3_rmsprop",
        overrides={"epochs": 2, "batch_size": 8, "auxiliary_weight": 0.4},
    )
    retrain(settings)
    first = weights(settings)
    assert all(torch.isfinite(value).all() for value in first.values())
    # The number of workers is no part of the result.
    alone = settings.model_copy(
        update={"output": settings.output / "b", "data": settings.data.model_copy(update={"workers": 0})}
    )
    retrain(alone)
    assert_equal_weights(settings, alone)


def test_corrupt_images_are_skipped_until_too_many(
    make_settings: MakeSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_image_folder(tmp_path / "images", {"train": 10, "test": 4}, classes=3)
    files = sorted((folder / "train").rglob("*.jpg"))
    for file in files[:2]:
        file.write_bytes(b"no image")
    data = {
        "kind": "folder",
        "name": "colours",
        "train": str(folder / "train"),
        "test": str(folder / "test"),
        "workers": 0,
        "max_corrupt_share": 0.05,
    }
    options = {"space": GROUP_NORM_SPACE, "space_options": {"input_shape": (3, 32, 32), "classes": 3}}
    for number, recipe in enumerate(("digits", "imagenet_resnet")):
        changes = {"epochs": 2, "batch_size": 8, "schedule": {"warmup_epochs": 0}}
        settings = make_settings(
            **options, architecture="8", data=data, recipe=recipe, overrides=changes, output=tmp_path / recipe
        )
        caplog.clear()
        retrain(settings)
        assert metrics(settings)["corrupt_images"] == 2
        named = [record.message for record in caplog.records if record.message.startswith("left out")]
        assert len(named) == 2
        assert {str(file) for file in files[:2]} == {line.split(": ")[1] for line in named}
        files[2 + number].write_bytes(b"no image")
        with pytest.raises(InputError, match=r"3 images are corrupt.*0\.jpg"):
            retrain(settings.model_copy(update={"output": tmp_path / f"{recipe}2"}))
        files[2 + number].write_bytes(files[-1].read_bytes())


@pytest.mark.slow
def test_digits_reach_97_percent(make_settings: MakeSettings) -> None:
    settings = make_settings(overrides={})
    retrain(settings)
    assert metrics(settings)["test_top1_accuracy"] >= 97


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(make_settings: MakeSettings, tmp_path: Path) -> None:
    losses = []
    for devices, batch in ((1, 64), (2, 32)):
        settings = make_settings(
            **GROUP_NORM, overrides=PLAIN | {"batch_size": batch}, output=tmp_path / str(devices)
        )
        train_together(settings, devices)
        losses.append(history(settings)[["train_loss", "test_loss"]].to_numpy())
        assert metrics(settings)["devices"] == devices
    assert np.abs(losses[0] - losses[1]).max() < 1e-5


@pytest.mark.slow
def test_batch_norm_in_two_processes_within_the_spread_of_seeds(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    accuracies: dict[int, list[float]] = {1: [], 2: []}
    for devices, batch in ((1, 64), (2, 32)):
        for seed in range(4):
            settings = make_settings(
                overrides={"batch_size": batch},
                output=tmp_path / f"{devices}-{seed}",
                seed=seed,
                test_every=100,
            )
            train_together(settings, devices)
            accuracies[devices].append(metrics(settings)["test_top1_accuracy"])
    spread = max(np.ptp(found) for found in accuracies.values())
    assert abs(np.mean(accuracies[1]) - np.mean(accuracies[2])) <= spread, accuracies


@pytest.mark.slow
def test_the_first_process_s_batch_norm_statistics_are_saved(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    (tmp_path / "remembering.py").write_text(REMEMBERING)
    settings = make_settings(space=f"{tmp_path / 'remembering.py'}:Remembering")
    train_together(settings, 2)
    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in range(2))
    saved = weights(settings)
    assert len(first) == len(saved.keys() & first.keys()) > 3
    for name, value in first.items():
        assert torch.equal(saved[name], value), name
        assert not torch.equal(second[name], value), name


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_killed_ten_times_and_resumed(make_settings: MakeSettings, tmp_path: Path, devices: int) -> None:
    """Batch norm, EMA, dropout, mixup and augmentation, saved as often as possible, killed anywhere."""
    recipe = {"epochs": 16, "dropout": 0.1, "mixup": 0.2, "ema_decay": 0.99}
    whole, broken = (
        make_settings(overrides=recipe, checkpoint_seconds=0, output=tmp_path / name) for name in ("a", "b")
    )
    train_together(whole, devices)
    longest = history(whole)["seconds"].iloc[-1] / 8
    rng = np.random.default_rng(devices)
    checkpoint = broken.output / "checkpoint" / "state.safetensors"
    for _ in range(10):
        before = written(checkpoint)
        processes = start(broken, devices)
        while written(checkpoint) == before:
            assert all(process.is_alive() for process in processes)
            time.sleep(0.005)
        time.sleep(rng.uniform(0, longest))
        assert all(process.is_alive() for process in processes)
        for number in rng.permutation(devices):
            processes[number].kill()
        for process in processes:
            process.join()
    train_together(broken, devices)
    assert_equal_weights(whole, broken)
    same = ["train_loss", "test_loss", "test_top1_accuracy"]
    assert history(whole)[same].equals(history(broken)[same])


def written(path: Path) -> int:
    """When a file was written, in nanoseconds; 0 where there is none."""
    return path.stat().st_mtime_ns if path.exists() else 0
