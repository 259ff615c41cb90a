"""Running a computation graph with weights, to see that a rewrite keeps what it computes."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from contrastive_nas.graphs import ComputationGraph, Operation
from contrastive_nas.graphs.schema import FEATURES

_NAME = FEATURES["dilation"].start
WEIGHTED = (Operation.CONV, Operation.LINEAR, Operation.BATCH_NORM)


def name_weights(
    graph: ComputationGraph, rng: np.random.Generator
) -> tuple[ComputationGraph, dict[int, Tensor]]:
    """Gives every weighted node random weights and, as its dilation (1 here), a name that rewrites keep."""
    features = graph.features.copy()
    weighted = np.flatnonzero(np.isin(graph.op, WEIGHTED))
    features[weighted, _NAME] = np.arange(len(weighted)) + 100
    weights = {}
    for node in weighted:
        shape = graph.weight_shape[node]
        shape = {Operation.CONV: shape, Operation.LINEAR: shape[:2]}.get(graph.op[node], shape[:1])
        weights[int(features[node, _NAME])] = torch.from_numpy(rng.normal(size=shape)).double()
    return ComputationGraph(features, graph.edges), weights


def execute(graph: ComputationGraph, weights: dict[int, Tensor], image: Tensor) -> Tensor:
    """What the network gives; batch norm takes the batch's statistics and no shift, as a fresh one does."""
    results: dict[int, Tensor] = {}

    def result(node: int) -> Tensor:
        if node not in results:
            arguments = [result(int(source)) for source in graph.edges[0, graph.edges[1] == node]]
            results[node] = _run(graph, node, arguments, weights, image)
        return results[node]

    return result(int(np.flatnonzero(graph.op == Operation.OUTPUT)[0]))


def _run(
    graph: ComputationGraph, node: int, xs: list[Tensor], weights: dict[int, Tensor], image: Tensor
) -> Tensor:
    operation = Operation(graph.op[node])
    weight = weights.get(int(graph.features[node, _NAME]))
    stride = tuple(map(int, graph.stride[node]))
    kernel = tuple(map(int, graph.kernel[node]))
    # Pooling and convolution of one stride keep the size; windows of the size of the stride cut nothing off.
    padding = kernel[0] // 2 if kernel[0] % 2 else 0
    if operation == Operation.ZERO:
        return torch.zeros((len(image), *map(int, graph.out_shape[node])), dtype=image.dtype)
    calls = {
        Operation.INPUT: lambda: image,
        Operation.OUTPUT: lambda: xs[0],
        Operation.IDENTITY: lambda: xs[0],
        Operation.RESHAPE: lambda: xs[0],
        Operation.RELU: lambda: functional.relu(xs[0]),
        Operation.CONV: lambda: functional.conv2d(xs[0], weight, None, stride, padding),
        Operation.LINEAR: lambda: functional.linear(xs[0].flatten(1), weight)[..., None, None],
        Operation.BATCH_NORM: lambda: functional.batch_norm(xs[0], None, None, weight, training=True),
        Operation.AVG_POOL: lambda: functional.avg_pool2d(
            xs[0], kernel, stride, padding, count_include_pad=False
        ),
        Operation.GLOBAL_AVG_POOL: lambda: xs[0].mean((2, 3), keepdim=True),
        Operation.ADD: lambda: sum(xs[1:], xs[0]),
        Operation.MUL: lambda: torch.stack(torch.broadcast_tensors(*xs)).prod(0),
        Operation.CONCAT: lambda: torch.cat(xs, 1),
    }
    return calls[operation]()
