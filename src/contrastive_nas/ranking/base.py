"""The one contract of everything that ranks networks: fitted to few labels, asked for a posterior.

Answers are on the scale of a normal quantile of accuracy: 0 is a middling network of those that were labelled
(before any label: of the space), 1 is better than 84 % of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.graph_source import GraphSource

FloatArray = NDArray[np.float64]
Floats = NDArray[np.floating]
# Of labels left out to see how wrong a ranker is: each part of five is predicted from the other four.
FOLDS = 5
# Fewer labels than this leave nothing to learn from once a part is left out.
_LEAST_LEFT_OUT = 6
# NumPy's kinds of real numbers, booleans among them.
_REAL_KINDS = "biuf"


def normal_quantiles(labels: Floats) -> FloatArray:
    """Return the standard normal quantile of every label's rank, equal labels sharing their mean rank.

    So only the order of labels counts.
    """
    return ndtri((rankdata(labels) - 0.5) / len(labels))


def trained_alike(groups: IntArray | None, count: int, least: int) -> list[IntArray]:
    """Return the rows, of so many, that were trained alike and may be compared: each group of at least so
    many.

    Args:
        groups: number of each row's group; None where all rows were trained alike, however many they are.
        count: of the rows.
        least: rows of a group.
    """
    if groups is None:
        return [np.arange(count)]
    parts = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    return [part for part in parts if len(part) >= least]


def standardiser(known: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Take values to the scale on which the known ones have mean 0 and, if they differ, deviation 1."""
    centre, scale = known.mean(), max(float(known.std()), 1e-12)
    return lambda values: (values - centre) / scale


class Posterior(NamedTuple):
    """What a ranker believes of networks.

    Attributes:
        mean: networks: normal quantile of the accuracy.
        deviation: networks: standard deviation of that belief, above 0.
    """

    mean: FloatArray
    deviation: FloatArray


class Ranker(ABC):
    """Ranks the networks of a graph source, with few of their labels or, some rankers, with none.

    Attributes:
        has_uncertainty: whether deviations differ by network and say how unsure the ranker is of each. Where
            not, they are one number, and acquisition goes by the mean.
        answers_without_labels: whether it may be fitted without a label.
        exploration: part of its deviations that acquisition counts on once there are labels; a ranker may
            have a measured one below 1.
    """

    has_uncertainty: bool = True
    answers_without_labels: bool = False
    exploration: float = 1.0

    def fit(self, graphs: GraphSource, labelled: IntArray, labels: Floats, seed: int) -> None:
        """Learn from the labels, in place of what was learned from any before.

        What does not depend on labels (an encoder, features) is kept while ``graphs`` is the same object.

        Args:
            graphs: the networks; all answers are for rows of it.
            labelled: rows whose accuracy is known; none where ``answers_without_labels``.
            labels: their accuracies, higher is better.
            seed: of everything random.

        Raises:
            InputError: labels that are not finite, or no two different ones.
        """
        known = np.asarray(labels, dtype=np.float64)
        if len(known) != len(labelled):
            raise InputError(f"{len(known)} labels for {len(labelled)} networks")
        if not np.isfinite(known).all():
            raise InputError("labels must be finite numbers")
        if len(np.unique(known)) < 2 and not (len(known) == 0 and self.answers_without_labels):
            raise InputError(
                f"{type(self).__name__} needs two different labels to learn from; it was given {len(known)}"
                + (f", all {known[0]:g}" if len(known) else "")
            )
        self._learn(graphs, np.asarray(labelled, dtype=np.int64), known, seed)

    @abstractmethod
    def _learn(self, graphs: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        """As :meth:`fit`, which has checked the labels."""

    @abstractmethod
    def posterior(self, rows: IntArray) -> Posterior:
        """Return what is believed of the networks at ``rows`` of the graphs that it was fitted to."""

    def scores(self, rows: IntArray) -> FloatArray:
        """Return the posterior's mean alone; rankers whose deviation takes time override this."""
        return as_posterior(self, self.posterior(rows)).mean

    def covariance(self, rows: IntArray) -> FloatArray | None:
        """Return how beliefs go together, networks x networks; None where the ranker does not know."""
        return None

    def probability(self, first: IntArray, second: IntArray) -> FloatArray:
        """Return probabilities, first x second, that a network of the first rows beats one of the second.

        Beliefs are taken as independent. The larger side is computed and the other is 1 minus it, so that
        p(a, b) + p(b, a) is exactly 1.
        """
        means, deviations = as_posterior(self, self.posterior(first))
        others, unsure = as_posterior(self, self.posterior(second))
        spread = np.hypot(deviations[:, None], unsure[None, :])
        return antisymmetric(means[:, None] - others[None, :], lambda gap: ndtr(gap / spread))

    def unlike(self, rows: IntArray) -> FloatArray | None:
        """Return how far networks are outside of what the ranker has learned from, 0 to 1; None if it cannot
        say.
        """
        return None

    @property
    def basis(self) -> dict[str, Any]:
        """What answers rest on besides labels, as plain data for a summary; known after a fit.

        Rankers that learned from other spaces give ``similarity``: by space, 0 to 1.
        """
        return {}


def check_finite(ranker: Ranker, values: FloatArray, names: Sequence[str]) -> FloatArray:
    """Return the values, one finite number for each network.

    Raises:
        InputError: the ranker gave something else; it and the first such network are named.
    """
    kind = type(ranker).__name__
    values = _real(ranker, values)
    if values.ndim == 1 and len(values) != len(names):
        raise InputError(f"{kind} gave {len(values)} answers for {len(names)} networks")
    _check_shape(ranker, values, (len(names),))
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        place = int(wrong[0])
        raise InputError(
            f"{kind} returned {values[place]} for {names[place]}: a ranker has to give a finite number for "
            "every network"
        )
    return values


def check_between(
    ranker: Ranker, values: FloatArray, shape: tuple[int, int], low: float, high: float
) -> FloatArray:
    """Return the values between pairs of networks, probabilities or covariances.

    Raises:
        InputError: the ranker gave others than ``shape`` finite numbers from ``low`` to ``high``.
    """
    values = _real(ranker, values)
    _check_shape(ranker, values, shape)
    wrong = values[~(np.isfinite(values) & (values >= low) & (values <= high))]
    if len(wrong):
        bounds = "" if np.isinf(high) else f" from {low:g} to {high:g}"
        raise InputError(
            f"{type(ranker).__name__} returned {wrong[0]} for two networks: it has to give a finite "
            f"number{bounds}"
        )
    return values


def as_posterior(ranker: Ranker, answer: object) -> Posterior:
    """Return what :meth:`Ranker.posterior` gave.

    Raises:
        InputError: it is no pair of means and deviations.
    """
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise InputError(
            f"{type(ranker).__name__} gave {type(answer).__name__} instead of Posterior(mean, deviation)"
        )
    return Posterior(_real(ranker, answer[0]), _real(ranker, answer[1]))


def _real(ranker: Ranker, values: object) -> FloatArray:
    """The values as an array; an array of floats is left as it is."""
    found = np.asarray(values)
    if found.dtype.kind not in _REAL_KINDS:
        raise InputError(f"{type(ranker).__name__} returned {values!r:.100}, which are not real numbers")
    return found if found.dtype.kind == "f" else found.astype(np.float64)


def _check_shape(ranker: Ranker, values: FloatArray, shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise InputError(f"{type(ranker).__name__} gave answers of shape {values.shape}, not {shape}")


def antisymmetric(difference: FloatArray, larger: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Return probabilities of winning from differences of means: ``larger(abs(difference))``, or 1 minus
    it.
    """
    winning = larger(np.abs(difference))
    return np.where(difference >= 0, winning, 1 - winning)


class PointRanker(Ranker):
    """A ranker that gives a number per network and does not know how unsure it is of each.

    Its deviation is the spread of its errors on labels left out, in normal quantiles: 1 before any label.
    """

    has_uncertainty = False

    @abstractmethod
    def _train(
        self, graphs: GraphSource, labelled: IntArray, targets: FloatArray, seed: int
    ) -> Callable[[IntArray], FloatArray]:
        """A function that predicts normal quantiles for rows of ``graphs``.

        Args:
            graphs: the networks.
            labelled: rows with a label.
            targets: normal quantiles of these labels.
            seed: of everything random.
        """

    def _learn(self, graphs: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        targets = normal_quantiles(labels) if len(labels) else labels
        self._fitted = graphs, labelled, targets, seed
        self._predict = self._train(graphs, labelled, targets, seed)
        self._deviation: float | None = None

    def scores(self, rows: IntArray) -> FloatArray:
        return np.asarray(self._predict(np.asarray(rows, dtype=np.int64)), dtype=np.float64)

    def posterior(self, rows: IntArray) -> Posterior:
        if self._deviation is None:
            self._deviation = self._spread_of_errors()
        return Posterior(self.scores(rows), np.full(len(rows), self._deviation))

    def left_out_scores(self, folds: int = FOLDS) -> FloatArray:
        """Each label's normal quantile as the labels outside of its fold predict it."""
        graphs, labelled, targets, seed = self._fitted
        places = np.random.default_rng(seed).permutation(len(labelled)) % folds
        found = np.zeros(len(labelled))
        for fold in np.unique(places):
            out = places == fold
            predict = self._train(graphs, labelled[~out], targets[~out], seed)
            found[out] = predict(labelled[out])
        return found

    def _spread_of_errors(self) -> float:
        targets = self._fitted[2]
        if len(targets) < _LEAST_LEFT_OUT:
            return 1.0
        return max(float(np.sqrt(np.mean((self.left_out_scores() - targets) ** 2))), 1e-6)
