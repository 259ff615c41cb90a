"""The project's own way of ranking, and what is left of it when a part is taken away."""

from dataclasses import dataclass, field

import numpy as np
import torch

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import Floats, GraphSource
from contrastive_nas.ranking.comparator.comparator import Comparator
from contrastive_nas.ranking.comparator.self_training import augment
from contrastive_nas.ranking.comparator.training import kernel_matrix, train_comparator
from contrastive_nas.ranking.encoder.pretrained import PretrainedEncoders
from contrastive_nas.ranking.parameters import AugmentParameters, CompareParameters
from contrastive_nas.ranking.quantiles import normal_quantiles


@dataclass
class ComparatorRanker:
    """A comparator on an encoder that is pretrained, without labels, on the graphs to be ranked.

    Attributes:
        encoders: pretrained when a source is first seen.
        comparing: of the comparator.
        augmenting: pseudo-labels on top, or none.
        squared_error: scores are those of regression with the comparator's kernel, without comparisons.
    """

    encoders: PretrainedEncoders
    comparing: CompareParameters = field(default_factory=CompareParameters)
    augmenting: AugmentParameters | None = None
    squared_error: bool = False
    _comparator: Comparator | None = field(default=None, init=False)

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Pretrains for a source not seen before, then learns from the labels."""
        encoder = self.encoders.encoder(source)
        model = train_comparator(encoder, source, labelled, labels, self.comparing, seed=seed)
        if self.squared_error:
            _regress(model, labels)
        if self.augmenting is not None:
            unlabelled = np.setdiff1d(np.arange(len(source)), labelled)
            model, _ = augment(model, source, labelled, labels, unlabelled, self.augmenting, seed=seed)
        self._comparator = model

    def scores(self, source: GraphSource, indices: IntArray) -> Floats:
        """One number per graph, higher for better networks; the same for graphs of one function.

        Raises:
            RuntimeError: called before :meth:`fit`.
        """
        if self._comparator is None:
            raise RuntimeError("scores are asked for before the ranker was fitted")
        return self.encoders.scores(self._comparator, source, indices)


def _regress(model: Comparator, labels: Floats) -> None:
    """Takes the weights that minimise squared error on normal quantiles in place of those for comparisons."""
    kernel = kernel_matrix(model).astype(np.float64)
    noisy = kernel + float(model.noise) * np.eye(len(kernel))
    model.weights = torch.tensor(np.linalg.solve(noisy, normal_quantiles(labels)), dtype=torch.float32)
