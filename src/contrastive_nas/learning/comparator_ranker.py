"""The project's own way of ranking, and what is left of it when a part is taken away."""

from dataclasses import dataclass, field

import numpy as np

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.learning.comparison import train_comparator
from contrastive_nas.learning.embedding import run_model
from contrastive_nas.learning.parameters import AugmentParameters, CompareParameters, PretrainParameters
from contrastive_nas.learning.pretraining import pretrain
from contrastive_nas.learning.pseudo_labels import augment
from contrastive_nas.learning.ranker import Floats, GraphSource
from contrastive_nas.models.comparator import Comparator
from contrastive_nas.models.encoder import Encoder


@dataclass
class ComparatorRanker:
    """A comparator on an encoder that is pretrained, without labels, on the graphs to be ranked.

    Attributes:
        pretraining: of the encoder; done once a source, at the first fit.
        comparing: of the comparator.
        augmenting: pseudo-labels on top, or none.
    """

    pretraining: PretrainParameters = field(default_factory=PretrainParameters)
    comparing: CompareParameters = field(default_factory=CompareParameters)
    augmenting: AugmentParameters | None = None
    _encoder: Encoder | None = None
    _pretrained_on: GraphSource | None = None
    _comparator: Comparator | None = None

    def fit(self, source: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Pretrains for a source not seen before, then learns from the labels."""
        if self._encoder is None or self._pretrained_on is not source:
            self._encoder, _ = pretrain(source, self.pretraining, seed=seed)
            self._pretrained_on = source
        model = train_comparator(self._encoder, source, labelled, labels, self.comparing, seed=seed)
        if self.augmenting is not None:
            unlabelled = np.setdiff1d(np.arange(len(source)), labelled)
            model, _ = augment(model, source, labelled, labels, unlabelled, self.augmenting, seed=seed)
        self._comparator = model

    def scores(self, source: GraphSource, indices: IntArray) -> Floats:
        """One number per graph, higher for better networks.

        Raises:
            RuntimeError: called before :meth:`fit`.
        """
        if self._comparator is None:
            raise RuntimeError("scores are asked for before the ranker was fitted")
        return run_model(self._comparator, source, indices).astype(np.float64)
