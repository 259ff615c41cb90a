"""The comparator on a pretrained encoder, and what is left of it when a part is taken away."""

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import FloatArray, Posterior, Ranker, antisymmetric, normal_quantiles
from contrastive_nas.ranking.comparator.comparator import Comparator
from contrastive_nas.ranking.comparator.self_training import augment
from contrastive_nas.ranking.comparator.training import kernel_matrix, train_comparator
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.graph_source import GraphSource, in_parts, one_per_function
from contrastive_nas.ranking.parameters import AugmentParameters, CompareParameters


class ComparatorRanker(Ranker):
    """The comparator: learns who wins in all pairs of labelled networks, on the pretrained encoder.

    Means are the comparator's scores times its temperature; differences of scores are logits of winning.
    Deviations and covariances are those of regression with the same kernel; pseudo-labels do not narrow them.

    Args:
        features: what graphs are compared by; of the encoder that comes with the package by default.
        comparing: Training of the comparator.
        self_training: Pseudo-labels, and further training on them. None by default.
        squared_error: Whether scores are those of a regression with the comparator's kernel, without
            comparisons.
    """

    def __init__(
        self,
        features: EncoderFeatures | None = None,
        *,
        comparing: CompareParameters | None = None,
        self_training: AugmentParameters | None = None,
        squared_error: bool = False,
    ) -> None:
        self._features = features or EncoderFeatures()
        self._comparing = comparing or CompareParameters()
        self._self_training = self_training
        self._squared_error = squared_error

    def _learn(self, graphs: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        self._graphs = graphs
        known = train_comparator(self._features, graphs, labelled, labels, self._comparing, seed=seed)
        if self._squared_error:
            _regress(known, labels)
        self._labelled = self._comparator = known
        if self._self_training is not None:
            others = np.setdiff1d(np.arange(self._features.shown), labelled)
            self._comparator, _ = augment(
                known, self._features, graphs, labelled, labels, others, self._self_training, seed=seed
            )

    def scores(self, rows: IntArray) -> FloatArray:
        first, places = one_per_function(self._graphs, rows)
        return in_parts(self._scores, first)[places]

    def posterior(self, rows: IntArray) -> Posterior:
        first, places = one_per_function(self._graphs, rows)
        mean, deviation = in_parts(self._beliefs, first).T
        return Posterior(mean[places], deviation[places])

    def covariance(self, rows: IntArray) -> FloatArray:
        with torch.inference_mode():
            found = self._labelled.covariance(self._known(rows))
        return self._scaled(found) * float(self._labelled.temperature)

    def probability(self, first: IntArray, second: IntArray) -> FloatArray:
        """Return probabilities, first x second, calibrated on labels left out."""
        gaps = (self.scores(first)[:, None] - self.scores(second)[None, :]) / float(
            self._comparator.temperature
        )
        return antisymmetric(gaps, expit)

    @property
    def comparator(self) -> Comparator:
        """What was learned from the labels, pseudo-labels aside."""
        return self._labelled

    def _scores(self, rows: IntArray) -> FloatArray:
        with torch.inference_mode():
            return self._scaled(self._comparator.score(self._known(rows)))

    def _beliefs(self, rows: IntArray) -> FloatArray:
        """Mean and deviation of each graph, side by side."""
        known = self._known(rows)
        with torch.inference_mode():
            found = self._comparator.score(known), self._labelled.deviation(known)
        return np.column_stack([self._scaled(one) for one in found])

    def _known(self, rows: IntArray) -> Tensor:
        weights = self._labelled.weights
        return torch.as_tensor(self._features(rows), dtype=weights.dtype, device=weights.device)

    def _scaled(self, scores: Tensor) -> FloatArray:
        values: FloatArray = scores.cpu().numpy().astype(np.float64) * float(self._labelled.temperature)
        return values


def _regress(model: Comparator, labels: FloatArray) -> None:
    """Takes the weights that minimise squared error on normal quantiles in place of those for comparisons."""
    kernel = kernel_matrix(model).astype(np.float64)
    noisy = kernel + float(model.noise) * np.eye(len(kernel))
    model.weights = torch.tensor(np.linalg.solve(noisy, normal_quantiles(labels)), dtype=torch.float32)
