"""Lossless compression of message passing: every distinct neighbourhood is computed once.

After l rounds of message passing two nodes have the same embedding when their neighbourhoods of radius l look
the same, in one graph or in two. A network repeats its cells, and networks of a space share parts, so each
round works on the distinct neighbourhoods (the colours of Weisfeiler-Leman refinement) instead of on nodes.
The results are those of ordinary message passing.

Source: Bollen, Steegmans, Van den Bussche, Vansummeren, Learning Graph Neural Networks using Exact
    Compression, 2023.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from contrastive_nas.graphs.canonical_form.mixing import row_hashes
from contrastive_nas.graphs.schema import FEATURE_COUNT, GraphBatch, IntArray, ranges

Hashes = NDArray[np.uint64]
_SALTS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9))


@dataclass(frozen=True)
class Round:
    """One round of message passing over distinct neighbourhoods.

    Attributes:
        own: for each neighbourhood of this round, its centre's neighbourhood of the round before.
        sources: rounds' neighbourhoods x those of the round before: mean over the nodes that feed the centre.
        targets: the same over the nodes that the centre feeds.
    """

    own: NDArray[np.int64]
    sources: csr_matrix
    targets: csr_matrix


@dataclass(frozen=True)
class Neighbourhoods:
    """The distinct neighbourhoods of a batch, radius by radius.

    Attributes:
        types: rows of ``GraphBatch.node_types`` at radius 0.
        degrees: radius-0 neighbourhoods x 2: number of in-edges and out-edges.
        rounds: radius 1, 2, ...
        members: per radius, graphs x neighbourhoods: how many nodes of a graph have it.
        names: per radius, a hash of each neighbourhood, the same in every batch.
    """

    types: NDArray[np.int64]
    degrees: NDArray[np.int64]
    rounds: list[Round]
    members: list[csr_matrix]
    names: list[Hashes]


def find_neighbourhoods(batch: GraphBatch, radius: int) -> Neighbourhoods:
    """Return the distinct neighbourhoods of all nodes up to ``radius``.

    Neighbourhoods are told apart by 64-bit hashes: a million of them collide with probability 3e-8.
    """
    nodes = len(batch.type_ids)
    sources, targets = batch.edges
    in_degree = np.bincount(targets, minlength=nodes)
    out_degree = np.bincount(sources, minlength=nodes)
    # Compressed rows: who feeds a node, whom a node feeds (its order among siblings does not matter).
    ones = np.ones(len(sources), dtype=np.uint64)
    feeding = csr_matrix((ones, (targets, sources)), shape=(nodes, nodes))
    fed = csr_matrix((ones, (sources, targets)), shape=(nodes, nodes))

    hashes = _mix(
        row_hashes(batch.node_types[:, :FEATURE_COUNT])[batch.type_ids] + in_degree.astype(np.uint64), 1
    )
    hashes = _mix(hashes + out_degree.astype(np.uint64), 2)
    colours, centres = _number(hashes)
    types, degrees = batch.type_ids[centres].astype(np.int64), np.stack([in_degree, out_degree], 1)[centres]
    members, names, rounds = [_members(batch, colours, len(centres))], [hashes[centres]], []
    for _ in range(radius):
        hashes = _mix(_mix(hashes, 0) + feeding @ _mix(hashes, 1) + fed @ _mix(hashes, 2), 0)
        before, count = colours, len(centres)
        colours, centres = _number(hashes)
        rounds.append(
            Round(
                before[centres], _means(feeding, centres, before, count), _means(fed, centres, before, count)
            )
        )
        members.append(_members(batch, colours, len(centres)))
        names.append(hashes[centres])
    return Neighbourhoods(types, degrees, rounds, members, names)


def sketch(members: csr_matrix, names: Hashes, width: int) -> NDArray[np.float32]:
    """Return logarithms of how often a graph has each neighbourhood, projected to few numbers.

    The vector over all neighbourhoods there are (Shervashidze et al., Weisfeiler-Lehman Graph Kernels, JMLR
    2011) is multiplied by random signs that follow from the neighbourhoods' names, so that sketches of any
    two batches can be compared: products, and so distances, are those of the whole vectors up to a relative
    error of about 1 / sqrt(width) (Achlioptas, Database-friendly Random Projections, 2003).

    Args:
        members: graphs x neighbourhoods, counts.
        names: hash of every neighbourhood.
        width: a multiple of 64.

    Returns:
        float32, graphs x ``width``.
    """
    words = np.stack([_mix(names + np.uint64(number), 2) for number in range(width // 64)], axis=1)
    bits = np.unpackbits(words.view(np.uint8), axis=1)
    signs = 2 * bits.astype(np.float32) - 1
    projected: NDArray[np.float32] = members.log1p() @ signs
    return projected / np.float32(width) ** 0.5


def _mix(values: Hashes, salt: int) -> Hashes:
    """The finaliser of splitmix64, a bijection whose every output bit depends on every input bit."""
    values = values + _SALTS[salt]
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _number(hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Consecutive numbers in order of first occurrence, and the node where each occurs first."""
    colours, distinct = pd.factorize(hashes)
    centres = np.empty(len(distinct), dtype=np.int64)
    # Written backwards, so that the first occurrence is the one that stays.
    centres[colours[::-1]] = np.arange(len(hashes) - 1, -1, -1)
    return colours.astype(np.int64), centres


def _means(neighbours: csr_matrix, centres: IntArray, colours: IntArray, count: int) -> csr_matrix:
    starts = neighbours.indptr[centres].astype(np.int64)
    counts = neighbours.indptr[centres + 1] - starts
    picked = ranges(starts, counts)
    weights = neighbours.data[picked].astype(np.float32)
    receivers = np.repeat(np.arange(len(centres)), counts)
    totals = np.bincount(receivers, weights, minlength=len(centres))
    # Rows are in order already; products allow neighbours of one kind to stand in a row several times.
    return csr_matrix(
        (
            (weights / totals[receivers]).astype(np.float32),
            colours[neighbours.indices[picked]].astype(np.int32),
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        ),
        shape=(len(centres), count),
    )


def _members(batch: GraphBatch, colours: IntArray, count: int) -> csr_matrix:
    ones = np.ones(len(colours), dtype=np.float32)
    return csr_matrix((ones, (batch.graph_ids, colours)), shape=(len(batch), count))
