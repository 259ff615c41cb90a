"""What graphs of ONNX files hold beyond the features of their nodes, and what they say they do not hold."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.graphs.tracing.random_modules import SIZE, Call, parameter, random_module
from tests.graphs.tracing.test_attributes import FAMILIES, SHAPE
from tests.graphs.tracing.test_onnx_as_found import conv, export, helper, result, written
from torch import nn

from contrastive_nas.graphs import ComputationGraph, function_hash, sharing_key, trace
from contrastive_nas.graphs.costs import parameters
from contrastive_nas.graphs.tracing.onnx_file import trace_onnx

PICTURE = (3, 8, 8)
RANDOM = np.random.default_rng(0)


def drawn(*shape: int) -> np.ndarray:
    return RANDOM.uniform(0.5, 1.5, shape).astype(np.float32)


FILTERS, WIDE, CHANNELS = drawn(3, 3, 3, 3), drawn(3, 3, 1, 1), drawn(3)
STATISTICS = {"s": CHANNELS, "b": drawn(3), "mean": drawn(3), "var": drawn(3)}


def one(operator: str, *further: str, **attributes: Any) -> list:
    """A network of one operator on the image."""
    return [helper.make_node(operator, ["x", *further], ["y"], **attributes)]


def graph_of(path: Path, nodes: list, weights: dict[str, Any], version: int = 17) -> ComputationGraph:
    opsets = [helper.make_opsetid("", version)]
    return written(
        path / "one.onnx", nodes, weights, [f"size{axis}" for axis in range(4)], opset_imports=opsets
    )


def integers(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


Variant = tuple[list, dict[str, Any]]
# Files of which no two are one function, though they differ by one attribute or constant alone.
VARIANTS: dict[str, list[Variant]] = {
    "slope": [(one("LeakyRelu", alpha=slope), {}) for slope in (0.01, 0.1, 0.0100001)],
    "alpha of ELU": [*((one("Elu", alpha=a), {}) for a in (1.0, 2.0)), (one("Celu", alpha=2.0), {})],
    "alpha of SELU": [(one("Selu", **given), {}) for given in ({}, {"alpha": 1.5}, {"gamma": 1.5})],
    "hard sigmoid": [(one("HardSigmoid", **given), {}) for given in ({}, {"alpha": 1 / 6}, {"beta": 0.4})],
    "shrinking": [(one("Shrink", **given), {}) for given in ({}, {"bias": 0.1}, {"lambd": 0.2})],
    "axis of softmax": [(one("Softmax", axis=axis), {}) for axis in (1, 2, 3)],
    "bounds": [
        (one("Clip", "low", "high"), {"low": np.float32(low), "high": np.float32(high)})
        for low, high in ((0, 6), (0, 7), (-1, 6))
    ],
    "lower bound alone": [(one("Clip", "low"), {"low": np.float32(low)}) for low in (0, 0.5)],
    "factor": [(one("Mul", "k"), {"k": np.float32(k)}) for k in (2, 3, -1)],
    "summand": [(one("Add", "k"), {"k": np.float32(k)}) for k in (2, 3, -1)],
    "divisor": [(one("Div", "k"), {"k": np.float32(k)}) for k in (2, 3, -1)],
    "exponent": [(one("Pow", "k"), {"k": np.float32(k)}) for k in (2, 3, 0.5)],
    "threshold": [
        (
            [
                helper.make_node("Greater", ["x", "k"], ["c"]),
                helper.make_node("Where", ["c", "x", "o"], ["y"]),
            ],
            {"k": np.float32(k), "o": np.float32(o)},
        )
        for k, o in ((0, 0), (0, 1), (1, 0))
    ],
    "epsilon and momentum": [
        (one("BatchNormalization", "s", "b", "mean", "var", **given), STATISTICS)
        for given in ({}, {"epsilon": 0.1}, {"momentum": 0.5})
    ],
    "epsilon of a norm": [
        (one("InstanceNormalization", "s", "b", **given), STATISTICS) for given in ({}, {"epsilon": 0.1})
    ],
    "padding": [
        (one("Conv", "w", pads=pads, strides=[2, 2]), {"w": FILTERS})
        for pads in ([1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1])
    ],
    "automatic padding": [
        (one("Conv", "w", auto_pad=kind, strides=[2, 2]), {"w": FILTERS})
        for kind in ("SAME_UPPER", "SAME_LOWER")
    ],
    "pooling": [
        *((one("AveragePool", kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=k), {}) for k in (0, 1)),
        *((one("LpPool", kernel_shape=[3, 3], pads=[1] * 4, p=p), {}) for p in (1, 2)),
    ],
    "overhanging windows": [
        (one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=k, pads=pads), {})
        for k, pads in ((1, [0] * 4), (0, [1] * 4))
    ],
    "kind of reduction": [
        (one(kind, axes=[1], keepdims=1), {})
        for kind in (
            "ReduceMean",
            "ReduceMax",
            "ReduceMin",
            "ReduceL1",
            "ReduceL2",
            "ReduceProd",
            "ReduceSumSquare",
        )
    ],
    "axis of reduction": [(one("ReduceMean", axes=[axis], keepdims=1), {}) for axis in (2, 3)],
    "mode of padding": [
        *(
            (one("Pad", "p", mode=mode), {"p": integers(0, 0, 1, 1, 0, 0, 1, 1)})
            for mode in ("edge", "reflect")
        ),
        *(
            (one("Pad", "p", "v"), {"p": integers(0, 0, 1, 1, 0, 0, 1, 1), "v": np.float32(v)})
            for v in (0, 1)
        ),
        (one("Pad", "p"), {"p": integers(0, 0, 2, 0, 0, 0, 0, 2)}),
    ],
    "upsampling": [
        (one("Resize", "", "f", **given), {"f": np.array([1, 1, 2, 2], np.float32)})
        for given in (
            {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
            {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "ceil"},
            {"mode": "linear"},
            {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
            {"mode": "cubic"},
            {"mode": "cubic", "cubic_coeff_a": -0.5},
        )
    ],
    "part": [
        (one("Slice", "s", "e", "a"), {"s": integers(k), "e": integers(k + 4), "a": integers(2)})
        for k in (0, 2, 4)
    ],
    "parts of one sum": [
        (
            [
                helper.make_node("Split", ["x", "k"], ["a", "b"], axis=2),
                helper.make_node("Concat", names, ["y"], axis=2),
            ],
            {"k": integers(4, 4)},
        )
        for names in (["a", "b"], ["b", "a"], ["b", "b"])
    ],
    "place": [(one("Gather", "i", axis=2), {"i": np.int64(k)}) for k in (0, 3)],
    "several places": [(one("Gather", "i", axis=2), {"i": integers(*k)}) for k in ((0, 1), (1, 0), (3, 4))],
    "order of dimensions": [
        (one("Transpose", perm=perm), {}) for perm in ([0, 1, 3, 2], [0, 3, 2, 1], [0, 2, 1, 3])
    ],
    "order of channels": [
        (one("SpaceToDepth", blocksize=2), {}),
        *(
            (
                [
                    helper.make_node("SpaceToDepth", ["x"], ["a"], blocksize=2),
                    helper.make_node("DepthToSpace", ["a"], ["y"], blocksize=2, mode=mode),
                ],
                {},
            )
            for mode in ("DCR", "CRD")
        ),
    ],
    "local response": [
        (one("LRN", size=3, **given), {}) for given in ({}, {"alpha": 0.1}, {"beta": 0.5}, {"bias": 2.0})
    ],
    "dropout": [
        (one("Dropout", "p", "t"), {"p": np.float32(p), "t": np.bool_(True)}) for p in (0.0, 0.1, 0.5)
    ],
    "type": [
        ([helper.make_node("Cast", ["x"], ["a"], to=kind), helper.make_node("Cast", ["a"], ["y"], to=1)], {})
        for kind in (6, 10, 1)
    ],
    "factor of a product": [
        (
            [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("Gemm", ["f", "w"], ["y"], **given)],
            {"w": drawn(192, 192)},
        )
        for given in ({}, {"alpha": 2.0})
    ],
    "slopes": [(one("PRelu", "k"), {"k": drawn(*shape)}) for shape in ((1,), (3, 1, 1), (8,), (8, 1))],
    "products": [(one("Einsum", "x", equation=k), {}) for k in ("bcij,bcjk->bcik", "bcij,bckj->bcik")],
}


@pytest.mark.parametrize("name", VARIANTS)
def test_files_that_differ_in_one_place_share_nothing(tmp_path: Path, name: str) -> None:
    graphs = [graph_of(tmp_path, *variant) for variant in VARIANTS[name]]
    assert all(graph.complete for graph in graphs)
    assert len({sharing_key(graph, place) for place, graph in enumerate(graphs)}) == len(graphs)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_same_file_shares_with_itself(tmp_path: Path, name: str) -> None:
    nodes, weights = VARIANTS[name][0]
    assert function_hash(graph_of(tmp_path, nodes, weights)) == function_hash(
        graph_of(tmp_path, nodes, weights)
    )


def test_what_weights_hold_does_not_matter(tmp_path: Path) -> None:
    first, second = (graph_of(tmp_path, one("Conv", "w"), {"w": drawn(3, 3, 3, 3)}) for _ in range(2))
    assert first.complete
    assert function_hash(first) == function_hash(second)


BLUR = np.tile(np.array([1, 2, 1], np.float32).reshape(1, 1, 3, 1), (3, 1, 1, 3))
CONDITION = [
    helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
    helper.make_node("Greater", ["s", "nought"], ["c"]),
    helper.make_node(
        "If",
        ["c"],
        ["y"],
        then_branch=helper.make_graph([helper.make_node("Relu", ["x"], ["t"])], "then", [], [result("t")]),
        else_branch=helper.make_graph([helper.make_node("Abs", ["x"], ["e"])], "else", [], [result("e")]),
    ),
]
QUANTISED = [
    helper.make_node("QuantizeLinear", ["x", "k", "z"], ["q"]),
    helper.make_node("DequantizeLinear", ["q", "k", "z"], ["y"]),
]
TWICE = [conv("w", "x", "a"), helper.make_node("Relu", ["a"], ["r"]), conv("w", "r", "y")]
UNSURE: dict[str, Variant] = {
    "a stored tensor that is no weight of a layer": (one("Mul", "k"), {"k": drawn(3, 1, 1)}),
    "a filter that is the same for all channels": (one("Conv", "w", group=3), {"w": BLUR}),
    "weights that are no parameters": (
        [helper.make_node("Constant", [], ["n"], value_float=1.0), *one("Mul", "k")],
        {"k": drawn(1, 8, 8)},
    ),
    "a branch that the data decides": (CONDITION, {"nought": np.float32(0)}),
    "quantised numbers": (QUANTISED, {"k": np.float32(0.1), "z": np.int8(0)}),
    "dropout that is not trained": (one("Dropout", "p"), {"p": np.float32(0.1)}),
    "written numbers that are read twice": (
        TWICE,
        {"w": np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1).repeat(9, 2).reshape(3, 3, 3, 3)},
    ),
    "an operator outside the vocabulary": (one("CumSum", "k"), {"k": np.int64(1)}),
    "a large table": (one("Gather", "i", axis=2), {"i": np.zeros((300, 300), np.int64)}),
}


@pytest.mark.parametrize("name", UNSURE)
def test_what_is_not_sure_is_not_held(tmp_path: Path, name: str) -> None:
    assert not graph_of(tmp_path, *UNSURE[name]).complete


def test_which_of_two_shared_layers_is_repeated(tmp_path: Path) -> None:
    def chain(*order: int) -> ComputationGraph:
        names = ["x", "a", "b", "c", "y"]
        nodes = [conv(f"w{own}", *names[place : place + 2]) for place, own in enumerate(order)]
        return graph_of(tmp_path, nodes, {"w0": FILTERS, "w1": drawn(3, 3, 3, 3)})

    graphs = [chain(*order) for order in ((0, 1, 0, 1), (0, 1, 1, 0), (0, 0, 1, 1), (0, 1, 0, 0))]
    assert all(graph.complete for graph in graphs)
    assert len({function_hash(graph) for graph in graphs}) == 4


@pytest.mark.parametrize("fresh", [True, False])
def test_norms_that_share_their_weights_may_keep_statistics_of_their_own(tmp_path: Path, fresh: bool) -> None:
    def chain(second: str) -> ComputationGraph:
        means = {name: np.zeros(3, np.float32) if fresh else drawn(3) for name in ("mean", "other")}
        if fresh:
            # Exporters store equal tensors once.
            second, means = "mean", {"mean": means["mean"]}
        norms = [
            helper.make_node("BatchNormalization", [x, "s", "b", mean, "var"], [y])
            for x, mean, y in (("x", "mean", "a"), ("r", second, "y"))
        ]
        nodes = [norms[0], helper.make_node("Relu", ["a"], ["r"]), norms[1]]
        return graph_of(tmp_path, nodes, {name: STATISTICS[name] for name in ("s", "b", "var")} | means)

    assert not chain("other").complete
    assert chain("mean").complete is not fresh


def test_a_shared_matrix_may_be_turned(tmp_path: Path) -> None:
    def twice(turned: bool) -> ComputationGraph:
        nodes = [
            helper.make_node("Transpose", ["w"], ["t"]),
            helper.make_node("MatMul", ["x", "w"], ["a"]),
            helper.make_node("Relu", ["a"], ["r"]),
            helper.make_node("MatMul", ["r", "t" if turned else "w"], ["y"]),
        ]
        return graph_of(tmp_path, nodes, {"w": drawn(8, 8)})

    graphs = [twice(turned) for turned in (False, True)]
    assert all(graph.complete for graph in graphs)
    assert function_hash(graphs[0]) != function_hash(graphs[1])


class Usual(nn.Module):
    """Layers that both exporters write one to one."""

    def __init__(self, slope: float = 0.1, dropout: float = 0.2) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            *(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8, momentum=0.3), nn.LeakyReLU(slope)),
            *(nn.MaxPool2d(2, 4, 1), nn.Dropout(dropout), nn.ReflectionPad2d(1)),
        )
        self.head = nn.Sequential(nn.Conv2d(8, 8, 3, groups=2), nn.PReLU(8))
        self.last = nn.Linear(8, 10)
        for own in self.parameters():
            nn.init.uniform_(own, 0.5, 1.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).clamp(-0.5, 2.0)
        x = self.head(x * 0.1 + 3)
        return self.last(x.mean((2, 3)).softmax(-1))


@pytest.mark.parametrize("dynamo", [False, True])
def test_s2_a_module_shares_with_its_file(tmp_path: Path, dynamo: bool) -> None:
    module = Usual(dropout=0.0).eval()
    found = trace_onnx(export(tmp_path / "usual.onnx", module, (1, 3, 16, 16), dynamo=dynamo))
    assert found.complete
    assert function_hash(found) == function_hash(trace(module, (3, 16, 16)))
    other = Usual(0.2, dropout=0.0).eval()
    assert function_hash(found) != function_hash(trace(other, (3, 16, 16)))


def test_a_module_in_training_shares_with_its_file(tmp_path: Path) -> None:
    module = Usual().train()
    kept = {"training": torch.onnx.TrainingMode.PRESERVE}
    found = trace_onnx(export(tmp_path / "usual.onnx", module, (1, 3, 16, 16), **kept))
    assert found.complete
    assert function_hash(found) == function_hash(trace(module, (3, 16, 16)))


@pytest.mark.parametrize("mark", [True, False])
def test_marked_operands_are_parameters_or_buffers(tmp_path: Path, mark: bool) -> None:
    """PyTorch's newer exporter says which stored tensors are parameters, and which are buffers."""
    held = {"k": parameter(3, 1, 1)} if mark else {"k": nn.Buffer(torch.rand(3, 1, 1))}
    module = Call(lambda s, x: x * s.k, **held)
    found = trace_onnx(export(tmp_path / "marked.onnx", module, (1, *PICTURE), dynamo=True))
    assert found.complete
    assert function_hash(found) == function_hash(trace(module, PICTURE))
    assert parameters(found.features).sum() == (3 if mark else 0)


def test_marked_statistics_tell_norms_apart_that_share_their_weights(tmp_path: Path) -> None:
    def chain(second: int) -> ComputationGraph:
        norms = nn.ModuleList(nn.BatchNorm2d(3) for _ in range(2))
        norms[1].weight, norms[1].bias = norms[0].weight, norms[0].bias
        for norm in norms:
            for own in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                nn.init.uniform_(own, 0.5, 1.5)
        module = Call(lambda s, x: s.norms[second](s.norms[0](x).exp()), norms=norms).eval()
        return trace_onnx(export(tmp_path / "norms.onnx", module, (1, *PICTURE), dynamo=True))

    own, shared = chain(1), chain(0)
    assert not own.complete
    assert shared.complete


# Exporters leave these out of a file, or cannot write them; flattening the batch with something else is, with
# the one image that these files are for, flattening that alone.
LEFT_OUT = {
    "flattening",
    "dropout",
    "divisor",
    "gradient",
    "frozen weights",
    "softplus",
    "groups of a shuffle",
    "products of pairs",
    "distances from nowhere",
}


def keys_of(path: Path, modules: Sequence[nn.Module], dynamo: bool) -> list[int]:
    graphs = []
    for module in modules:
        for own in module.parameters():
            nn.init.uniform_(own, 0.5, 1.5)
        graphs.append(trace_onnx(export(path / "one.onnx", module.eval(), (1, *SHAPE), dynamo=dynamo)))
    return [sharing_key(graph, place) for place, graph in enumerate(graphs)]


QUICK = ("bounds", "batch norm", "part", "kind of reduction", "padding mode", "shuffle by hand")


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in sorted(set(FAMILIES) - LEFT_OUT)
    ],
)
def test_s2_files_of_modules_that_differ_share_nothing(tmp_path: Path, name: str) -> None:
    keys = keys_of(tmp_path, FAMILIES[name], dynamo=False)
    assert len(set(keys)) == len(keys)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_random_modules_share_with_their_files(tmp_path: Path) -> None:
    """Not all do: exporters write attention and others in parts. Of 60, 45 were complete and 12 shared."""
    complete = shared = 0
    for seed in range(60):
        module = random_module(seed)
        found = trace_onnx(export(tmp_path / "one.onnx", module, (1, 3, SIZE, SIZE), dynamo=True))
        complete += found.complete
        shared += found.complete and function_hash(found) == function_hash(trace(module, (3, SIZE, SIZE)))
    assert complete >= 40
    assert shared >= 10


def test_activations_that_are_not_quite_spelled_out_are_not_held(tmp_path: Path) -> None:
    def swish(sixth: float) -> ComputationGraph:
        nodes = [
            helper.make_node("Add", ["x", "three"], ["a"]),
            helper.make_node("Clip", ["a", "nought", "six"], ["b"]),
            helper.make_node("Mul", ["x", "b"], ["c"]),
            helper.make_node("Mul", ["c", "sixth"], ["y"]),
        ]
        numbers = {"three": 3, "nought": 0, "six": 6, "sixth": sixth}
        return graph_of(tmp_path, nodes, {name: np.float32(one) for name, one in numbers.items()})

    assert swish(1 / 6).complete
    assert not swish(0.1667).complete
