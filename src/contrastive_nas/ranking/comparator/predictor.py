"""The comparator as the model that guides a search."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.comparator.comparator import Comparator, win_probability
from contrastive_nas.ranking.comparator.self_training import augment
from contrastive_nas.ranking.comparator.training import features, train_comparator
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.parameters import AugmentParameters, CompareParameters
from contrastive_nas.ranking.space_source import SpaceSource
from contrastive_nas.spaces.base import Architecture, SearchSpace


class ComparatorPredictor:
    """Ranks the architectures of a space with a comparator that is fitted afresh to all labels so far.

    Every network function is encoded once, however often the comparator is fitted.

    Args:
        space: where architectures come from.
        encoder: the pretrained encoder, which fits leave as it is.
        parameters: of the fits.
        seed: of the fits, and of the networks that features are standardised by.
        pseudo_labels: each fit goes on with the most confident comparisons of networks that the search has
            looked at; None for none.
    """

    def __init__(
        self,
        space: SearchSpace,
        encoder: Encoder,
        parameters: CompareParameters,
        *,
        seed: int,
        pseudo_labels: AugmentParameters | None = None,
    ) -> None:
        self.source = SpaceSource(space)
        # Features are standardised by what the source knows; labelled networks alone are too few for that.
        self.source.rows(space.sample(np.random.default_rng(seed), min(parameters.reference, 512)))
        self._encoder = encoder
        self._parameters = parameters
        self._pseudo_labels = pseudo_labels
        self._seed = seed
        self._features: dict[int, NDArray[np.float64]] = {}
        # How unsure scores are follows from true labels alone.
        self._labelled: Comparator | None = None
        self._comparator: Comparator | None = None
        self._known: dict[int, tuple[float, float]] = {}

    def fit(self, architectures: Sequence[Architecture], accuracies: NDArray[np.float64]) -> None:
        """Replaces what was learned before.

        Raises:
            InputError: no two different labels.
        """
        rows, labels = self.source.rows(architectures), np.asarray(accuracies)
        self._labelled = train_comparator(
            self._encoder, self.source, rows, labels, self._parameters, seed=self._seed
        )
        self._comparator = self._labelled
        if self._pseudo_labels is not None:
            others = np.setdiff1d(np.arange(len(self.source)), rows)
            self._comparator, _ = augment(
                self._labelled, self.source, rows, labels, others, self._pseudo_labels, seed=self._seed
            )
        self._known = {}

    def scores(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """One number per architecture, higher is better; equal for networks of one function.

        Raises:
            RuntimeError: called before :meth:`fit`.
        """
        return self.distribution(architectures)[0]

    def distribution(
        self, architectures: Sequence[Architecture]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scores and their standard deviations; differences of scores are logits.

        Raises:
            RuntimeError: called before :meth:`fit`.
        """
        if self._comparator is None or self._labelled is None:
            raise RuntimeError("scores are asked for before the predictor was fitted")
        rows = self.source.rows(architectures)
        functions = self.source.function_ids[rows]
        missing = np.array([value not in self._known for value in functions.tolist()], dtype=bool)
        if missing.any():
            raw = torch.as_tensor(self._raw_features(rows[missing])).to(self._comparator.weights)
            with torch.inference_mode():
                pairs = [self._comparator.score(raw).tolist(), self._labelled.deviation(raw).tolist()]
            self._known.update(zip(functions[missing].tolist(), zip(*pairs, strict=True), strict=True))
        means, deviations = zip(*(self._known[value] for value in functions.tolist()), strict=True)
        return np.array(means), np.array(deviations)

    def probability(
        self, first: Sequence[Architecture], second: Sequence[Architecture]
    ) -> NDArray[np.float64]:
        """Probabilities, first x second, that one beats the other."""
        left, right = (torch.as_tensor(self.scores(names)) for names in (first, second))
        return win_probability(left[:, None], right[None, :]).numpy()

    def _raw_features(self, rows: IntArray) -> NDArray[np.float64]:
        """What networks are compared by, encoded where that has not happened yet: rows x columns."""
        functions = self.source.function_ids[rows]
        new = np.array([value not in self._features for value in functions.tolist()], dtype=bool)
        if new.any():
            found = features(self._encoder, self.source, rows[new])
            self._features.update(zip(functions[new].tolist(), found, strict=True))
        return np.stack([self._features[value] for value in functions.tolist()])
