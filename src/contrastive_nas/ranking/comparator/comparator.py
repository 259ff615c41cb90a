"""Which of two networks is better: a score per graph, and win probabilities from two scores.

On the disk a comparator stands with the encoder that it was fitted on.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from contrastive_nas.ranking.encoder.encoder import Encoder, EncoderInput
from contrastive_nas.ranking.encoder.weights import (
    encoder_header,
    encoder_of,
    fill,
    read_weights,
    write_weights,
)
from contrastive_nas.ranking.gaussian_process.kernel import (
    View,
    compared,
    covariance,
    prior_variances,
    weighted_sums,
)

# A feature this many standard deviations off counts as this far: unseen extremes would be far from
# everything.
FEATURE_LIMIT = 5.0
# So many that their kernel stays in the processor's cache.
_GRAPHS_AT_ONCE = 2048
_JITTER = 1e-6


@dataclass(frozen=True)
class ComparatorShape:
    """What has to be known to load a comparator's weights.

    Attributes:
        views: kernels over columns of statistics, sketches and embedding; columns that never vary are left
            out.
        support: networks that others are compared with.
    """

    views: tuple[View, ...]
    support: int


class Comparator(nn.Module):
    """p(a beats b) = sigmoid(score(a) - score(b)), score(x) = sum over support i of weight_i k(x, x_i).

    k is the sum of the views' kernels. Every antisymmetric comparator that ranks transitively has such a
    score, and ranking N graphs costs N encodings.

    Args:
        encoder: embeds graphs.
        shape: sizes of the buffers, which training fills.
    """

    columns: Tensor
    centre: Tensor
    spread: Tensor
    support: Tensor
    weights: Tensor
    variances: Tensor
    lengths: Tensor
    noise: Tensor
    temperature: Tensor

    def __init__(self, encoder: Encoder, shape: ComparatorShape) -> None:
        super().__init__()
        self.encoder = encoder
        self.shape = shape
        width, views = sum(view.columns for view in shape.views), len(shape.views)
        self.register_buffer("columns", torch.zeros(width, dtype=torch.int64))
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.register_buffer("support", torch.zeros(shape.support, width))
        self.register_buffer("weights", torch.zeros(shape.support))
        self.register_buffer("variances", torch.ones(views))
        self.register_buffer("lengths", torch.ones(views))
        self.register_buffer("noise", torch.ones(()))
        self.register_buffer("temperature", torch.ones(()))

    def standardise(self, features: Tensor) -> Tensor:
        """Return the compared columns of raw features (see :meth:`Encoder.describe`)."""
        chosen = features.index_select(1, self.columns)
        return chosen.sub_(self.centre).div_(self.spread).clamp_(-FEATURE_LIMIT, FEATURE_LIMIT)

    def score(self, features: Tensor) -> Tensor:
        """Return scores of raw features, one per graph, as differences of logits.

        Sums are computed in double precision: weights of opposite sign cancel in the third digit.
        """
        support, weights = self.support.double(), self.weights.double()
        shape = self.shape.views, self.variances.double(), self.lengths.double()
        parts = [
            weighted_sums(self.standardise(part).double(), support, weights, *shape)
            for part in features.split(_GRAPHS_AT_ONCE)
        ]
        return (torch.cat(parts) / self.temperature).to(features.dtype)

    def deviation(self, features: Tensor) -> Tensor:
        """Return how unsure the scores are: standard deviations of raw features' scores, on their scale.

        They are those of regression on the support with the same kernel and noise (Rasmussen and Williams,
        Gaussian Processes for Machine Learning, 2006, equation 2.26), so the support must be labelled.
        """
        noisy = self.kernel(self.support).double()
        noisy.diagonal().add_(self.noise.double() + _JITTER)
        factor = torch.linalg.cholesky(noisy)
        parts = [self._deviation(self.standardise(part), factor) for part in features.split(_GRAPHS_AT_ONCE)]
        return torch.cat(parts) / self.temperature

    def covariance(self, features: Tensor) -> Tensor:
        """Return how errors of scores go together, graphs x graphs, on the squared scale of
        :meth:`deviation`.
        """
        points = self.standardise(features).double()
        views, variances, lengths = self.shape.views, self.variances.double(), self.lengths.double()
        support = self.support.double()
        noisy = covariance(compared(support, support, views), views, variances, lengths)
        noisy.diagonal().add_(self.noise.double() + _JITTER)
        cross = covariance(compared(points, support, views), views, variances, lengths)
        solved = torch.linalg.solve_triangular(torch.linalg.cholesky(noisy), cross.T, upper=False)
        prior = covariance(compared(points, points, views), views, variances, lengths)
        return (prior - solved.T @ solved) / self.temperature.double().square()

    def _deviation(self, points: Tensor, factor: Tensor) -> Tensor:
        solved = torch.linalg.solve_triangular(factor, self.kernel(points).double().T, upper=False)
        prior = prior_variances(points, self.shape.views, self.variances).double()
        return (prior - solved.square().sum(0)).clamp_min(_JITTER).sqrt().to(points.dtype)

    def kernel(self, points: Tensor) -> Tensor:
        """Return standardised points x support."""
        parts = compared(points, self.support, self.shape.views)
        return covariance(parts, self.shape.views, self.variances, self.lengths)

    def forward(self, graphs: EncoderInput) -> Tensor:
        """Return scores of graphs."""
        return self.score(self.encoder.describe(graphs))


def win_probability(first: Tensor, second: Tensor) -> Tensor:
    """Return p(first beats second) from two tensors of scores.

    The larger side is computed and the other taken as 1 minus it, so that both directions add up to exactly
    1.
    """
    difference = first - second
    larger = torch.sigmoid(difference.abs())
    return torch.where(difference >= 0, larger, 1 - larger)


def save_comparator(comparator: Comparator, path: str | Path) -> None:
    """Write a comparator; equal weights give equal bytes.

    Raises:
        OSError: the file cannot be written.
    """
    header = encoder_header(comparator.encoder) | {
        "model": "Comparator",
        "views": [[view.kernel, view.columns] for view in comparator.shape.views],
        "support": comparator.shape.support,
    }
    write_weights(comparator, header, path)


def load_comparator(path: str | Path) -> Comparator:
    """Return the comparator of a file that :func:`save_comparator` wrote.

    Raises:
        InputError: as :func:`contrastive_nas.ranking.encoder.weights.load_encoder`, or it holds an encoder
            alone.
    """
    header, tensors = read_weights(path, "Comparator")
    shape = ComparatorShape(tuple(View(*view) for view in header["views"]), header["support"])
    comparator = Comparator(encoder_of(header), shape)
    fill(comparator, tensors, path)
    return comparator
