"""Pseudo-labels: confident comparisons of unlabelled architectures join the training.

Source: Chen et al., CTNAS, CVPR 2021, section 3.3. Confidence is max(p, 1 - p), so that wins and losses are
    picked
alike; every round chooses afresh, so that the set does not grow and errors can be undone.
"""

import copy

import numpy as np
import torch

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.learning.comparison import Pairs, all_pairs, train_on_pairs
from contrastive_nas.learning.embedding import run_model
from contrastive_nas.learning.parameters import AugmentParameters
from contrastive_nas.learning.ranker import Floats, GraphSource
from contrastive_nas.models.comparator import Comparator, win_probability


def choose_pairs(scores: Floats, indices: IntArray, limit: int, least_confidence: float) -> Pairs:
    """The ``limit`` pairs of highest confidence, at least ``least_confidence``; pairs of equal scores never.

    Args:
        scores: of the graphs at ``indices``, as :class:`Comparator` gives them.
        indices: numbers of the graphs.
        limit: largest number of pairs.
        least_confidence: 0.5 .. 1.
    """
    order = np.argsort(-scores, kind="stable")
    first, second = np.triu_indices(len(order), k=1)
    gaps = scores[order[first]] - scores[order[second]]
    confidence = win_probability(torch.as_tensor(gaps), torch.zeros(len(gaps))).numpy()
    allowed = np.flatnonzero((confidence >= least_confidence) & (gaps > 0))
    limit = min(limit, len(allowed))
    # Confidence rises with the gap, and gaps stay distinct where probabilities have reached 1.
    best = allowed[np.argpartition(-gaps[allowed], limit - 1)[:limit]] if limit else allowed[:0]
    best.sort()
    chosen = np.asarray(indices)[order]
    return Pairs(chosen[first[best]], chosen[second[best]])


def augment(
    comparator: Comparator,
    source: GraphSource,
    labelled: IntArray,
    labels: Floats,
    unlabelled: IntArray,
    parameters: AugmentParameters,
    *,
    seed: int,
) -> tuple[Comparator, Pairs]:
    """A comparator trained on with pseudo-labels, and the pairs of the last round; the given one stays as it
    is.

    Args:
        comparator: already trained on the labelled architectures.
        source: all graphs.
        labelled: numbers of the labelled graphs.
        labels: their accuracies.
        unlabelled: numbers among which pairs are sought.
        parameters: number, confidence and weight of pseudo-labels.
        seed: of the candidates and dropout.
    """
    model = copy.deepcopy(comparator)
    known = all_pairs(labelled, np.asarray(labels, dtype=np.float64))
    limit = int(parameters.ratio * len(known))
    pseudo = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
    for number in range(parameters.rounds):
        rng = np.random.default_rng([seed, number])
        size = min(parameters.candidates, len(unlabelled))
        candidates = rng.choice(np.asarray(unlabelled, dtype=np.int64), size=size, replace=False)
        scores = run_model(model, source, candidates)
        pseudo = choose_pairs(scores, candidates, limit, parameters.least_confidence)
        parts = [(known, 1.0)] + ([(pseudo, parameters.weight)] if len(pseudo) else [])
        train_on_pairs(model, source, parts, parameters.optimisation, seed=seed + number)
    return model, pseudo


def pseudo_label_accuracy(pairs: Pairs, truth: Floats) -> float:
    """Part of the pairs whose winner is truly better; pairs of equal truth do not count; NaN where none is
    left.

    Args:
        pairs: pseudo-labelled comparisons.
        truth: accuracy of every graph of the source.
    """
    better, worse = truth[pairs.better], truth[pairs.worse]
    decided = better != worse
    return float((better > worse)[decided].mean()) if decided.any() else float("nan")
