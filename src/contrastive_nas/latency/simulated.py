"""Devices made up at random, which say how latencies of networks may differ before any is measured.

A network takes as long as its operations together (latency is nearly additive over operations). On a device
an operation i of kind k takes a mixture of three times, those of the roofline model with its overhead
(Williams et al., Roofline, CACM 2009):

    t_i = v_overhead o_k  +  v_compute a_k m_i c_i^-g p_i^-h  +  v_memory b_k n_i

with m_i its multiply-accumulates, n_i the numbers that it reads and writes, c_i its channels and p_i its
pixels, of which few leave a device idle. Each of the three parts is divided by its mean over networks of
the space, so that the mixture v, from a flat Dirichlet distribution, needs no units: it stands for clock,
memory, software and batch. o, a and b are log-normal for each kind of operation, since libraries are good at
some kinds and bad at others; norms and activations cost nothing where the software fuses them. Half of the
devices run what does not change the result, such as a branch that is multiplied by zero, half leave it out.

The principal components of the log latencies of many such devices are what networks are described by.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from contrastive_nas.graphs.canonical_form.canonical import canonical_batch
from contrastive_nas.graphs.costs import multiply_accumulates
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch, IntArray, column
from contrastive_nas.graphs.statistics.kinds import KINDS, node_kinds
from contrastive_nas.progress import progress
from contrastive_nas.spaces.base import Architecture, SearchSpace

FloatArray = NDArray[np.float64]
# More change no component that matters.
DEVICES = 256
# Natural logarithms: libraries differ by a factor of about three in how well they do a kind of operation.
SPREAD = 1.0
# Small tensors leave wide devices idle, at most with the square root of their size: between a device that is
# always busy (0) and one that is as fast with any size (1).
LARGEST_EXPONENT = 0.5
# Of the devices, for each kind of operation that can be fused.
FUSED = 0.5
# Overhead, compute, memory.
PARTS = 3
# More explain nothing that ten networks could tell apart.
COMPONENTS = 60
_CHUNK = 512
_NEGLIGIBLE = 1e-6
_TINY = 1e-12
# What only names or passes on a tensor.
_FREE = (Operation.INPUT, Operation.OUTPUT, Operation.IDENTITY, Operation.CONSTANT, Operation.RESHAPE)
_FUSIBLE = ("norm", "activation")


@dataclass(frozen=True, eq=False)
class Work:
    """How often each network executes each operation.

    Attributes:
        counts: networks x operations, as written.
        live: the same without what does not change the result.
        operations: operations x features, as :mod:`contrastive_nas.graphs.schema` has them.
    """

    counts: csr_array
    live: csr_array
    operations: IntArray

    def __len__(self) -> int:
        return int(self.counts.shape[0])


def count_work(space: SearchSpace, architectures: Sequence[Architecture]) -> Work:
    """Count the operations of every network.

    Raises:
        InputError: a string is no architecture of the space.
    """
    numbers: dict[bytes, int] = {}
    rows: list[IntArray] = []
    parts: tuple[list[csr_array], list[csr_array]] = ([], [])
    starts = range(0, len(architectures), _CHUNK)
    for start in progress(starts, f"counting operations of {space.name}"):
        written = space.graphs(architectures[start : start + _CHUNK])
        for batch, found in zip((written, canonical_batch(written)), parts, strict=True):
            found.append(_counted(batch, numbers, rows))
    counts, live = (vstack([_widened(part, len(rows)) for part in found], format="csr") for found in parts)
    return Work(counts, live, np.array(rows))


def _counted(batch: GraphBatch, numbers: dict[bytes, int], rows: list[IntArray]) -> csr_array:
    used = np.unique(batch.type_ids)
    place = np.zeros(len(batch.node_types), dtype=np.int64)
    for one in used.tolist():
        row = batch.node_types[one]
        key = row.tobytes()
        if key not in numbers:
            numbers[key] = len(rows)
            rows.append(row)
        place[one] = numbers[key]
    ones = np.ones(len(batch.type_ids))
    counted = csr_array((ones, (batch.graph_ids, place[batch.type_ids])), shape=(len(batch), len(rows)))
    counted.sum_duplicates()
    return counted


def _widened(part: csr_array, width: int) -> csr_array:
    return csr_array((part.data, part.indices, part.indptr), shape=(part.shape[0], width))


class SimulatedDevices:
    """Devices made up at random, and how networks differ on them.

    Args:
        work: of the networks that parts of a latency, and log latencies, are centred by.
        seed: of the devices.
    """

    def __init__(self, work: Work, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self._mixture = rng.dirichlet(np.ones(PARTS), size=DEVICES).T
        self._seed = seed
        spent = self._spent(work)
        self._means = [np.maximum(part.mean(axis=0), _TINY) for part in spent]
        logs = self._logs(spent)
        self._centre = logs.mean(axis=0)
        # Scores have the covariance of log latencies over devices: B B' = L L' / devices.
        _, sizes, directions = np.linalg.svd((logs - self._centre) / np.sqrt(DEVICES), full_matrices=False)
        kept = min(COMPONENTS, int((sizes > _NEGLIGIBLE * sizes[0]).sum()))
        self._directions = directions[:kept].T / np.sqrt(DEVICES)

    def describe(self, work: Work) -> FloatArray:
        """Give scores of networks on the principal components: networks x components.

        Their products are the covariances of log latencies over the devices, about the mean network.
        """
        return np.asarray((self._logs(self._spent(work)) - self._centre) @ self._directions)

    @property
    def components(self) -> int:
        """Count the numbers that describe a network."""
        return int(self._directions.shape[1])

    def _logs(self, spent: list[FloatArray]) -> FloatArray:
        parts = zip(self._mixture, spent, self._means, strict=True)
        total = np.asarray(sum(share * part / mean for share, part, mean in parts))
        return np.log(np.maximum(total, _TINY))

    def _spent(self, work: Work) -> list[FloatArray]:
        """Overhead, compute and memory of networks, each in units of its own: networks x devices."""
        lean = np.arange(DEVICES) % 2 == 1
        times = _times(work.operations, np.random.default_rng([self._seed, 1]))
        return [np.where(lean, work.live @ part, work.counts @ part) for part in times]


def _times(operations: IntArray, rng: np.random.Generator) -> list[FloatArray]:
    """Overhead, compute and memory: operations x devices each."""
    kinds = node_kinds(operations)
    charged = ~np.isin(column(operations, "op"), _FREE)
    macs = multiply_accumulates(operations).astype(float)
    sizes = [
        column(operations, name).astype(float).prod(axis=1)
        for name in ("in_shape", "out_shape", "weight_shape")
    ]
    outputs = column(operations, "out_shape").astype(float)
    channels, pixels = np.maximum(outputs[:, 0], 1), np.maximum(outputs[:, 1:].prod(axis=1), 1)
    fused = (rng.random((len(KINDS), DEVICES)) < FUSED) & np.isin(KINDS, _FUSIBLE)[:, None]
    overhead, compute, memory = np.exp(SPREAD * rng.standard_normal((3, len(KINDS), DEVICES)))
    exponents = rng.uniform(0, LARGEST_EXPONENT, size=(2, DEVICES))
    idle = np.exp(-np.log(channels)[:, None] * exponents[0] - np.log(pixels)[:, None] * exponents[1])
    run = charged[:, None] & ~fused[kinds]
    return [
        run * overhead[kinds],
        macs[:, None] * compute[kinds] * idle,
        run * np.sum(sizes, axis=0)[:, None] * memory[kinds],
    ]
