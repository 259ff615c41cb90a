"""The comparator as the model that guides a search."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from contrastive_nas.learning.comparison import train_comparator
from contrastive_nas.learning.embedding import run_model
from contrastive_nas.learning.parameters import CompareParameters
from contrastive_nas.learning.space_source import SpaceSource
from contrastive_nas.models.comparator import Comparator, win_probability
from contrastive_nas.models.encoder import Encoder
from contrastive_nas.spaces.base import Architecture, SearchSpace


class ComparatorPredictor:
    """Ranks the architectures of a space with a comparator that is fitted afresh to all labels so far.

    Args:
        space: where architectures come from.
        encoder: the pretrained encoder that every fit starts from.
        parameters: of the fits.
        seed: of the fits, and of the networks that features are standardised by.
    """

    def __init__(
        self, space: SearchSpace, encoder: Encoder, parameters: CompareParameters, *, seed: int
    ) -> None:
        self.source = SpaceSource(space)
        # Features are standardised by what the source knows; labelled networks alone are too few for that.
        self.source.rows(space.sample(np.random.default_rng(seed), min(parameters.reference, 512)))
        self._encoder = encoder
        self._parameters = parameters
        self._seed = seed
        self._comparator: Comparator | None = None
        self._known: dict[int, float] = {}

    def fit(self, architectures: Sequence[Architecture], accuracies: NDArray[np.float64]) -> None:
        """Replaces what was learned before.

        Raises:
            InputError: no two different labels.
        """
        rows = self.source.rows(architectures)
        self._comparator = train_comparator(
            self._encoder, self.source, rows, np.asarray(accuracies), self._parameters, seed=self._seed
        )
        self._known = {}

    def scores(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """One number per architecture, higher is better; equal for networks of one function.

        Raises:
            RuntimeError: called before :meth:`fit`.
        """
        if self._comparator is None:
            raise RuntimeError("scores are asked for before the predictor was fitted")
        rows = self.source.rows(architectures)
        functions = self.source.function_ids[rows]
        missing = np.array([value not in self._known for value in functions.tolist()], dtype=bool)
        if missing.any():
            found = run_model(self._comparator, self.source, rows[missing])
            self._known.update(zip(functions[missing].tolist(), found.tolist(), strict=True))
        return np.array([self._known[value] for value in functions.tolist()])

    def probability(
        self, first: Sequence[Architecture], second: Sequence[Architecture]
    ) -> NDArray[np.float64]:
        """Probabilities, first x second, that one beats the other."""
        left, right = (torch.as_tensor(self.scores(names)) for names in (first, second))
        return win_probability(left[:, None], right[None, :]).numpy()
