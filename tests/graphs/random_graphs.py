"""Small random graphs, valid but of no use as networks."""

import numpy as np

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import FEATURE_COUNT, FEATURES, ComputationGraph

_INNER = (
    Operation.CONV,
    Operation.RELU,
    Operation.ADD,
    Operation.MAX_POOL,
    Operation.BATCH_NORM,
    Operation.MUL,
)


def random_graph(rng: np.random.Generator, nodes: int) -> ComputationGraph:
    """One input, then random operations with one to three earlier arguments each, then the output."""
    features = np.zeros((nodes, FEATURE_COUNT), dtype=np.int32)
    features[:, 0] = [Operation.INPUT, *rng.choice(_INNER, nodes - 2), Operation.OUTPUT]
    sides = np.maximum.accumulate(rng.integers(0, 3, nodes))
    sides[0] = 0
    features[:, FEATURES["out_shape"]] = np.stack(
        [rng.choice([8, 16], nodes), 32 >> sides, 32 >> sides], axis=1
    )
    features[:, FEATURES["in_shape"]] = features[:, FEATURES["out_shape"]]
    windowed = np.isin(features[:, 0], (Operation.CONV, Operation.MAX_POOL))
    features[:, FEATURES["kernel"]] = (windowed * rng.choice([1, 3, 5], nodes))[:, None]
    convolution = features[:, 0] == Operation.CONV
    features[:, FEATURES["weight_shape"]][convolution] = (8, 8, 3, 3)
    edges = [
        (source, target)
        for target in range(1, nodes)
        for source in rng.integers(0, target, 1 if target == nodes - 1 else rng.integers(1, 4))
    ]
    return ComputationGraph(features, np.array(edges, dtype=np.int32).reshape(-1, 2).T.copy())
