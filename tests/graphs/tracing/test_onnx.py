from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torchvision.ops import SqueezeExcitation

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import GraphBuilder, Operation, canonical, trace
from contrastive_nas.graphs.tracing.onnx_file import trace_onnx

onnx = pytest.importorskip("onnx")
helper = onnx.helper


def weight(name: str, *shape: int) -> "onnx.TensorProto":
    return onnx.numpy_helper.from_array(np.ones(shape, dtype=np.float32), name)


def save(path: Path, nodes: list, weights: list, shape: tuple = ("batch", 3, 16, 16), rank: int = 4) -> Path:
    floats = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", floats, shape)],
        [helper.make_tensor_value_info("y", floats, [f"size{axis}" for axis in range(rank)])],
        weights,
    )
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path


def small_file(path: Path, batch: object = "batch") -> Path:
    """The network of :func:`small_graph`, hard swish spelled out, the linear layer as product and sum."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        helper.make_node("BatchNormalization", ["a", "s", "s", "s", "s"], ["b"]),
        helper.make_node("Add", ["b", "three"], ["c"]),
        helper.make_node("Clip", ["c", "nought", "six"], ["d"]),
        helper.make_node("Mul", ["b", "d"], ["e"]),
        helper.make_node("Div", ["e", "six"], ["f"]),
        helper.make_node("MaxPool", ["f"], ["g"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("ReduceMean", ["g", "axes"], ["h"], keepdims=1),
        helper.make_node("Shape", ["h"], ["size"], start=0, end=1),
        helper.make_node("Concat", ["size", "rest"], ["flat"], axis=0),
        helper.make_node("Reshape", ["h", "flat"], ["i"]),
        helper.make_node("MatMul", ["i", "m"], ["j"]),
        helper.make_node("Add", ["j", "v"], ["y"]),
    ]
    numbers = {"three": np.float32(3), "nought": np.float32(0), "six": np.float32(6)}
    numbers |= {"axes": np.array([2, 3]), "rest": np.array([-1])}
    weights = [weight("w", 8, 3, 3, 3), weight("s", 8), weight("m", 8, 10), weight("v", 10)]
    weights += [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in numbers.items()]
    return save(path, nodes, weights, (batch, 3, 16, 16), rank=2)


def small_graph() -> GraphBuilder:
    builder = GraphBuilder((3, 16, 16))
    x = builder.batch_norm(builder.conv(builder.input, 8, 3, stride=2))
    x = builder.pool(Operation.MAX_POOL, builder.unary(Operation.HARD_SWISH, x), 3, stride=2, padding=1)
    builder.output(builder.linear(builder.global_avg_pool(x), 10))
    return builder


@pytest.mark.parametrize("batch", ["batch", 1, 4])
def test_a_file_gives_what_the_builder_writes(tmp_path: Path, batch: object) -> None:
    graph = canonical(trace_onnx(small_file(tmp_path / "network.onnx", batch)))
    expected = canonical(small_graph().graph())
    assert np.array_equal(graph.features, expected.features)
    assert np.array_equal(graph.edges, expected.edges)


class SmallNetwork(nn.Module):
    """Has what exporters like to rewrite."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.gate = SqueezeExcitation(8, 4)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(16, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.gate(self.stem(x))
        shuffled = (
            torch.cat([x, nn.functional.relu6(x)], 1).unflatten(1, (2, 8)).transpose(1, 2).flatten(1, 2)
        )
        first, second = nn.functional.max_pool2d(shuffled, 3, 2, 1).chunk(2, 1)
        return self.head(torch.cat([second, first + 1], 1))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small", "resnet18", "mobilenet_v3_small"])
def test_exported_networks_equal_their_traces(tmp_path: Path, name: str) -> None:
    module = SmallNetwork() if name == "small" else torchvision.models.get_model(name, weights=None)
    path, image = tmp_path / "network.onnx", torch.zeros(1, 3, 64, 64)
    # Optimising merges norms into the convolutions before them.
    torch.onnx.export(module.eval(), (image,), path, optimize=False, verbose=False, external_data=False)
    found, expected = canonical(trace_onnx(path)), canonical(trace(module, (3, 64, 64)))
    assert np.array_equal(found.features, expected.features)
    assert np.array_equal(found.edges, expected.edges)


def test_operators_outside_the_vocabulary_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nodes = [helper.make_node("CumSum", ["x", "axis"], ["y"])]
    axis = onnx.numpy_helper.from_array(np.array(1), "axis")
    assert trace_onnx(save(tmp_path / "network.onnx", nodes, [axis])).unknown_count == 1
    assert "CumSum" in caplog.text


def test_bad_files(tmp_path: Path) -> None:
    path = small_file(tmp_path / "network.onnx")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"network\.onnx: not a valid ONNX model"):
        trace_onnx(path)
    with pytest.raises(InputError, match=r"absent\.onnx: not a valid ONNX model"):
        trace_onnx(tmp_path / "absent.onnx")
    wrong = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    with pytest.raises(InputError, match="MatMul, which gives y"):
        trace_onnx(save(path, wrong, [weight("w", 5, 4)]))
