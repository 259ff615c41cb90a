"""A published supernet is read by name; its networks equal ones that are built from the file by hand."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from contrastive_nas.errors import InputError
from contrastive_nas.training.supernet.published import import_once_for_all, read_once_for_all
from contrastive_nas.training.supernet.weights_file import load_supernet

ARCHITECTURE = "128|k5e4,k7e3|k3e6,k5e4,k3e3|k3e3,k3e3|k7e6,k7e6|k3e4,k5e3,k3e6"
WIDTHS, STRIDES, SQUEEZED, SWISH = (24, 40, 80, 112, 160), (2, 2, 2, 1, 2), (0, 1, 0, 1, 1), (0, 0, 1, 1, 1)


def eight(channels: float) -> int:
    return int(channels + 4) // 8 * 8


def published() -> dict[str, Tensor]:
    """Names and shapes of ``ofa_mbv3_d234_e346_k357_w1.0``, random weights."""
    generator = torch.Generator().manual_seed(0)
    found: dict[str, Tensor] = {}

    def weight(name: str, *shape: int) -> None:
        found[name] = 0.1 * torch.randn(shape, generator=generator)

    def norm(name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean"):
            weight(f"{name}.{part}", channels)
        found[f"{name}.running_var"] = 0.5 + torch.rand(channels, generator=generator)
        found[f"{name}.num_batches_tracked"] = torch.tensor(7)

    weight("first_conv.conv.weight", 16, 3, 3, 3)
    norm("first_conv.bn", 16)
    first = "blocks.0.mobile_inverted_conv"
    weight(f"{first}.depth_conv.conv.weight", 16, 1, 3, 3)
    norm(f"{first}.depth_conv.bn", 16)
    weight(f"{first}.point_linear.conv.weight", 16, 16, 1, 1)
    norm(f"{first}.point_linear.bn", 16)
    inputs = 16
    for number in range(20):
        stage = number // 4
        name, hidden = f"blocks.{number + 1}.mobile_inverted_conv", 6 * inputs
        weight(f"{name}.inverted_bottleneck.conv.conv.weight", hidden, inputs, 1, 1)
        norm(f"{name}.inverted_bottleneck.bn.bn", hidden)
        weight(f"{name}.depth_conv.conv.conv.weight", hidden, 1, 7, 7)
        for matrix, size in (("7to5", 25), ("5to3", 9)):
            weight(f"{name}.depth_conv.conv.{matrix}_matrix", size, size)
        norm(f"{name}.depth_conv.bn.bn", hidden)
        if SQUEEZED[stage]:
            squeezed = eight(hidden // 4)
            weight(f"{name}.depth_conv.se.fc.reduce.weight", squeezed, hidden, 1, 1)
            weight(f"{name}.depth_conv.se.fc.reduce.bias", squeezed)
            weight(f"{name}.depth_conv.se.fc.expand.weight", hidden, squeezed, 1, 1)
            weight(f"{name}.depth_conv.se.fc.expand.bias", hidden)
        inputs = WIDTHS[stage]
        weight(f"{name}.point_linear.conv.conv.weight", inputs, hidden, 1, 1)
        norm(f"{name}.point_linear.bn.bn", inputs)
    weight("final_expand_layer.conv.weight", 960, 160, 1, 1)
    norm("final_expand_layer.bn", 960)
    weight("feature_mix_layer.conv.weight", 1280, 960, 1, 1)
    weight("classifier.linear.weight", 1000, 1280)
    weight("classifier.linear.bias", 1000)
    return found


def by_hand(file: dict[str, Tensor], images: Tensor) -> Tensor:
    """The logits of :data:`ARCHITECTURE`, from the file's tensors and torch's functions alone."""

    def normed(x: Tensor, name: str) -> Tensor:
        parts = (
            file[f"{name}.{part}"][: x.shape[1]] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(x, *parts)

    x = functional.conv2d(images, file["first_conv.conv.weight"], stride=2, padding=1)
    x = functional.hardswish(normed(x, "first_conv.bn"))
    first = "blocks.0.mobile_inverted_conv"
    y = functional.conv2d(x, file[f"{first}.depth_conv.conv.weight"], padding=1, groups=16)
    y = functional.relu(normed(y, f"{first}.depth_conv.bn"))
    x = x + normed(
        functional.conv2d(y, file[f"{first}.point_linear.conv.weight"]), f"{first}.point_linear.bn"
    )
    for stage, layers in enumerate(ARCHITECTURE.split("|")[1:]):
        act = functional.hardswish if SWISH[stage] else functional.relu
        for layer, text in enumerate(layers.split(",")):
            kernel, hidden = int(text[1]), int(text[3]) * x.shape[1]
            name = f"blocks.{1 + 4 * stage + layer}.mobile_inverted_conv"
            y = functional.conv2d(x, file[f"{name}.inverted_bottleneck.conv.conv.weight"][:hidden])
            y = act(normed(y, f"{name}.inverted_bottleneck.bn.bn"))
            depthwise = file[f"{name}.depth_conv.conv.conv.weight"][:hidden]
            for size in (5, 3):
                if kernel <= size:
                    middle = depthwise[:, :, 1:-1, 1:-1].reshape(hidden, -1)
                    matrix = file[f"{name}.depth_conv.conv.{size + 2}to{size}_matrix"]
                    depthwise = (middle @ matrix.T).reshape(hidden, 1, size, size)
            stride = STRIDES[stage] if layer == 0 else 1
            y = functional.conv2d(y, depthwise, stride=stride, padding=kernel // 2, groups=hidden)
            y = act(normed(y, f"{name}.depth_conv.bn.bn"))
            if SQUEEZED[stage]:
                inside, gate = eight(hidden // 4), f"{name}.depth_conv.se.fc"
                z = y.mean((2, 3), keepdim=True)
                reduce, expand = file[f"{gate}.reduce.weight"], file[f"{gate}.expand.weight"]
                z = functional.conv2d(z, reduce[:inside, :hidden], file[f"{gate}.reduce.bias"][:inside])
                z = functional.conv2d(
                    z.relu(), expand[:hidden, :inside], file[f"{gate}.expand.bias"][:hidden]
                )
                y = y * functional.hardsigmoid(z)
            y = functional.conv2d(y, file[f"{name}.point_linear.conv.conv.weight"][:, :hidden])
            y = normed(y, f"{name}.point_linear.bn.bn")
            x = x + y if x.shape == y.shape and layer else y
    x = functional.conv2d(x, file["final_expand_layer.conv.weight"])
    x = functional.hardswish(normed(x, "final_expand_layer.bn")).mean((2, 3), keepdim=True)
    x = functional.hardswish(functional.conv2d(x, file["feature_mix_layer.conv.weight"])).flatten(1)
    return functional.linear(x, file["classifier.linear.weight"], file["classifier.linear.bias"])


def test_an_extracted_network_equals_one_built_by_hand(tmp_path: Path) -> None:
    file = published()
    torch.save({"state_dict": file, "epoch": 3}, tmp_path / "ofa_mbv3_d234_e346_k357_w1.0")
    import_once_for_all(tmp_path / "ofa_mbv3_d234_e346_k357_w1.0", tmp_path / "supernet.safetensors")
    supernet, header = load_supernet(tmp_path / "supernet.safetensors")
    assert header.space == "mobilenet_v3"
    images = torch.randn(2, 3, 128, 128, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = by_hand({name: value.double() for name, value in file.items()}, images)
        found = supernet.double().extract(ARCHITECTURE)(images)
    assert wanted.std() > 1e-3
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-9)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    file = published()
    path = tmp_path / "weights.safetensors"
    save_file({name: value for name, value in file.items() if "blocks.7." not in name}, path)
    with pytest.raises(InputError, match=r"weights are missing: blocks\.7\.conv\.inverted_bottleneck"):
        read_once_for_all(path)
    save_file(file | {"surplus": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="1 weights are unknown: surplus"):
        read_once_for_all(path)
    save_file(file, path)
    with pytest.raises(
        InputError, match=r"of another shape: first_conv\.conv\.weight is \[16, 3, 3, 3\], not \[24"
    ):
        read_once_for_all(path, width=1.2)
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(InputError, match="text cannot be read as a file of weights"):
        read_once_for_all(tmp_path / "text")
    torch.save([1, 2], tmp_path / "list")
    with pytest.raises(InputError, match="list holds list, not weights by their names"):
        read_once_for_all(tmp_path / "list")
