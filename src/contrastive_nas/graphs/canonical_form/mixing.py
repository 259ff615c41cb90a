"""64-bit mixing, from which node colours and function hashes are made.

The numbers go into files: changing anything here changes every stored hash.
"""

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.graphs.attributes import NOT_HELD
from contrastive_nas.graphs.operations import COMMUTATIVE_OPERATIONS
from contrastive_nas.graphs.schema import FEATURE_COUNT, GraphBatch, IntArray, attributes_of, column

Hashes = NDArray[np.uint64]
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mix(values: Hashes) -> Hashes:
    """Return a fixed bijection of 64-bit numbers that scatters them (the finaliser of SplitMix64)."""
    mixed = values ^ (values >> np.uint64(30))
    mixed *= _FIRST
    mixed ^= mixed >> np.uint64(27)
    mixed *= _SECOND
    mixed ^= mixed >> np.uint64(31)
    return mixed


def row_hashes(rows: IntArray) -> Hashes:
    """Return one hash per row of integers."""
    hashes = np.full(len(rows), GOLDEN)
    for values in rows.astype(np.int64).view(np.uint64).T:
        hashes = mix(hashes + values + GOLDEN)
    return hashes


def type_hashes(node_types: IntArray) -> Hashes:
    """Return one hash per row of ``GraphBatch.node_types``; without attributes that of the features."""
    hashes, attributes = row_hashes(node_types[:, :FEATURE_COUNT]), attributes_of(node_types)
    # A hash is one of what is held.
    return np.where(
        (attributes == 0) | (attributes == NOT_HELD), hashes, mix(hashes + mix(attributes + GOLDEN))
    )


def argument_weights(batch: GraphBatch) -> Hashes:
    """Return an odd factor per edge: 1 into commutative operations, elsewhere one for the argument's
    position.

    An operation with attributes may treat its arguments differently.

    The edges of ``batch`` are sorted by target.
    """
    target = batch.edges[1]
    commutative_type = np.isin(column(batch.node_types, "op"), list(COMMUTATIVE_OPERATIONS))
    commutative_type &= attributes_of(batch.node_types) == 0
    commutative = commutative_type[batch.type_ids[target]]
    degree = np.bincount(target, minlength=len(batch.type_ids))
    position = np.arange(len(target)) - np.repeat(np.cumsum(degree) - degree, degree)
    factors = mix(np.arange(1, 2 + position.max(initial=0), dtype=np.uint64)) | np.uint64(1)
    return np.where(commutative, np.uint64(1), factors[position])
