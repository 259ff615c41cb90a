"""An exported network is the network, whichever format is loaded."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

import contrastive_nas.training.timm_export  # noqa: F401  registers the model
from contrastive_nas.command_line.main import app
from contrastive_nas.errors import InputError
from contrastive_nas.training import onnx_export
from contrastive_nas.training.config import RunSettings
from contrastive_nas.training.data.arrays import digits_source
from contrastive_nas.training.evaluate import evaluate_network
from contrastive_nas.training.export import load_network, read_header
from contrastive_nas.training.run import retrain


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a short run on digits with all exports."""
    output = tmp_path_factory.mktemp("trained")
    settings = {
        "space": "compact_cnn",
        "architecture": "s8|residual:k3d1e1w16|inverted:k3d1e2w16|plain:k3d1w16",
        "data": {"kind": "digits", "name": "digits"},
        "recipe": "digits",
        "overrides": {"epochs": 1, "ema_decay": 0.9, "schedule": {"warmup_epochs": 0}},
        "output": output,
        "device": "cpu",
        "channels_last": True,
    }
    retrain(RunSettings.model_validate(settings))
    return output


def prepared_digits(weights: Path, count: int = 50) -> torch.Tensor:
    preprocessing = read_header(weights).preprocessing
    images = torch.from_numpy(digits_source(train=False).images[:count])[:, None].float()
    return (images - preprocessing.mean[0]) / preprocessing.std[0]


def test_evaluating_the_file_gives_the_reported_accuracy(trained: Path) -> None:
    reported = json.loads((trained / "metrics.json").read_text())
    found = evaluate_network(trained / "network.safetensors", "digits", device="cpu")
    assert found.score.top1_accuracy == reported["test_top1_accuracy"]
    assert found.score.top5_accuracy == reported["test_top5_accuracy"]
    assert found.score.images == 700


def test_command(trained: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    shown = runner.invoke(app, ["evaluate", str(trained / "network.safetensors"), "digits"])
    reported = json.loads((trained / "metrics.json").read_text())["test_top1_accuracy"]
    assert shown.exit_code == 0
    assert f"top-1 {reported:.3f} % (reported {reported:.3f} % on digits)" in shown.output
    plain = runner.invoke(app, ["evaluate", str(trained / "network.safetensors"), "digits", "--json"])
    found = json.loads(plain.output)
    assert found["top1_accuracy"] == found["reported_top1_accuracy"] == reported
    assert (found["images"], found["corrupt_images"], found["reported_dataset"]) == (700, 0, "digits")
    wrong = runner.invoke(app, ["evaluate", str(trained / "network.safetensors"), str(tmp_path / "nothing")])
    assert wrong.exit_code == 1
    assert "nothing does not exist" in wrong.output


def test_colour_images_are_not_for_a_network_of_grey_ones(trained: Path, tmp_path: Path) -> None:
    """Both have ten classes by number; an accuracy near 10 % would be all that told them apart."""
    content = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 10, 30)).save(content, "PNG")
    rows = {"image": [{"bytes": content.getvalue(), "path": None}] * 10, "label": list(range(10))}
    pq.write_table(pa.table(rows), tmp_path / "test.parquet")
    with pytest.raises(InputError, match=r"has colour images, but .* was trained on grey ones"):
        evaluate_network(trained / "network.safetensors", str(tmp_path / "test.parquet"), device="cpu")


def test_onnx_holds_no_path_of_this_machine(trained: Path) -> None:
    content = (trained / "network.onnx").read_bytes()
    assert str(Path(torch.__file__).parent).encode() not in content
    assert b".py" not in content


def test_onnx_computes_the_same(trained: Path) -> None:
    built, _ = load_network(trained / "network.safetensors")
    images = prepared_digits(trained / "network.safetensors")
    with torch.inference_mode():
        wanted = built.network.eval()(images).numpy()
    session = onnxruntime.InferenceSession(str(trained / "network.onnx"))
    found = session.run(None, {"images": images.numpy()})[0]
    assert np.abs(found - wanted).max() < 1e-4
    assert json.loads((trained / "metrics.json").read_text())["onnx_difference"] < onnx_export.TOLERANCE


def test_timm_loads_the_folder(trained: Path) -> None:
    model = timm.create_model(f"local-dir:{trained / 'timm'}", pretrained=True).eval()
    built, header = load_network(trained / "network.safetensors")
    images = prepared_digits(trained / "network.safetensors")
    with torch.inference_mode():
        assert torch.equal(model(images), built.network.eval()(images))
    assert model.num_classes == 10
    config = timm.data.resolve_model_data_config(model)
    assert config["input_size"] == (1, 8, 8)
    assert config["mean"][0] * 255 == pytest.approx(header.preprocessing.mean[0])
    card = (trained / "timm" / "README.md").read_text()
    assert f"{header.test_top1_accuracy:.2f} %" in card
    assert header.name.architecture in card
    with pytest.raises(ValueError, match="num_classes is 10"):
        timm.create_model(f"local-dir:{trained / 'timm'}", num_classes=7)


def test_weights_of_something_else(trained: Path, tmp_path: Path) -> None:
    weights = trained / "network.safetensors"
    with pytest.raises(InputError, match="there is no such file"):
        load_network(tmp_path / "none.safetensors")
    plain = tmp_path / "plain.safetensors"
    save_file(load_file(weights), plain)
    with pytest.raises(InputError, match="was not written by this project"):
        load_network(plain)
    fewer = load_file(weights)
    fewer.popitem()
    damaged = tmp_path / "damaged.safetensors"
    header = json.dumps({"schema": 1} | json.loads(header_text(weights)))
    save_file(fewer, damaged, metadata={"network": header})
    with pytest.raises(InputError, match="do not fit"):
        load_network(damaged)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match="is damaged or no file of weights"):
        load_network(cut)


def test_missing_packages_are_told_before_training(
    trained: Path, monkeypatch: pytest.MonkeyPatch, make_settings: Callable[..., RunSettings]
) -> None:
    find = onnx_export.importlib.util.find_spec
    monkeypatch.setattr(
        onnx_export.importlib.util, "find_spec", lambda name: None if name == "onnxscript" else find(name)
    )
    settings = make_settings(exports=("onnx",))
    with pytest.raises(InputError, match=r"needs onnxscript: install contrastive-nas\[onnx\]"):
        retrain(settings)
    assert not settings.output.exists()


def header_text(weights: Path) -> str:
    from safetensors import safe_open

    with safe_open(weights, framework="pt") as file:
        return file.metadata()["network"]
