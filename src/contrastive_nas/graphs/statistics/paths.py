"""Statistics over all paths from a graph's inputs to its output, without listing a path.

A path has the sum of its nodes' weights as its length. Forward recursions over the edges give, for all paths
that end in a node: their number (sum-product), the shortest and longest (min-plus, max-plus), and mean and
variance of the length; a backward recursion of numbers of paths gives the share of all paths that run through
a node.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch, IntArray, column
from contrastive_nas.graphs.statistics.sweep import Sweep

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PathStatistics:
    """What is known of all paths from input to output; zeros for a graph that has none.

    Attributes:
        log_paths: graphs: log(1 + number of paths).
        minimum, maximum, mean, deviation: graphs x weights: of the lengths of paths.
        tilted: graphs x tilts: log of the sum over paths of exp(tilt * length).
        share: nodes: the share of paths that run through a node.
    """

    log_paths: FloatArray
    minimum: FloatArray
    maximum: FloatArray
    mean: FloatArray
    deviation: FloatArray
    tilted: FloatArray
    share: FloatArray


def path_statistics(
    batch: GraphBatch, sweep: Sweep, weights: FloatArray, tilted_columns: IntArray, tilts: FloatArray
) -> PathStatistics:
    """Return statistics of the paths of every graph.

    Args:
        batch: the graphs.
        sweep: the forward sweep over ``batch.edges``.
        weights: nodes x weights.
        tilted_columns: the column of ``weights`` that each tilt multiplies.
        tilts: one factor per tilted sum.
    """
    op = column(batch.node_types, "op")[batch.type_ids]
    is_input = (op == Operation.INPUT)[:, None]
    outputs = _outputs(batch, op)
    gains = np.concatenate([np.zeros((len(op), 1)), weights[:, tilted_columns] * tilts], axis=1)
    log_sums = sweep.propagate(np.where(is_input, gains, -np.inf), gains, np.logaddexp)
    reached = np.where(np.isfinite(log_sums[:, :1]), weights, 0)
    mean, variance = path_moments(sweep, _even_portions(sweep, log_sums[:, 0]), reached)
    maximum = sweep.propagate(np.where(is_input, weights, -np.inf), weights, np.maximum)[outputs]
    minimum = sweep.propagate(np.where(is_input, weights, np.inf), weights, np.minimum)[outputs]
    none = np.isneginf(log_sums[outputs, 0])[:, None]
    return PathStatistics(
        log_paths=np.logaddexp(0, log_sums[outputs, 0]),
        minimum=np.where(none, 0, minimum),
        maximum=np.where(none, 0, maximum),
        mean=mean[outputs],
        deviation=np.sqrt(variance[outputs]),
        tilted=np.where(none, 0, log_sums[outputs, 1:]),
        share=_share(batch, op, log_sums[:, 0], outputs),
    )


def path_moments(sweep: Sweep, portions: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of the lengths of random paths that are walked backward from each node.

    Args:
        sweep: the forward sweep.
        portions: edges in the order of ``sweep.sources``: the probability that a walk at the edge's target
            goes on to its source.
        weights: nodes x weights, what each node adds to a length.

    Returns:
        Two arrays, nodes x weights.
    """
    mean, variance, done = weights.copy(), np.zeros_like(weights), 0
    for sources, starts, targets in sweep.steps():
        portion = portions[done : done + len(sources), None]
        done += len(sources)
        sizes = np.diff(np.append(starts, len(sources)))
        source_mean = mean[sources]
        first = np.add.reduceat(portion * source_mean, starts, axis=0)
        # The law of total variance, which does not subtract large numbers from each other.
        spread = (source_mean - np.repeat(first, sizes, axis=0)) ** 2
        variance[targets] = np.add.reduceat(portion * (variance[sources] + spread), starts, axis=0)
        mean[targets] += first
    return mean, variance


def _even_portions(sweep: Sweep, log_paths: FloatArray) -> FloatArray:
    """The portions with which all paths from an input are equally probable."""
    sizes = np.diff(np.append(sweep.starts, len(sweep.sources)))
    total = np.where(np.isfinite(log_paths), log_paths, 0)[np.repeat(sweep.targets, sizes)]
    return np.exp(log_paths[sweep.sources] - total)


def _share(batch: GraphBatch, op: IntArray, log_from: FloatArray, outputs: IntArray) -> FloatArray:
    """Paths through a node over all paths of its graph."""
    start = np.where(op == Operation.OUTPUT, 0, -np.inf)[:, None]
    backward = Sweep.of(batch.edges[::-1], len(op))
    log_to = backward.propagate(start, np.zeros_like(start), np.logaddexp)[:, 0]
    total = log_from[outputs][batch.graph_ids]
    return np.exp(log_from + log_to - np.where(np.isfinite(total), total, 0))


def _outputs(batch: GraphBatch, op: IntArray) -> IntArray:
    """The number of every graph's ``OUTPUT`` node."""
    outputs = np.flatnonzero(op == Operation.OUTPUT)
    if not np.array_equal(
        np.searchsorted(batch.node_offsets, outputs, side="right") - 1, np.arange(len(batch))
    ):
        raise ValueError("every graph must have exactly one OUTPUT node")
    return outputs
