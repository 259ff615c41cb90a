"""Statistics of how signals and gradients would travel (:mod:`contrastive_nas.graphs.statistics.signal`)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch, IntArray, column
from contrastive_nas.graphs.statistics.paths import path_moments
from contrastive_nas.graphs.statistics.signal import propagate_signal
from contrastive_nas.graphs.statistics.sweep import Sweep

FloatArray = NDArray[np.float64]
StageSums = Callable[[NDArray[Any]], FloatArray]
TILTS = (-0.5, 0.5)
_TINY = 1e-12


def signal_names(
    quantities: Sequence[str], tilted: Sequence[str], counted: Sequence[str], stages: int
) -> list[str]:
    """Return names of the columns of :func:`signal_columns`."""
    by_stage = (
        *(f"share_{name}" for name in counted),
        "log_gradient_mean",
        "log_gradient_std",
        "log_norm_scale",
        "log_sum_variance",
        "roughness",
    )
    return [
        *(f"signal_{quantity}_{name}" for name in ("mean", "std") for quantity in quantities),
        *(f"signal_{quantity}_tilt{tilt:+g}" for quantity in tilted for tilt in TILTS),
        *(f"stage{stage}_{name}" for name in by_stage for stage in range(stages)),
        "log_gradient_mean",
        "log_gradient_std",
        "log_gradient_input",
    ]


def signal_columns(
    batch: GraphBatch,
    sweep: Sweep,
    weights: FloatArray,
    tilted: IntArray,
    counted: Sequence[FloatArray],
    convolution: NDArray[np.bool_],
    stage_sums: StageSums,
) -> list[FloatArray]:
    """Return columns of statistics, graphs x some.

    Args:
        batch: graphs.
        sweep: the forward sweep over its edges.
        weights: nodes x quantities that are counted along paths, paths weighted by the variance that they
            carry.
        tilted: columns of ``weights`` of which log E[exp(tilt * length)] is taken.
        counted: per kind of node, indicators whose expected number on a path is profiled over the stages.
        convolution: nodes: where gradients are measured.
        stage_sums: sums a value per node over graphs and stages: graphs x stages.
    """
    signal = propagate_signal(batch, sweep)
    op = column(batch.node_types, "op")[batch.type_ids]
    outputs, inputs = np.flatnonzero(op == Operation.OUTPUT), op == Operation.INPUT
    mean, variance = path_moments(sweep, signal.portions, weights)
    gains = weights[:, np.repeat(tilted, len(TILTS))] * np.tile(TILTS, len(tilted))
    log_portions = np.log(np.maximum(signal.portions, _TINY))

    log_gradient = np.log(np.maximum(signal.gradient, _TINY))
    moments = signal.moments
    own = np.maximum(moments[:, 0] - moments[:, -1], _TINY)
    roughness = 1 - (moments[:, 1] - moments[:, -1]) / own
    alive = convolution & (signal.gradient > 0)
    norms = (op >= Operation.BATCH_NORM) & (op <= Operation.LOCAL_RESPONSE_NORM)
    sums = op == Operation.ADD

    whole = stage_sums(alive * 1.0).sum(axis=1, keepdims=True)
    total = stage_sums(alive * log_gradient).sum(axis=1, keepdims=True)
    squares = stage_sums(alive * log_gradient**2).sum(axis=1, keepdims=True)
    overall = total / np.maximum(whole, 1)
    entering = stage_sums(inputs * log_gradient).sum(axis=1) / np.maximum(
        stage_sums(inputs * 1.0).sum(axis=1), 1
    )
    return [
        mean[outputs],
        np.sqrt(variance[outputs]),
        # Portions add up to 1 only up to rounding, whose logarithm would be noise.
        _tilted_sums(sweep, log_portions, gains)[outputs].round(9),
        *(stage_sums(indicator * signal.share) for indicator in counted),
        *_mean_and_spread(log_gradient, alive, stage_sums),
        _mean_and_spread(signal.log_scale, norms, stage_sums)[0],
        _mean_and_spread(np.log(np.maximum(moments[:, 0], 1e-9)), sums, stage_sums)[0],
        _mean_and_spread(roughness, alive, stage_sums)[0],
        overall,
        np.sqrt(np.maximum(squares / np.maximum(whole, 1) - overall**2, 0)),
        entering[:, None],
    ]


def _mean_and_spread(
    values: FloatArray, where: NDArray[np.bool_], stage_sums: StageSums
) -> tuple[FloatArray, FloatArray]:
    count = np.maximum(stage_sums(where * 1.0), 1)
    mean = stage_sums(where * values) / count
    return mean, np.sqrt(np.maximum(stage_sums(where * values**2) / count - mean**2, 0))


def _tilted_sums(sweep: Sweep, log_portions: FloatArray, gains: FloatArray) -> FloatArray:
    """log E[exp(gain along a path)] over random backward walks: nodes x gains."""
    values, done = np.zeros_like(gains), 0
    for sources, starts, targets in sweep.steps():
        terms = values[sources] + log_portions[done : done + len(sources), None]
        done += len(sources)
        values[targets] = np.logaddexp.reduceat(terms, starts, axis=0) + gains[targets]
    return values
