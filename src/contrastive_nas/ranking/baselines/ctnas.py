"""The neural architecture comparator of CTNAS as it was published, on graphs of whole networks.

Source: Chen et al., Contrastive Neural Architecture Search with Neural Architecture Comparators, CVPR 2021,
section 3.2: operations are embedded in 128 dimensions, two graph convolutions over (A, X) and mean pooling
give a vector per architecture, and one linear layer compares two of them; binary cross-entropy on all pairs.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags
from torch import Tensor, nn

from contrastive_nas.graphs.schema import GraphBatch, IntArray
from contrastive_nas.ranking.base import FloatArray, PointRanker
from contrastive_nas.ranking.comparator.training import all_pairs
from contrastive_nas.ranking.encoder.loop import fit
from contrastive_nas.ranking.encoder.message_passing import SparseProduct, scaled_rows
from contrastive_nas.ranking.encoder.neighbourhoods import find_neighbourhoods
from contrastive_nas.ranking.graph_source import GraphSource, one_per_function
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


class CtnasRanker(PointRanker):
    """Trains the comparator from scratch, all pairs in every step.

    An operation is a distinct node: kind, sizes and shapes. Those that no labelled network has are
    embedded as 0. The comparison is additive, logit = w0 . f(a) + w1 . f(b) + c, so that w0 . f orders
    architectures as their mean winning probabilities do; it is brought to the scale of the labels' quantiles.

    Args:
        steps: Smallest number of training steps. There are three for every label, as few labels are soon
            learned by heart.
    """

    def __init__(self, steps: int = 300) -> None:
        self._steps = steps

    def _train(
        self, graphs: GraphSource, labelled: IntArray, targets: FloatArray, seed: int
    ) -> Callable[[IntArray], FloatArray]:
        batch = graphs.batch(labelled)
        vocabulary: Vocabulary = {}
        for number in np.unique(batch.type_ids):
            vocabulary.setdefault(batch.node_types[number].tobytes(), len(vocabulary) + 1)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            embed, compare = _Embedding(len(vocabulary) + 1), nn.Linear(2 * WIDTH, 1)
        loss = _comparisons(embed, compare, _prepare(batch, vocabulary), targets)
        steps = max(self._steps, 3 * len(targets))
        model, how = nn.ModuleList([embed, compare]), Optimisation(steps=steps, decay=5e-4)
        fit(model, loss, how, seed=seed, description="CTNAS comparator")

        def raw(rows: IntArray) -> FloatArray:
            distinct, places = one_per_function(graphs, rows)
            with torch.inference_mode():
                parts = [
                    embed(_prepare(graphs.batch(chunk), vocabulary)) @ compare.weight[0, :WIDTH]
                    for chunk in np.split(distinct, range(_GRAPHS_AT_ONCE, len(distinct), _GRAPHS_AT_ONCE))
                ]
            values: FloatArray = torch.cat(parts).numpy().astype(np.float64)[places]
            return values

        known = raw(labelled)
        centre, scale = known.mean(), targets.std() / max(float(known.std()), 1e-12)
        return lambda rows: (raw(rows) - centre) * scale


def _comparisons(
    embed: _Embedding, compare: nn.Linear, graphs: _Prepared, targets: FloatArray
) -> Callable[[int], Tensor]:
    """Cross-entropy of all pairs, each in both orders, since p(a, b) + p(b, a) is not 1 by construction."""
    pairs = all_pairs(np.arange(len(targets)), targets)
    better, worse = torch.from_numpy(pairs.better), torch.from_numpy(pairs.worse)

    def loss(step: int) -> Tensor:
        first, second = (embed(graphs) @ compare.weight.view(2, WIDTH).T).unbind(1)
        wins = first[better] + second[worse] + compare.bias
        losses = first[worse] + second[better] + compare.bias
        softplus = nn.functional.softplus
        return (softplus(-wins) + softplus(losses)).mean() / 2

    return loss


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
