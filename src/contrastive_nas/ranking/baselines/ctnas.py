"""The neural architecture comparator of CTNAS as it was published, on graphs of whole networks.

Source: Chen et al., Contrastive Neural Architecture Search with Neural Architecture Comparators, CVPR 2021,
section 3.2: operations are embedded in 128 dimensions, two graph convolutions over (A, X) and mean pooling
give a vector per architecture, and one linear layer compares two of them; binary cross-entropy on all pairs.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags
from torch import Tensor, nn

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import GraphBatch, IntArray
from contrastive_nas.ranking.base import Floats, GraphSource
from contrastive_nas.ranking.comparator.training import all_pairs
from contrastive_nas.ranking.encoder.embedding import one_per_function
from contrastive_nas.ranking.encoder.loop import fit
from contrastive_nas.ranking.encoder.message_passing import SparseProduct, scaled_rows
from contrastive_nas.ranking.encoder.neighbourhoods import find_neighbourhoods
from contrastive_nas.ranking.parameters import Optimisation

WIDTH = 128
LAYERS = 2
_GRAPHS_AT_ONCE = 512
Vocabulary = dict[bytes, int]


@dataclass(frozen=True)
class _Prepared:
    operations: Tensor
    propagations: list[SparseProduct]
    pool: SparseProduct


class _Embedding(nn.Module):
    """Graphs to vectors: X <- relu(D^-1 (A + I) X W) twice, then the mean over nodes."""

    def __init__(self, operations: int) -> None:
        super().__init__()
        self.operation = nn.Embedding(operations, WIDTH, padding_idx=0)
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(LAYERS))

    def forward(self, graphs: _Prepared) -> Tensor:
        nodes = self.operation(graphs.operations)
        for layer, propagate in zip(self.layers, graphs.propagations, strict=True):
            nodes = torch.relu(propagate @ layer(nodes))
        return graphs.pool @ nodes


@dataclass
class CtnasRanker:
    """Trains the comparator from scratch, all pairs in every step.

    An operation is a distinct node: kind, sizes and shapes. Those that no labelled network has are
    embedded as 0. The comparison is additive, logit = w0 . f(a) + w1 . f(b) + c, so that w0 . f orders
    architectures as their mean winning probabilities do.

    Attributes:
        steps: at least; there are three for every label, since few are soon learned by heart.
    """

    steps: int = 300
    _vocabulary: Vocabulary = field(default_factory=dict, init=False)
    _embed: _Embedding | None = field(default=None, init=False)
    _compare: nn.Linear = field(default_factory=lambda: nn.Linear(2 * WIDTH, 1), init=False)

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Learns from all pairs of different labels.

        Raises:
            InputError: no two different labels.
        """
        pairs = all_pairs(np.arange(len(labels)), labels)
        if not len(pairs):
            raise InputError("a comparator needs two different labels")
        batch = source.batch(labelled)
        self._vocabulary = {}
        for number in np.unique(batch.type_ids):
            self._vocabulary.setdefault(batch.node_types[number].tobytes(), len(self._vocabulary) + 1)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            embed, compare = _Embedding(len(self._vocabulary) + 1), nn.Linear(2 * WIDTH, 1)
        graphs = _prepare(batch, self._vocabulary)
        better, worse = torch.from_numpy(pairs.better), torch.from_numpy(pairs.worse)

        def loss(step: int) -> Tensor:
            first, second = (embed(graphs) @ compare.weight.view(2, WIDTH).T).unbind(1)
            # Each pair in both orders, since p(a, b) + p(b, a) is not 1 by construction.
            wins = first[better] + second[worse] + compare.bias
            losses = first[worse] + second[better] + compare.bias
            softplus = nn.functional.softplus
            return (softplus(-wins) + softplus(losses)).mean() / 2

        fit(
            nn.ModuleList([embed, compare]),
            loss,
            Optimisation(steps=max(self.steps, 3 * len(labels)), decay=5e-4),
            seed=seed,
            description="CTNAS comparator",
        )
        self._embed, self._compare = embed, compare

    def scores(self, source: GraphSource, indices: IntArray) -> Floats:
        """w0 . f of every graph, each function computed once."""
        assert self._embed is not None, "fit comes first"
        distinct, rows = one_per_function(source, indices)
        with torch.inference_mode():
            parts = [
                self._embed(_prepare(source.batch(chunk), self._vocabulary)) @ self._compare.weight[0, :WIDTH]
                for chunk in np.split(distinct, range(_GRAPHS_AT_ONCE, len(distinct), _GRAPHS_AT_ONCE))
            ]
        values: Floats = torch.cat(parts).numpy().astype(np.float64)[rows]
        return values


def _prepare(batch: GraphBatch, vocabulary: Vocabulary) -> _Prepared:
    """Graph convolutions over distinct neighbourhoods, which gives what convolutions over nodes give."""
    found = find_neighbourhoods(batch, LAYERS)
    operations = [vocabulary.get(batch.node_types[number].tobytes(), 0) for number in found.types]
    propagations, degrees = [], found.degrees[:, 0]
    for step in found.rounds:
        degrees = degrees[step.own]
        places = np.arange(len(step.own))
        own = csr_matrix((np.ones(len(places), np.float32), (places, step.own)), step.sources.shape)
        summed = own + diags(degrees.astype(np.float32)) @ step.sources
        propagations.append(SparseProduct(scaled_rows(summed.tocsr().astype(np.float32))))
    return _Prepared(
        torch.tensor(operations, dtype=torch.int64),
        propagations,
        SparseProduct(scaled_rows(found.members[-1])),
    )
