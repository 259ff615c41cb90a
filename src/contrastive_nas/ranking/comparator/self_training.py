"""Pseudo-labels: confident comparisons of unlabelled architectures join the training.

Source: Chen et al., CTNAS, CVPR 2021, section 3.3. Confidence is max(p, 1 - p), so that wins and losses are
picked alike, and p is calibrated; every round chooses afresh, so that the set does not grow and errors can be
undone.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import Floats
from contrastive_nas.ranking.comparator.comparator import Comparator, ComparatorShape, win_probability
from contrastive_nas.ranking.comparator.training import (
    Pairs,
    all_pairs,
    kernel_matrix,
    pair_scale,
    weighted,
)
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.gaussian_process.preference import Comparisons, fit_preferences
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.ranking.parameters import AugmentParameters


@dataclass(frozen=True)
class PseudoLabels(Pairs):
    """Comparisons that a comparator made itself.

    Attributes:
        confidence: pairs: the win probability with which each was taken.
    """

    confidence: NDArray[np.float64]


def choose_pairs(scores: Floats, indices: IntArray, limit: int, least_confidence: float) -> PseudoLabels:
    """Return the ``limit`` pairs of highest confidence, at least ``least_confidence``; pairs of equal scores
    never.

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
    return PseudoLabels(chosen[first[best]], chosen[second[best]], confidence[best])


def augment(
    comparator: Comparator,
    features: EncoderFeatures,
    source: GraphSource,
    labelled: IntArray,
    labels: Floats,
    unlabelled: IntArray,
    parameters: AugmentParameters,
    *,
    seed: int,
) -> tuple[Comparator, PseudoLabels]:
    """Return a comparator trained on with pseudo-labels, and those of the last round; the given one stays as
    it is.

    Args:
        comparator: already trained on the labelled architectures.
        features: of its encoder.
        source: all graphs.
        labelled: numbers of the labelled graphs.
        labels: their accuracies.
        unlabelled: numbers among which pairs are sought.
        parameters: number, confidence and weight of pseudo-labels.
        seed: of the candidates.
    """
    rng = np.random.default_rng(seed)
    size = min(parameters.candidates, len(unlabelled))
    candidates = rng.choice(np.asarray(unlabelled, dtype=np.int64), size=size, replace=False)
    features.see(source)
    model = _with_support(comparator, features(np.concatenate([labelled, candidates])))
    known = all_pairs(np.arange(len(labels)), np.asarray(labels, dtype=np.float64))
    evidence = weighted(known, len(labels), parameters.compare)
    kernel, places = kernel_matrix(model), np.arange(len(labels), len(labels) + size)
    scores = kernel[:, : len(labels)] @ comparator.weights.double().cpu().numpy()
    limit = int(parameters.ratio * len(known))
    pseudo = PseudoLabels(places[:0], places[:0], np.zeros(0))
    for _ in range(parameters.rounds):
        logits = scores[places] / float(model.temperature)
        pseudo = choose_pairs(logits, places, limit, parameters.least_confidence)
        joined = Comparisons(pseudo.better, pseudo.worse, parameters.weight * evidence.weight)
        weights = fit_preferences(kernel, [evidence, joined], pair_scale(model), scores)
        scores, model.weights = kernel @ weights, torch.tensor(weights)
    rows = np.concatenate([labelled, candidates])
    taken = PseudoLabels(rows[pseudo.better], rows[pseudo.worse], pseudo.confidence)
    return model.float().to(comparator.encoder.device).eval(), taken


def _with_support(comparator: Comparator, features: NDArray[np.float64]) -> Comparator:
    """The same comparator in double precision, with networks of these raw features as its support."""
    known = len(comparator.weights)
    model = Comparator(
        copy.deepcopy(comparator.encoder).cpu(), ComparatorShape(comparator.shape.views, len(features))
    )
    for name, values in comparator.named_buffers(recurse=False):
        if name not in ("support", "weights"):
            setattr(model, name, values.cpu().clone())
    model = model.double()
    model.support = model.standardise(torch.tensor(features))
    model.support[:known] = comparator.support.cpu()
    model.weights = torch.zeros(len(features), dtype=torch.float64)
    model.weights[:known] = comparator.weights.cpu()
    return model


def pseudo_label_accuracy(pairs: Pairs, truth: Floats) -> float:
    """Return part of the pairs whose winner is truly better; pairs of equal or unknown truth do not count;
    NaN where
    none is left.

    Args:
        pairs: pseudo-labelled comparisons.
        truth: accuracy of every graph of the source, NaN where it is not known.
    """
    better, worse = truth[pairs.better], truth[pairs.worse]
    decided = np.isfinite(better) & np.isfinite(worse) & (better != worse)
    return float((better > worse)[decided].mean()) if decided.any() else float("nan")
