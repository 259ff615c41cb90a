"""What strategies need to know about a model that ranks architectures."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from contrastive_nas.spaces.base import Architecture


class Predictor(Protocol):
    """Ranks architectures of one space, learning from all labels bought so far.

    Architectures repeat from call to call; an implementation keeps what it derives from them (graphs,
    features).
    """

    def fit(self, architectures: Sequence[Architecture], accuracies: NDArray[np.float64]) -> None:
        """Learns from the labels (percent, not all equal), replacing what it learned before."""

    def scores(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """One number per architecture, higher is better."""

    def probability(
        self, first: Sequence[Architecture], second: Sequence[Architecture]
    ) -> NDArray[np.float64]:
        """Probabilities, first x second, that an architecture of the first list beats one of the second."""


@runtime_checkable
class UncertainPredictor(Predictor, Protocol):
    """A predictor that knows how sure it is of every score."""

    def distribution(
        self, architectures: Sequence[Architecture]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of every score."""


@runtime_checkable
class JointPredictor(UncertainPredictor, Protocol):
    """A predictor that also knows how its errors go together."""

    def covariance(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """Covariance of scores, architectures x architectures."""


@runtime_checkable
class ExperiencedPredictor(JointPredictor, Protocol):
    """A predictor that answers before the first label; fitted without labels it forgets those it had."""

    answers_without_labels: bool
