"""Numbers that describe a whole network: costs, sizes, paths, and how both spread over the resolutions.

All graphs of a batch are measured at once; only the levels of the deepest graph are a loop. Statistics of
paths run over all paths from an input to the output, every path counting the same; their number grows
exponentially with depth, so they are computed by sum-product and max-plus recursions
(:mod:`contrastive_nas.graphs.statistics.paths`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs import costs
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch, IntArray, column
from contrastive_nas.graphs.statistics.kinds import (
    CONVOLUTIONS,
    DENSE_SPATIAL,
    GROUPED,
    KINDS,
    kind_indicator,
    node_kinds,
)
from contrastive_nas.graphs.statistics.paths import PathStatistics, path_statistics
from contrastive_nas.graphs.statistics.signal_statistics import signal_columns, signal_names
from contrastive_nas.graphs.statistics.sweep import Sweep

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]

# What is counted along a path. ``receptive_field`` is the growth of the receptive field in input pixels.
PATH_QUANTITIES: dict[str, tuple[str, ...]] = {
    "nodes": KINDS,
    "convs": CONVOLUTIONS,
    "dense_spatial": DENSE_SPATIAL,
    "dense_pointwise": ("conv_1",),
    "grouped": GROUPED,
    "pools": ("max_pool", "avg_pool"),
    "joins": ("add", "concat", "mul"),
    "receptive_field": (),
}
# Quantities whose whole distribution over paths is summarised by log sum over paths of exp(tilt * quantity).
TILTED_QUANTITIES = ("convs", "dense_spatial", "pools")
TILTS = (-1.0, 1.0)
# The same over paths weighted by the variance of signals that they carry.
SIGNAL_TILTED = ("convs", "dense_spatial")
# Resolutions relative to the input, log2 of the ratio of sides; the last takes everything smaller.
STAGES = 6
STAGE_COUNTS: dict[str, tuple[str, ...]] = {
    "dense_spatial": DENSE_SPATIAL,
    "pointwise": ("conv_1",),
    "grouped": GROUPED,
    "pools": ("max_pool", "avg_pool"),
    "mul": ("mul",),
}
# Numbers of output channels, log2; the ends take what is beyond.
CHANNEL_BINS = range(3, 12)
_DECIMALS = 9
# Nodes that are measured together; bounds memory at some 300 MB.
_NODES_AT_ONCE = 1 << 18

STATISTICS: tuple[str, ...] = (
    "log_macs",
    "log_parameters",
    "log_activations",
    "log_nodes",
    "log_edges",
    "depth",
    "width",
    *(f"count_{kind}" for kind in KINDS),
    "log_paths",
    *(f"path_{quantity}_{name}" for quantity in PATH_QUANTITIES for name in ("min", "max", "mean", "std")),
    *(f"path_{quantity}_tilt{tilt:+g}" for quantity in TILTED_QUANTITIES for tilt in TILTS),
    *(f"stage{stage}_log_macs" for stage in range(STAGES)),
    *(f"stage{stage}_log_parameters" for stage in range(STAGES)),
    *(f"stage{stage}_nodes" for stage in range(STAGES)),
    *(f"stage{stage}_{name}" for name in STAGE_COUNTS for stage in range(STAGES)),
    *(f"stage{stage}_path_{name}" for name in STAGE_COUNTS for stage in range(STAGES)),
    *(f"channels{2**power}_log_macs" for power in CHANNEL_BINS),
    *signal_names(tuple(PATH_QUANTITIES), SIGNAL_TILTED, tuple(STAGE_COUNTS), STAGES),
)


@dataclass(frozen=True, eq=False)
class _Measured:
    """A batch with what every part of the statistics needs."""

    batch: GraphBatch
    graph_ids: IntArray
    sweep: Sweep
    stage: IntArray
    side_ratio: FloatArray

    @classmethod
    def of(cls, batch: GraphBatch) -> "_Measured":
        graph_ids = batch.graph_ids
        ratio = _side_ratio(batch, graph_ids)
        stage = np.clip(np.rint(np.log2(ratio)), 0, STAGES - 1).astype(np.int64)
        return cls(batch, graph_ids, Sweep.of(batch.edges, len(batch.type_ids)), stage, ratio)

    def sum(self, values: FloatArray, bins: IntArray | None = None, count: int = 1) -> FloatArray:
        """Sums of a value per node over graphs, and over ``count`` bins within a graph: graphs x bins."""
        keys = self.graph_ids * count + (0 if bins is None else bins)
        sums = np.bincount(keys, values, minlength=len(self.batch) * count).astype(np.float64)
        return sums.reshape(-1, count)


def statistics(batch: GraphBatch) -> NDArray[np.float32]:
    """Return the statistics of every graph, columns named by ``STATISTICS``.

    Logarithms are log(1 + x), so that nothing gives 0. A graph whose output does not depend on its input has
    no paths: their statistics are 0.

    Returns:
        float32, graphs x statistics.
    """
    counts = np.diff(batch.node_offsets)
    chunk = (np.cumsum(counts) - counts) // _NODES_AT_ONCE
    parts = [_statistics(batch.take(np.flatnonzero(chunk == number))) for number in np.unique(chunk)]
    return np.concatenate(parts or [np.zeros((0, len(STATISTICS)), np.float32)])


def statistics_table(batch: GraphBatch) -> "pd.DataFrame":
    """Return :func:`statistics` as a table, one row per graph."""
    import pandas as pd

    return pd.DataFrame(statistics(batch), columns=list(STATISTICS))


def _statistics(batch: GraphBatch) -> NDArray[np.float32]:
    measured = _Measured.of(batch)
    weights = _path_weights(measured)
    paths = path_statistics(batch, measured.sweep, weights, *_tilts())
    columns = [
        *_totals(measured),
        *_path_columns(paths),
        *_profiles(measured, paths.share),
        *_signal_columns(measured, weights),
    ]
    # The order of additions depends on what else is in the batch; what is 0 but for that shall be 0.
    return np.round(np.concatenate(columns, axis=1), _DECIMALS).astype(np.float32)


def _totals(measured: _Measured) -> list[FloatArray]:
    batch, types = measured.batch, measured.batch.node_types
    convolution = kind_indicator(types, (*CONVOLUTIONS, "linear"))
    activations = column(types, "out_shape").astype(np.float64).prod(axis=1) * convolution
    logs = [
        measured.sum(costs.multiply_accumulates(types).astype(np.float64)[batch.type_ids]),
        measured.sum(costs.parameters(types).astype(np.float64)[batch.type_ids]),
        measured.sum(activations[batch.type_ids]),
        np.diff(batch.node_offsets)[:, None],
        np.diff(batch.edge_offsets)[:, None],
    ]
    ones = np.ones(len(batch.type_ids))
    kinds = measured.sum(ones, node_kinds(types)[batch.type_ids], len(KINDS))
    level = measured.sweep.level
    depth = np.maximum.reduceat(level, batch.node_offsets[:-1])[:, None]
    nodes_per_level = measured.sum(ones, level, int(level.max()) + 1)
    return [*(np.log1p(total) for total in logs), depth, nodes_per_level.max(axis=1, keepdims=True), kinds]


def _path_columns(paths: PathStatistics) -> list[FloatArray]:
    moments = np.stack([paths.minimum, paths.maximum, paths.mean, paths.deviation], axis=2)
    return [paths.log_paths[:, None], moments.reshape(len(moments), -1), paths.tilted]


def _profiles(measured: _Measured, share: FloatArray) -> list[FloatArray]:
    """Costs, numbers and mean numbers on a path per resolution, and costs per number of channels."""
    batch, types, stage = measured.batch, measured.batch.node_types, measured.stage
    macs = costs.multiply_accumulates(types).astype(np.float64)
    channels = np.maximum(column(types, "out_shape")[:, 0], 1)
    channel_bin = (
        np.clip(np.log2(channels).astype(np.int64), CHANNEL_BINS[0], CHANNEL_BINS[-1]) - CHANNEL_BINS[0]
    )
    indicators = [kind_indicator(types, kinds)[batch.type_ids] for kinds in STAGE_COUNTS.values()]
    return [
        np.log1p(measured.sum(macs[batch.type_ids], stage, STAGES)),
        np.log1p(measured.sum(costs.parameters(types).astype(np.float64)[batch.type_ids], stage, STAGES)),
        measured.sum(np.ones(len(stage)), stage, STAGES),
        *(measured.sum(indicator, stage, STAGES) for indicator in indicators),
        *(measured.sum(indicator * share, stage, STAGES) for indicator in indicators),
        np.log1p(measured.sum(macs[batch.type_ids], channel_bin[batch.type_ids], len(CHANNEL_BINS))),
    ]


def _signal_columns(measured: _Measured, weights: FloatArray) -> list[FloatArray]:
    batch, order = measured.batch, list(PATH_QUANTITIES)
    return signal_columns(
        batch,
        measured.sweep,
        weights,
        np.array([order.index(quantity) for quantity in SIGNAL_TILTED]),
        [kind_indicator(batch.node_types, kinds)[batch.type_ids] for kinds in STAGE_COUNTS.values()],
        weights[:, order.index("convs")] > 0,
        lambda values: measured.sum(values, measured.stage, STAGES),
    )


def _path_weights(measured: _Measured) -> FloatArray:
    """What every node adds to each of ``PATH_QUANTITIES``: nodes x quantities."""
    types, type_ids = measured.batch.node_types, measured.batch.type_ids
    weights = np.stack([kind_indicator(types, kinds) for kinds in PATH_QUANTITIES.values()], axis=1)[type_ids]
    windowed = kind_indicator(types, (*CONVOLUTIONS, "max_pool", "avg_pool"))
    kernel = column(types, "kernel").max(axis=1)
    reach = np.maximum(kernel - 1, 0) * np.maximum(column(types, "dilation").max(axis=1), 1) * windowed
    in_pixels = np.maximum(column(types, "in_shape")[:, 1:].astype(np.float64).prod(axis=1), 1)
    out_pixels = np.maximum(column(types, "out_shape")[:, 1:].astype(np.float64).prod(axis=1), 1)
    # A window steps over pixels of its input, which are finer than those of its output.
    input_ratio = measured.side_ratio * np.sqrt(out_pixels / in_pixels)[type_ids]
    weights[:, list(PATH_QUANTITIES).index("receptive_field")] = reach[type_ids] * input_ratio
    return weights


def _tilts() -> tuple[IntArray, FloatArray]:
    """The column of each tilted quantity in the path weights, and its tilt."""
    order = list(PATH_QUANTITIES)
    columns = np.repeat([order.index(quantity) for quantity in TILTED_QUANTITIES], len(TILTS))
    return columns, np.tile(TILTS, len(TILTED_QUANTITIES))


def _side_ratio(batch: GraphBatch, graph_ids: IntArray) -> FloatArray:
    """Side of the graph's (largest) input over the side of every node's output, at least 1."""
    pixels = np.maximum(column(batch.node_types, "out_shape")[:, 1:].astype(np.float64).prod(axis=1), 1)
    is_input = batch.node_types[:, 0] == Operation.INPUT
    input_pixels = np.ones(len(batch))
    np.maximum.at(input_pixels, graph_ids, np.where(is_input, pixels, 1)[batch.type_ids])
    return np.maximum(np.sqrt(input_pixels[graph_ids] / pixels[batch.type_ids]), 1)
