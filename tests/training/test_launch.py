"""Processes, forecasts and what happens when a process dies."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
import yaml
from tests.training.generated import write_image_folder
from torch import nn

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import load_space
from contrastive_nas.training.config import DataSettings, RunSettings, load_settings
from contrastive_nas.training.forecast import FLOPS_PER_MAC, USEFUL_FLOPS, forecast
from contrastive_nas.training.launch import count_processes, launch
from contrastive_nas.training.recipe import load_recipe
from contrastive_nas.training.results import copy_exports, read_results

DYING = """
import os, signal
from torch import nn
from contrastive_nas.spaces.compact_cnn import CompactCNN

class Dying(CompactCNN):
    def build(self, architecture):
        network = super().build(architecture)
        seen = []
        def die(module, inputs):
            seen.append(1)
            if os.environ.get("RANK") == "1" and len(seen) > 10:
                os.kill(os.getpid(), signal.SIGKILL)
        network.register_forward_pre_hook(die)
        return network
"""
MakeSettings = Callable[..., RunSettings]


def test_settings_come_back_from_yaml(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings(seed=3, precision="bf16-mixed")
    (tmp_path / "run.yml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    assert load_settings(tmp_path / "run.yml") == settings


@pytest.mark.parametrize(
    ("text", "message"),
    [("space: [", "not valid YAML"), ("space: darts\nspeed: 9", "speed"), (None, "cannot be read")],
)
def test_bad_settings(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "run.yml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_settings(path)


def test_forecast_of_imagenet_without_images(make_settings: MakeSettings) -> None:
    settings = make_settings(
        space="mobilenet_v3",
        architecture="224|" + "|".join(["k3e4,k3e4"] * 5),
        data=DataSettings(kind="folder", name="imagenet", train="none", test="none", images=1_281_167),
        recipe="imagenet_mobilenetv3_sgd",
        overrides={},
    )
    found = forecast(settings, 32)
    assert (found.batch, found.epochs, found.learning_rate) == (2048, 185, pytest.approx(2.6))
    seconds = FLOPS_PER_MAC * found.macs * 1_281_167 * 185 / USEFUL_FLOPS
    assert found.gpu_days == pytest.approx(seconds / 86_400)
    assert found.images_per_second * found.gpu_days * 86_400 == pytest.approx(32 * 1_281_167 * 185)
    assert "GPU days" in found.describe()


def test_the_memory_of_a_training_is_what_its_layers_give(make_settings: MakeSettings) -> None:
    """Against the tensors that the modules of a network without branches return."""
    architecture = "s4|plain:k1d1w4|separable:k3d1w4|plain:k3d1w4"
    settings = make_settings(space="compact_cnn", architecture=architecture)
    network = load_space("compact_cnn").build(architecture)
    sizes: list[int] = []
    for module in network.modules():
        if not list(module.children()) and not isinstance(module, nn.Flatten):
            module.register_forward_hook(lambda _module, _inputs, output: sizes.append(output.numel()))
    network(torch.zeros(1, 1, 8, 8))
    weights = sum(weight.numel() for weight in network.parameters())
    batch = load_recipe(settings.recipe, settings.overrides).batch_size
    expected = (12 * weights + 4 * batch * sum(sizes)) / 1e9
    assert forecast(settings, 1).gigabytes == pytest.approx(expected)
    half = forecast(settings.model_copy(update={"precision": "bf16-mixed"}), 1).gigabytes
    assert half == pytest.approx((12 * weights + 2 * batch * sum(sizes)) / 1e9)


def test_processes() -> None:
    assert count_processes(3, "cpu") == 3
    assert count_processes(0, "cpu") == 1


@pytest.mark.slow
def test_the_program_trains_in_two_processes(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings()
    launch(settings, 2)
    results = read_results(settings.output)
    assert results.metrics["devices"] == 2
    assert len(results.history) == 1
    copy_exports(settings.output)(tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["network.safetensors"]


@pytest.mark.slow
def test_a_process_that_dies_ends_the_run(make_settings: MakeSettings, tmp_path: Path) -> None:
    (tmp_path / "dying.py").write_text(DYING)
    settings = make_settings(space=f"{tmp_path / 'dying.py'}:Dying")
    started = time.monotonic()
    with pytest.raises(InputError, match="training failed"):
        launch(settings, 2)
    assert time.monotonic() - started < 300
    assert not (settings.output / "metrics.json").exists()


@pytest.mark.slow
def test_bad_input_is_one_line_and_no_traceback(make_settings: MakeSettings) -> None:
    settings = make_settings(architecture="s8|nothing")
    with pytest.raises(InputError, match="nothing"):
        launch(settings, 1)


@pytest.mark.slow
def test_imagenet_recipe_end_to_end(make_settings: MakeSettings, tmp_path: Path) -> None:
    """A thousand classes of two images each, 224 pixels, MobileNetV3, one epoch after the warm-up."""
    folder = write_image_folder(tmp_path / "imagenet", {"train": 2, "test": 1}, classes=1000, size=48)
    settings = make_settings(
        space="mobilenet_v3",
        architecture="224|" + "|".join(["k3e3,k3e3"] * 5),
        data={
            "kind": "folder",
            "name": "generated",
            "train": str(folder / "train"),
            "test": str(folder / "test"),
            "workers": 2,
        },
        recipe="imagenet_mobilenetv3_sgd",
        overrides={"epochs": 1, "schedule": {"warmup_epochs": 0}},
        channels_last=True,
        precision="bf16-mixed",
        exports=("onnx", "timm"),
    )
    launch(settings, 1)
    results = read_results(settings.output)
    assert results.confusion.shape == (1000, 1001)
    assert results.history["train_loss"].iloc[0] == pytest.approx(6.9, abs=1.0)
    assert results.metrics["params"] > 2e6
    assert (settings.output / "timm" / "model.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_trainings_end_with_whoever_started_them(
    make_settings: MakeSettings, tmp_path: Path, processes: int
) -> None:
    settings = make_settings(overrides={"epochs": 100_000}, checkpoint_seconds=0)
    config = tmp_path / "run.yml"
    config.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    program = (
        "import sys; from pathlib import Path; from contrastive_nas.training.config import load_settings; "
        "from contrastive_nas.training.launch import launch; "
        "launch(load_settings(Path(sys.argv[1])), int(sys.argv[2]))"
    )
    starter = subprocess.Popen([sys.executable, "-c", program, str(config), str(processes)])
    while not (settings.output / "checkpoint").exists():
        assert starter.poll() is None
        time.sleep(0.1)
    trainings = psutil.Process(starter.pid).children(recursive=True)
    assert len(trainings) >= processes
    starter.kill()
    starter.wait()
    assert not psutil.wait_procs(trainings, timeout=60)[1]
