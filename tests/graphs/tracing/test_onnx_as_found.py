"""ONNX files as exporters and other tools write them: branches, loops, functions, integers, any shape."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.graphs.tracing.random_modules import SIZE, Call, parameter, random_module
from torch import nn
from torch.nn import functional as F

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import ComputationGraph, canonical, trace
from contrastive_nas.graphs.costs import multiply_accumulates, parameters
from contrastive_nas.graphs.tracing.onnx_file import trace_onnx

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnx.inliner")
helper, FLOAT = onnx.helper, onnx.TensorProto.FLOAT
PICTURE = (3, 8, 8)


def costs(graph: ComputationGraph) -> tuple[int, int]:
    return int(multiply_accumulates(graph.features).sum()), int(parameters(graph.features).sum())


def export(
    path: Path, module: nn.Module, shape: Sequence[int], *, dynamo: bool = False, **options: object
) -> Path:
    """A file that holds the module as it is, nothing merged."""
    own = {"optimize": False, "external_data": False} if dynamo else {"do_constant_folding": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = {"dynamo": dynamo, "verbose": False, "input_names": ["x"]} | own | options
        torch.onnx.export(module, (torch.rand(*shape),), str(path), **settings)
    return path


def written(
    path: Path, nodes: Sequence, weights: dict[str, np.ndarray], output: Sequence[int], **options: object
) -> ComputationGraph:
    """The graph of a file written node by node, from one image ``x`` of 3 x 8 x 8 to ``y``."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", FLOAT, [1, *PICTURE])],
        [helper.make_tensor_value_info("y", FLOAT, output)],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    settings = {"opset_imports": [helper.make_opsetid("", 17)], "ir_version": 8} | options
    onnx.save(helper.make_model(graph, **settings), path)
    return trace_onnx(path)


class Branching(nn.Module):
    """Weights as parameters of its own: torch takes a list among the attributes of a scripted layer, such as
    the padding of ``nn.Conv2d``, for a function that had the same address before it was deleted.
    """

    def __init__(self, threshold: int) -> None:
        super().__init__()
        self.threshold = threshold
        self.first, self.first_bias = parameter(8, 3, 3, 3), parameter(8)
        self.second, self.second_bias = parameter(16, 8, 3, 3), parameter(16)
        self.head, self.head_bias = parameter(10, 16), parameter(10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.conv2d(x, self.first, self.first_bias, padding=1).relu()
        if x.size(2) > self.threshold:
            x = F.avg_pool2d(x, 2)
        x = F.conv2d(x, self.second, self.second_bias, padding=1).relu()
        return F.linear(x.mean([2, 3]), self.head, self.head_bias)


@pytest.mark.parametrize(("threshold", "expected"), [(32, 2_064_544), (64, 5_603_488)])
def test_s1_a_branch_that_a_shape_decides(tmp_path: Path, threshold: int, expected: int) -> None:
    scripted = torch.jit.script(Branching(threshold).eval())
    free = {"dynamic_axes": {"x": {0: "batch"}}}
    path = export(tmp_path / "if.onnx", scripted, (1, 3, 64, 64), **free)
    assert costs(trace_onnx(path)) == (expected, 1562)


def conv(name: str, x: str, output: str, **options: object) -> "onnx.NodeProto":
    return helper.make_node("Conv", [x, name], [output], pads=[1] * 4, **options)


def result(name: str) -> "onnx.ValueInfoProto":
    return helper.make_tensor_value_info(name, FLOAT, None)


def test_s1_branches_that_the_data_decides_count_the_costlier(tmp_path: Path) -> None:
    then = helper.make_graph([helper.make_node("Relu", ["x"], ["t"])], "then", [], [result("t")])
    other = helper.make_graph([conv("w", "x", "e")], "else", [], [result("e")])
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
        helper.make_node("Greater", ["s", "nought"], ["c"]),
        helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other),
    ]
    weights = {"w": np.ones((3, 3, 3, 3), np.float32), "nought": np.float32(0)}
    assert costs(written(tmp_path / "if.onnx", nodes, weights, [1, 3, 8, 8])) == (64 * 81, 81)


@pytest.mark.parametrize("taken", [True, False])
def test_s1_a_branch_that_a_constant_decides(tmp_path: Path, taken: bool) -> None:
    """A second convolution in the one branch, nothing in the other, and one behind both."""
    then = helper.make_graph([conv("w", "x", "t")], "then", [], [result("t")])
    other = helper.make_graph([helper.make_node("Relu", ["x"], ["e"])], "else", [], [result("e")])
    nodes = [
        helper.make_node("If", ["condition"], ["z"], then_branch=then, else_branch=other),
        conv("v", "z", "y"),
    ]
    ones = np.ones((3, 3, 3, 3), np.float32)
    weights = {"condition": np.asarray(taken), "w": ones, "v": 2 * ones}
    found = written(tmp_path / "if.onnx", nodes, weights, [1, 3, 8, 8])
    assert costs(found) == ((1 + taken) * 64 * 81, (1 + taken) * 81)


def test_s1_a_loop_that_reads_only_what_is_outside(tmp_path: Path) -> None:
    """Five passes that add a convolution of the image: weights once, products five times."""
    body = helper.make_graph(
        [
            conv("w", "x", "t"),
            helper.make_node("Add", ["state", "t"], ["next"]),
            helper.make_node("Identity", ["going"], ["on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("number", onnx.TensorProto.INT64, []),
            helper.make_tensor_value_info("going", onnx.TensorProto.BOOL, []),
            result("state"),
        ],
        [helper.make_tensor_value_info("on", onnx.TensorProto.BOOL, []), result("next")],
    )
    nodes = [helper.make_node("Loop", ["count", "", "x"], ["y"], body=body)]
    weights = {"w": np.ones((3, 3, 3, 3), np.float32), "count": np.int64(5)}
    weights["w"][0, 0, 0, 0] = 2
    assert costs(written(tmp_path / "loop.onnx", nodes, weights, [1, 3, 8, 8])) == (5 * 64 * 81, 81)


def test_s6b_local_functions(tmp_path: Path) -> None:
    opset = [helper.make_opsetid("", 17)]
    inner = [conv("w", "a", "t"), helper.make_node("Relu", ["t"], ["o"])]
    block = helper.make_function("mine", "Block", ["a", "w"], ["o"], inner, opset)
    graph = written(
        tmp_path / "functions.onnx",
        [helper.make_node("Block", ["x", "w"], ["y"], domain="mine")],
        {"w": np.ones((8, 3, 3, 3), np.float32)},
        [1, 8, 8, 8],
        functions=[block],
        opset_imports=[*opset, helper.make_opsetid("mine", 1)],
    )
    assert graph.unknown_count == 0
    assert costs(graph) == (13_824, 216)


def test_s6b_sums_of_products(tmp_path: Path) -> None:
    nodes = [helper.make_node("Einsum", ["x", "w"], ["y"], equation="bchw,oc->bohw")]
    graph = written(tmp_path / "einsum.onnx", nodes, {"w": np.ones((8, 3), np.float32)}, [1, 8, 8, 8])
    assert costs(graph) == (1536, 24)


INTEGERS = {"s": np.float32(0.1), "z": np.int8(0), "w": np.ones((8, 3, 3, 3), np.int8)}
QUANTISED = [
    helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
    helper.make_node("QLinearConv", ["q", "s", "z", "w", "s", "z", "s", "z"], ["c"], pads=[1] * 4),
    helper.make_node("DequantizeLinear", ["c", "s", "z"], ["y"]),
]
DYNAMIC = [
    helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "xs", "xz"]),
    helper.make_node("ConvInteger", ["q", "w", "xz"], ["c"], pads=[1] * 4),
    helper.make_node("Cast", ["c"], ["y"], to=1),
]


@pytest.mark.parametrize("nodes", [QUANTISED, DYNAMIC], ids=["static", "dynamic"])
def test_s6b_quantised_operators_are_their_twins_on_real_numbers(tmp_path: Path, nodes: list) -> None:
    graph = written(tmp_path / "integers.onnx", nodes, INTEGERS, [1, 8, 8, 8])
    assert graph.unknown_count == 0
    assert costs(graph) == (13_824, 216)


@pytest.mark.parametrize("dynamo", [False, True])
def test_s6b_recurrent_layers(tmp_path: Path, dynamo: bool) -> None:
    module = Call(lambda s, x: s.r(x)[0], r=nn.LSTM(16, 32, batch_first=True)).eval()
    path = export(tmp_path / "lstm.onnx", module, (1, 20, 16), dynamo=dynamo)
    assert costs(trace_onnx(path)) == (20 * 128 * 48, sum(one.numel() for one in module.parameters()))


def attend(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    q = x.unsqueeze(1)
    return F.scaled_dot_product_attention(q, q, q, attn_mask=mask).squeeze(1)


MASKS = {
    "learned": lambda: Call(lambda s, x: attend(x, s.mask), mask=parameter(1, 1, 10, 10)),
    "computed": lambda: Call(lambda s, x: attend(x, s.mask(x).unsqueeze(1)), mask=nn.Linear(32, 10)),
}


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("kind", MASKS)
def test_s7_masks_are_read(tmp_path: Path, kind: str, dynamo: bool) -> None:
    module = MASKS[kind]().eval()
    found = costs(trace_onnx(export(tmp_path / "mask.onnx", module, (1, 10, 32), dynamo=dynamo)))
    products = 2 * 10 * 10 * 32 + (10 * 10 * 32 if kind == "computed" else 0)
    assert found == (products, sum(one.numel() for one in module.parameters()))


@pytest.mark.parametrize(("kind", "expected"), [("learned", (3072, 64)), ("computed", (4608, 64))])
def test_s7_masks_of_the_operator_are_read(tmp_path: Path, kind: str, expected: tuple[int, int]) -> None:
    """Three heads of eight places: two products of 3 x 8 x 8 x 8, and a third where the mask is computed."""
    generator = np.random.default_rng(0)
    nodes, mask = [], "weight"
    if kind == "computed":
        nodes, mask = [helper.make_node("MatMul", ["x", "weight"], ["mask"])], "mask"
    nodes.append(helper.make_node("Attention", ["x", "x", "x", mask], ["y"]))
    weights = {"weight": generator.random((8, 8), np.float32)}
    version = {"opset_imports": [helper.make_opsetid("", 23)], "ir_version": 11}
    found = written(tmp_path / "attention.onnx", nodes, weights, [1, 3, 8, 8], **version)
    assert costs(found) == costs(canonical(found)) == expected


OPERANDS: dict[str, Callable[[Call, torch.Tensor], torch.Tensor]] = {
    "where": lambda s, x: torch.where(x > 0, x, s.p),
    "minimum": lambda s, x: torch.minimum(x, s.p),
    "power": lambda s, x: x.clamp(min=1e-6).pow(s.p),
    "lerp": lambda s, x: torch.lerp(x, x.relu(), s.p),
}


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("name", OPERANDS)
def test_s9_parameters_outside_of_layers(tmp_path: Path, name: str, dynamo: bool) -> None:
    module = Call(OPERANDS[name], p=parameter(*PICTURE))
    path = export(tmp_path / "operand.onnx", module.eval(), (1, *PICTURE), dynamo=dynamo)
    assert costs(trace_onnx(path))[1] == 192


def test_s9_rows_of_an_embedding(tmp_path: Path) -> None:
    module = Call(lambda s, x: s.table(x.long()), table=nn.Embedding(10, 16)).eval()
    assert costs(trace_onnx(export(tmp_path / "table.onnx", module, (1, 7)))) == (0, 160)


@pytest.mark.parametrize("free", [False, True], ids=["one image", "free batch"])
def test_u1_files_with_shapes_that_are_computed(tmp_path: Path, free: bool) -> None:
    """Group norm at operator set 11, channel shuffle: the older exporter computes shapes in the file."""

    def shuffled(s: Call, x: torch.Tensor) -> torch.Tensor:
        x = s.norm(s.first(x))
        return x.view(x.shape[0], 2, 8, x.shape[2], x.shape[3]).transpose(1, 2).flatten(1, 2)

    module = Call(shuffled, first=nn.Conv2d(3, 16, 3), norm=nn.GroupNorm(4, 16))
    for weight in module.parameters():
        nn.init.uniform_(weight)
    options = {"dynamic_axes": {"x": {0: "batch"}}} if free else {}
    path = export(tmp_path / "old.onnx", module.eval(), (1, 3, 32, 32), opset_version=11, **options)
    assert costs(trace_onnx(path)) == costs(trace(module, (3, 32, 32))) == (388_800, 480)


def test_u1_any_batch_and_free_sizes(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)).eval()
    expected = costs(trace(module, (3, 20, 24)))
    assert costs(trace_onnx(export(tmp_path / "five.onnx", module, (5, 3, 20, 24)))) == expected
    free = {"dynamic_axes": {"x": {0: "batch", 2: "height", 3: "width"}}}
    path = export(tmp_path / "free.onnx", module, (1, 3, 16, 16), **free)
    assert costs(trace_onnx(path, (3, 20, 24))) == expected
    with pytest.raises(
        InputError, match=r"free sizes, \[3, 'height', 'width'\] for each image: give its shape"
    ):
        trace_onnx(path)
    with pytest.raises(InputError, match=r"not the input_shape \[1, 20, 24\]"):
        trace_onnx(path, (1, 20, 24))


def compare(path: Path, seed: int) -> None:
    """Both exporters' files of a random module have its costs; with two batches, two operator sets."""
    module, batch = random_module(seed), (1, 3)[seed % 2]
    expected = costs(trace(module, (3, SIZE, SIZE)))
    old = export(path, module, (batch, 3, SIZE, SIZE), opset_version=(17, 14)[seed % 2])
    assert costs(trace_onnx(old)) == expected, seed
    assert costs(trace_onnx(export(path, module, (batch, 3, SIZE, SIZE), dynamo=True))) == expected, seed


# Between them they hold every block on images, and attention.
@pytest.mark.parametrize("seed", [0, 1, 3, 7])
def test_random_modules_have_the_costs_of_their_files(tmp_path: Path, seed: int) -> None:
    compare(tmp_path / "random.onnx", seed)


@pytest.mark.very_slow
@pytest.mark.timeout(4 * 3600)
@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 1000, 100))
def test_a_thousand_random_modules_have_the_costs_of_their_files(tmp_path: Path, first: int) -> None:
    for seed in range(first, first + 100):
        compare(tmp_path / "random.onnx", seed)
