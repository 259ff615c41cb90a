"""Training a comparator on all pairs of the labelled architectures.

Sources: Chen et al., Contrastive Neural Architecture Search with Neural Architecture Comparators, CVPR 2021,
section 3.2 (pairs, cross-entropy); the comparison here is antisymmetric, and a Gaussian process prior takes
the place of a network trained from scratch, which has too much freedom for some dozen labels.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import Floats, normal_quantiles
from contrastive_nas.ranking.comparator.comparator import Comparator, ComparatorShape
from contrastive_nas.ranking.encoder.embedding import describe
from contrastive_nas.ranking.encoder.encoder import SKETCH_WIDTH, SKETCHES, Encoder
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.gaussian_process.kernel import View
from contrastive_nas.ranking.gaussian_process.preference import (
    LOGISTIC_SCALE,
    Comparisons,
    calibrate,
    fit_preferences,
    left_out_scores,
)
from contrastive_nas.ranking.gaussian_process.regression import GaussianProcess
from contrastive_nas.ranking.graph_source import GraphSource
from contrastive_nas.ranking.parameters import CompareParameters


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
    """Return every pair of different labels; equal labels give none."""
    higher, lower = np.nonzero(labels[:, None] > labels[None, :])
    return Pairs(np.asarray(indices)[higher], np.asarray(indices)[lower])


def train_comparator(
    features: EncoderFeatures,
    source: GraphSource,
    labelled: IntArray,
    labels: Floats,
    parameters: CompareParameters,
    *,
    seed: int,
) -> Comparator:
    """Return a comparator fitted to all pairs of the labelled architectures; its encoder stays as it is.

    The kernel is the most probable one for the normal quantiles of the labels; scores are then the most
    probable ones for all comparisons; probabilities are calibrated on predictions that leave one label out.

    Args:
        features: what graphs are compared by.
        source: all graphs; those that were there when ``features`` saw it first are what features are
            standardised by, or a sample of them.
        labelled: numbers of the labelled graphs.
        labels: their accuracies, higher is better.
        parameters: of the fit.
        seed: of the sample that features are standardised by.

    Raises:
        InputError: labels that are not finite, no two different ones, or networks that are all alike.
    """
    labelled, labels = np.asarray(labelled, np.int64), np.asarray(labels, np.float64)
    if not np.isfinite(labels).all():
        raise InputError("compare: labels must be finite numbers")
    pairs = all_pairs(np.arange(len(labels)), labels)
    if len(pairs) == 0:
        raise InputError(
            f"compare: {len(labels)} labels without two different ones give no pair to learn from: raise "
            "compare.first_labels.count"
        )

    features.see(source)
    sample = features.reference(parameters.reference, seed)
    model = _standardised(features.encoder, features(np.concatenate([labelled, sample])), len(labelled))
    process = GaussianProcess(model.shape.views)
    targets = normal_quantiles(labels)
    process.fit(model.support.numpy(), targets)
    variances, lengths, noise = process.hyperparameters
    model.variances, model.lengths = torch.tensor(variances), torch.tensor(lengths)
    model.noise = torch.tensor(noise)

    kernel = kernel_matrix(model)
    start = kernel @ np.linalg.solve(kernel + noise * np.eye(len(kernel)), targets)
    weights = fit_preferences(kernel, [weighted(pairs, len(labels), parameters)], pair_scale(model), start)
    model.weights = torch.tensor(weights)
    model.temperature = torch.tensor(
        calibrate(left_out_scores(kernel, noise, targets), pairs.better, pairs.worse)
    )
    return model.float().to(features.encoder.device).eval()


def comparator_scores(
    comparator: Comparator, source: GraphSource, rows: IntArray | None = None
) -> NDArray[np.float32]:
    """Return scores of the graphs at ``rows`` (all by default); the same for graphs of one function."""
    known = torch.as_tensor(describe(comparator.encoder, source, rows), device=comparator.weights.device)
    with torch.inference_mode():
        scores: NDArray[np.float32] = comparator.score(known).cpu().numpy()
    return scores


def weighted(pairs: Pairs, labels: int, parameters: CompareParameters) -> Comparisons:
    """Return pairs as comparisons that together weigh ``evidence`` per label.

    The m (m - 1) / 2 pairs of m labels are not as many independent observations.
    """
    return Comparisons(pairs.better, pairs.worse, parameters.evidence * labels / len(pairs))


def kernel_matrix(model: Comparator) -> NDArray[np.float64]:
    """Return the kernel between all networks of the support."""
    matrix: NDArray[np.float64] = model.kernel(model.support).cpu().numpy()
    return matrix


def pair_scale(model: Comparator) -> float:
    """Return the difference of scores that makes a logit of 1 against the noise of the labels."""
    return LOGISTIC_SCALE * float(model.noise) ** 0.5


def feature_views(
    encoder: Encoder, values: NDArray[np.float64]
) -> tuple[tuple[View, ...], IntArray, NDArray[np.float64], NDArray[np.float64]]:
    """Return how raw features (networks x columns) are compared: statistics linearly, and every part by
    distance.

    Returns:
        The views; the columns of raw features that they read, in their order, those that do not vary left
        out; mean and standard deviation of each of these columns.

    Raises:
        InputError: the networks are all alike.
    """
    spread = values.std(axis=0)
    columns = np.flatnonzero(spread > 1e-6 * np.maximum(1, np.abs(values).max(axis=0)))
    if not len(columns):
        raise InputError("compare: the networks do not differ")
    ends = encoder.statistics + SKETCH_WIDTH * np.arange(SKETCHES + 1)
    statistics, *others = np.split(columns, np.searchsorted(columns, ends))
    views = [View("linear", len(statistics)), *(View("matern", len(part)) for part in (statistics, *others))]
    columns = np.concatenate([statistics, statistics, *others])
    return (
        tuple(view for view in views if view.columns),
        columns,
        values.mean(axis=0)[columns],
        spread[columns],
    )


def _standardised(encoder: Encoder, values: NDArray[np.float64], labelled: int) -> Comparator:
    """A comparator in double precision that knows its columns, their scale and its support.

    The support are the first ``labelled`` rows of raw features.
    """
    views, columns, mean, spread = feature_views(encoder, values)
    model = Comparator(copy.deepcopy(encoder).cpu(), ComparatorShape(views, labelled)).double()
    model.columns = torch.tensor(columns)
    model.centre, model.spread = torch.tensor(mean), torch.tensor(spread)
    model.support = model.standardise(torch.tensor(values[:labelled]))
    return model
