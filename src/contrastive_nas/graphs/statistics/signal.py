"""How signals and gradients would travel through a network with random weights, from its graph alone.

Before training, sizes of signals follow from the graph: a convolution or linear layer with random weights
hands on second moments; a ReLU maps the covariance k of two Gaussians of variance q to
q / (2 pi) (sin a + (pi - a) cos a) with cos a = k / q; a norm subtracts what all inputs share and divides by
the rest; sums of independent branches add up; average pooling averages covariances over offsets. Gradients
travel back through the same factors.

Each node carries E[x(p) x(p + d)] for offsets d of 0 .. ``OFFSETS`` pixels along one axis, and E[x x'] for
another image. The variance that a branch brings into a sum is the weight of the paths through it: an identity
beside a long branch, or a branch that hardly adds anything, makes a network effectively shallow.

Sources: Cho and Saul, Kernel Methods for Deep Learning, 2009 (the ReLU formula); Poole et al., Exponential
expressivity in deep neural networks through transient chaos, 2016; Yang et al., A Mean Field Theory of Batch
Normalization, 2019; Veit et al., Residual Networks Behave Like Ensembles of Relatively Shallow Networks,
2016.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch, IntArray, column
from contrastive_nas.graphs.statistics.sweep import Sweep

FloatArray = NDArray[np.float64]

OFFSETS = 8
# Pixels over which the covariance of neighbouring input pixels falls to 1 / e.
_INPUT_SMOOTHNESS = 4.0
# A largest value moves less than a mean: this part of it behaves like average pooling.
_MAX_POOL_SMOOTHING = 0.3
# Second moment of a sigmoid near its middle, and its derivative squared.
_GATE_MOMENT, _GATE_GAIN = 0.25, 0.05
_TINY = 1e-9
_ACTIVATIONS = range(int(Operation.RELU), int(Operation.ELEMENTWISE) + 1)
_NORMS = range(int(Operation.BATCH_NORM), int(Operation.LOCAL_RESPONSE_NORM) + 1)


@dataclass(frozen=True, eq=False)
class Signal:
    """What is known of every node.

    Attributes:
        moments: nodes x (``OFFSETS`` + 2): E[x(p) x(p + d)] by offset, then E[x x'] for another image.
        portions: edges in the order of the sweep: the part of its target's variance that an edge brings.
        log_scale: nodes: logarithm of the variance that a norm divides by, 0 elsewhere.
        gradient: nodes: energy of the loss's gradient with respect to the node, 1 at the output.
        share: nodes: the part of the output's variance that passes through the node.
    """

    moments: FloatArray
    portions: FloatArray
    log_scale: FloatArray
    gradient: FloatArray
    share: FloatArray


def propagate_signal(batch: GraphBatch, sweep: Sweep) -> Signal:
    """Send signals forward along ``sweep`` (over ``batch.edges``) and gradients back."""
    forward = _Forward(batch, sweep)
    op = forward.op
    targets = np.repeat(sweep.targets, np.diff(np.append(sweep.starts, len(sweep.sources))))
    backward = Sweep.of(np.stack([targets, sweep.sources]), len(op))
    # The backward sweep sorts edges anew; portions follow them.
    order = np.lexsort((sweep.sources, backward.level[sweep.sources]))
    portions = forward.portions[order]
    share = (op == Operation.OUTPUT).astype(np.float64)
    gradient, done = share.copy(), 0
    for sources, starts, nodes in backward.steps():
        weights = portions[done : done + len(sources)]
        done += len(sources)
        share[nodes] = np.add.reduceat(share[sources] * weights, starts)
        gradient[nodes] = np.add.reduceat(gradient[sources] * forward.gain[sources], starts)
    return Signal(forward.moments, forward.portions, forward.log_scale, gradient, share)


def relu_covariance(covariance: FloatArray, variance: FloatArray) -> FloatArray:
    """Return E[relu(x) relu(y)] for Gaussians of mean 0, one ``variance`` and the given ``covariance``."""
    angle = np.arccos(np.clip(covariance / np.maximum(variance, _TINY), -1, 1))
    return variance / (2 * np.pi) * (np.sin(angle) + (np.pi - angle) * np.cos(angle))


def _within(op: IntArray, kinds: range) -> NDArray[np.bool_]:
    """Which operations lie in a range; on the few nodes of a level np.isin takes several times as long."""
    return (op >= kinds.start) & (op < kinds.stop)


def _distinct(sizes: IntArray) -> list[int]:
    """Different sizes in ascending order; of the few nodes of a level faster than np.unique."""
    return sorted(set(sizes.tolist()))


class _Forward:
    """Fills in the nodes level by level; every method handles the nodes of one kind in one level."""

    def __init__(self, batch: GraphBatch, sweep: Sweep) -> None:
        rows, ids = batch.node_types, batch.type_ids
        self.op: IntArray = column(rows, "op")[ids]
        self._stride = np.maximum(column(rows, "stride").max(axis=1), 1)[ids]
        self._window = np.maximum(column(rows, "kernel").max(axis=1), 1)[ids]
        self._channels = np.maximum(column(rows, "out_shape")[:, 0], 1)[ids].astype(np.float64)
        self._pixels = np.maximum(column(rows, "in_shape")[:, 1:].prod(axis=1), 1)[ids]
        self.moments = np.zeros((len(self.op), OFFSETS + 2))
        self.moments[self.op == Operation.INPUT, :-1] = np.exp(-np.arange(OFFSETS + 1) / _INPUT_SMOOTHNESS)
        self.gain = np.ones(len(self.op))
        self.log_scale = np.zeros(len(self.op))
        self.portions = np.zeros(len(sweep.sources))
        done = 0
        for sources, starts, nodes in sweep.steps():
            self._step(sources, starts, nodes, self.portions[done : done + len(sources)])
            done += len(sources)

    def _step(self, sources: IntArray, starts: IntArray, nodes: IntArray, portions: FloatArray) -> None:
        op = self.op[nodes]
        joined = self._join(sources, starts, op, portions)
        self._activate(joined, nodes, op)
        self._normalise(joined, nodes, op)
        self._pool(joined, nodes, op)
        offsets, strides = np.arange(OFFSETS + 1), self._stride[nodes]
        for stride in _distinct(strides[strides > 1]):
            here = np.flatnonzero(strides == stride)
            joined[here, :-1] = joined[here][:, np.minimum(offsets * stride, OFFSETS)]
        joined[op == Operation.ZERO] = 0
        self.gain[nodes[op == Operation.ZERO]] = 0
        self.moments[nodes] = joined

    def _join(self, sources: IntArray, starts: IntArray, op: IntArray, portions: FloatArray) -> FloatArray:
        """Moments of what enters each node; writes the portion of variance that each edge brings."""
        moments = self.moments[sources]
        if len(sources) == len(starts):
            # Every node has one source, whose moments it gets whatever it does with several.
            portions[:] = 1.0
            return moments
        sizes = np.diff(np.append(starts, len(sources)))
        concatenated = np.repeat(op == Operation.CONCAT, sizes)
        weight = np.where(concatenated, self._channels[sources], 1.0)
        variance = np.maximum(moments[:, 0] - moments[:, -1], _TINY) * weight
        variance[np.repeat(op == Operation.MUL, sizes)] = 1.0
        portions[:] = variance / np.repeat(np.add.reduceat(variance, starts), sizes)
        joined = np.add.reduceat(moments * weight[:, None], starts, axis=0)
        joined[op == Operation.CONCAT] /= np.add.reduceat(weight, starts)[op == Operation.CONCAT, None]
        joined[op == Operation.MEAN] /= sizes[op == Operation.MEAN, None] ** 2
        factors = op == Operation.MUL
        joined[factors] = np.multiply.reduceat(moments, starts, axis=0)[factors]
        return joined

    def _activate(self, moments: FloatArray, nodes: IntArray, op: IntArray) -> None:
        gates = (op == Operation.SIGMOID) | (op == Operation.HARD_SIGMOID)
        rectifiers = _within(op, _ACTIVATIONS) & ~gates
        if not (gates.any() or rectifiers.any()):
            return
        moments[rectifiers] = relu_covariance(moments[rectifiers], moments[rectifiers, :1])
        self.gain[nodes[rectifiers]] = 0.5
        moments[gates] = _GATE_MOMENT
        self.gain[nodes[gates]] = _GATE_GAIN

    def _normalise(self, moments: FloatArray, nodes: IntArray, op: IntArray) -> None:
        norms = _within(op, _NORMS)
        if not norms.any():
            return
        shared = moments[norms, -1:]
        scale = np.maximum(moments[norms, :1] - shared, 1e-6)
        self.log_scale[nodes[norms]] = np.log(scale[:, 0])
        self.gain[nodes[norms]] = 1 / scale[:, 0]
        moments[norms] = (moments[norms] - shared) / scale

    def _pool(self, moments: FloatArray, nodes: IntArray, op: IntArray) -> None:
        pools = (op == Operation.AVG_POOL) | (op == Operation.MAX_POOL)
        offsets = np.arange(OFFSETS + 1)
        for window in _distinct(self._window[nodes[pools]]):
            here = np.flatnonzero(pools & (self._window[nodes] == window))
            place = np.arange(window)
            shifts = np.subtract.outer(place, place).reshape(-1)
            shared = moments[here, -1:]
            own = moments[here, :-1] - shared
            # Both axes are smoothed; the covariance along the other one is taken as the same.
            across = own[:, np.minimum(np.abs(shifts), OFFSETS)].mean(axis=1) / np.maximum(own[:, 0], _TINY)
            spread = np.minimum(np.abs(offsets[:, None] + shifts), OFFSETS)
            smooth = own[:, spread].mean(axis=2) * across[:, None]
            averages = op[here] == Operation.AVG_POOL
            part = np.where(averages, 1.0, _MAX_POOL_SMOOTHING)[:, None]
            moments[here, :-1] = shared + part * smooth + (1 - part) * own
            kept = np.where(averages, window**2, self._stride[nodes[here]] ** 2)
            self.gain[nodes[here]] = 1 / kept
        everywhere = op == Operation.GLOBAL_AVG_POOL
        if not everywhere.any():
            return
        own = moments[everywhere, :-1] - moments[everywhere, -1:]
        moments[everywhere, :-1] = moments[everywhere, -1:] + own.mean(axis=1, keepdims=True)
        self.gain[nodes[everywhere]] = 1 / self._pixels[nodes[everywhere]]
