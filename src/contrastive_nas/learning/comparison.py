"""Training a comparator on all pairs of the labelled architectures.

Source: Chen et al., Contrastive Neural Architecture Search with Neural Architecture Comparators, CVPR 2021,
section 3.2; here the comparison is antisymmetric, and every labelled architecture is encoded once per step.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.learning.embedding import prepare
from contrastive_nas.learning.loop import fit
from contrastive_nas.learning.parameters import CompareParameters, Optimisation
from contrastive_nas.learning.ranker import Floats, GraphSource
from contrastive_nas.models.comparator import Comparator
from contrastive_nas.models.encoder import Encoder


@dataclass(frozen=True)
class Pairs:
    """Comparisons: the graph at ``better`` wins against the one at ``worse``.

    Attributes:
        better: int64, pairs.
        worse: int64, pairs.
    """

    better: IntArray
    worse: IntArray

    def __len__(self) -> int:
        return len(self.better)


def all_pairs(indices: IntArray, labels: Floats) -> Pairs:
    """Every pair of different labels; equal labels give none."""
    higher, lower = np.nonzero(labels[:, None] > labels[None, :])
    return Pairs(np.asarray(indices)[higher], np.asarray(indices)[lower])


def pair_loss(scores: Tensor, better: Tensor, worse: Tensor) -> Tensor:
    """Cross-entropy -log p(better beats worse), mean over pairs that index ``scores``."""
    return torch.nn.functional.softplus(scores[worse] - scores[better]).mean()


def train_comparator(
    encoder: Encoder,
    source: GraphSource,
    labelled: IntArray,
    labels: Floats,
    parameters: CompareParameters,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
) -> Comparator:
    """A comparator fitted to all pairs of the labelled architectures; ``encoder`` itself stays as it is.

    Args:
        encoder: where training starts.
        source: all graphs.
        labelled: numbers of the labelled graphs.
        labels: their accuracies, higher is better.
        parameters: optimisation.
        seed: of the head's weights and dropout.
        checkpoints: where unfinished training is kept.

    Raises:
        InputError: labels that are not finite, or no two different ones.
    """
    labels = np.asarray(labels, dtype=np.float64)
    if not np.isfinite(labels).all():
        raise InputError("compare: labels must be finite numbers")
    pairs = all_pairs(labelled, labels)
    if len(pairs) == 0:
        raise InputError(
            f"compare: {len(labels)} labels without two different ones give no pair to learn from"
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Comparator(copy.deepcopy(encoder)).to(encoder.device)
    return train_on_pairs(
        model, source, [(pairs, 1.0)], parameters.optimisation, seed=seed, checkpoints=checkpoints
    )


def train_on_pairs(
    model: Comparator,
    source: GraphSource,
    parts: list[tuple[Pairs, float]],
    optimisation: Optimisation,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
) -> Comparator:
    """Trains ``model`` in place on weighted sets of pairs."""
    used, places = np.unique(
        np.concatenate([[pairs.better, pairs.worse] for pairs, _ in parts], axis=1), return_inverse=True
    )
    graphs = prepare(model, source, used)
    positions = torch.as_tensor(places.reshape(2, -1), device=model.encoder.device)
    ends = np.cumsum([0, *(len(pairs) for pairs, _ in parts)])

    def loss(step: int) -> Tensor:
        scores = model(graphs)
        losses = [
            weight * pair_loss(scores, *positions[:, start:stop])
            for (_, weight), start, stop in zip(parts, ends[:-1], ends[1:], strict=True)
        ]
        return torch.stack(losses).sum()

    fit(model, loss, optimisation, seed=seed, description="comparator", checkpoints=checkpoints)
    return model
