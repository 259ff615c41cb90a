"""Ranking with what other spaces taught, from the first label on: three ways of taking own labels in.

All start from the transferred score f of a network
(:class:`contrastive_nas.ranking.transfer.model.TransferModel`), in normal quantiles of accuracy; its
deviation is the correlation with accuracy that the model expects of it. Once labels are there, each way
finds the share w of f that predicts labels left out best, against a prior belief w_0 = m / (m + n) with n
labels: f counts as much as m of them.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import lsq_linear
from scipy.special import expit

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import FloatArray, Posterior, Ranker, antisymmetric, normal_quantiles
from contrastive_nas.ranking.baselines.regressors import TreesRanker
from contrastive_nas.ranking.comparator.comparator import FEATURE_LIMIT
from contrastive_nas.ranking.comparator.ranker import ComparatorRanker
from contrastive_nas.ranking.comparator.training import all_pairs, feature_views, kernel_matrix
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.gaussian_process.kernel import View
from contrastive_nas.ranking.gaussian_process.preference import calibrate, left_out_scores
from contrastive_nas.ranking.gaussian_process.regression import GaussianProcess
from contrastive_nas.ranking.graph_source import GraphSource, PerFunction, in_parts, one_per_function
from contrastive_nas.ranking.parameters import CompareParameters
from contrastive_nas.ranking.transfer.model import TransferModel
from contrastive_nas.ranking.transfer.space_scale import SpaceScale, measured_on
from contrastive_nas.ranking.transfer.weights import load_transfer

# No score explains everything: accuracies have noise.
_LARGEST_SLOPE = 0.95
# What other spaces say counts as much as so many labels, before labels say how good it is: beside what labels
# say themselves, and as the drift to which labels are added. Chosen on NAS-Bench-101's pool, seeds from 100.
LABELS_WORTH, LABELS_WORTH_AS_DRIFT = 10, 30
# Part of that worth where no space is near: counting says less. Chosen on digits and TransNAS's macro space,
# seeds 100 to 104, where .3 and 1 are worse in one of them.
FAR_WORTH = 0.5
# How many labels' worth of that belief there is against the labels' own verdict.
BELIEF = 5
# The same for the transferred score and the trees of a stack, and the share of trees beside the comparator
# before labels say more. Chosen on NAS-Bench-201, NAS-Bench-101, MnasNet and digits, seeds 100 to 104, where
# beliefs of 5 to 40 and 1 to 10, and shares of .1 to .4, do about as well.
SCORE_BELIEF, TREES_BELIEF, TREES_SHARE = 10, 3, 0.3
# Parts of the labels that trees are fitted without: with five, they know too little of ten labels.
STACKED_FOLDS = 10
# Networks by which features are standardised: as many as for the comparator.
STANDARDISED_BY = 1024
# A little above 1: networks of the ranked space may differ by more than the transferred score says.
LARGEST_SHARE = 1.2
# Of these fitting takes .1 s; five times as many, .5 s in each round of a search.
TREES = 100
# Part of the deviation that acquisition counts on: chosen on NAS-Bench-101's pool, seeds 100 to 115, where 1
# found the best cell in 11 of 16 searches of 60 queries, 1/2 in 14 and 1/4 in 16.
EXPLORATION = 0.25


class TransferredScore:
    """f for the graphs of one source, with a residual's kernel on what the encoder says of them."""

    def __init__(
        self, model: TransferModel, features: EncoderFeatures, graphs: GraphSource, seed: int
    ) -> None:
        first, _ = one_per_function(graphs, np.arange(len(graphs)))
        self._graphs = graphs
        self._scale = SpaceScale.of(graphs.statistics_of(first[measured_on(len(first))]))
        weights = model.weights(self._scale)
        self.slope = min(model.expected_correlation(self._scale, weights), _LARGEST_SLOPE)
        stretch = self.slope / max(self._scale.deviation(weights), 1e-12)
        self._weights = stretch * weights
        # Differences of f over this are logits of winning.
        self.temperature = stretch * model.temperature(self._scale)
        self._raw: Callable[[IntArray], FloatArray] = PerFunction(
            graphs, lambda rows: in_parts(self._scored, rows)
        )
        self._centre = float(self._raw(first).mean())
        self.similarity = dict(zip(model.spaces, model.relations(self._scale).tolist(), strict=True))
        self.trusted = model.trusted(self._scale)
        features.see(graphs)
        self._features, self._first, self._seed = features, first, seed
        self.inputs = PerFunction(graphs, self._inputs)

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The residual's kernel terms; networks are encoded when they are first asked for."""
        return self._scaling[0]

    @cached_property
    def _scaling(self) -> tuple[tuple[View, ...], IntArray, FloatArray, FloatArray]:
        """Views, the columns of features that they read, mean and deviation of each."""
        size = min(STANDARDISED_BY, len(self._first))
        sample = np.random.default_rng(self._seed).choice(self._first, size, replace=False)
        return feature_views(self._features.encoder, self._features(sample))

    def predict(self, process: GaussianProcess, rows: IntArray) -> Posterior:
        """Return what a process on the residual's inputs says of the graphs at ``rows``."""
        found = in_parts(lambda part: np.column_stack(process.predict(self.inputs(part))), rows)
        return Posterior(*found.T)

    def drift(self, rows: IntArray) -> FloatArray:
        """f of the graphs at ``rows``."""
        return self._raw(rows) - self._centre

    def informed_by(self, says: Callable[[IntArray], FloatArray], share: float) -> "TransferredScore":
        """Return the score (1 - share) f + share m, with m what something else says of graphs."""
        self.views  # noqa: B018  made once for all copies
        found = copy(self)
        found._raw = lambda rows: (1 - share) * self.drift(rows) + share * says(rows)
        found._centre = float(found._raw(self._first).mean())
        return found

    def _scored(self, rows: IntArray) -> FloatArray:
        return self._scale.standardise(self._graphs.statistics_of(rows)) @ self._weights

    def _inputs(self, rows: IntArray) -> FloatArray:
        _, columns, mean, deviation = self._scaling
        standardised = (self._features(rows)[:, columns] - mean) / deviation
        return np.clip(standardised, -FEATURE_LIMIT, FEATURE_LIMIT)


class _ExperiencedRanker(Ranker):
    """What all ways have in common: the answers before the first label, and who answers after it.

    Args:
        model: learned from other spaces; the one that comes with the package by default.
        features: describe networks to the residual's kernel, or to the comparator.
    """

    answers_without_labels = True
    exploration = EXPLORATION
    labels_worth = LABELS_WORTH

    def __init__(self, model: TransferModel | None = None, features: EncoderFeatures | None = None) -> None:
        self._model = load_transfer() if model is None else model
        self._features = features or EncoderFeatures()
        self._trees = TreesRanker(self._statistics_and_score, trees=TREES)
        self._graphs: GraphSource | None = None

    def _learn(self, graphs: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        if graphs is not self._graphs:
            self._transferred = TransferredScore(self._model, self._features, graphs, seed)
            self._graphs = graphs
        self._temperature = self._transferred.temperature
        first, places = one_per_function(graphs, labelled)
        means = np.bincount(places, labels) / np.bincount(places)
        # Networks of one function alone have nothing to tell apart.
        self._has_labels = len(np.unique(means)) > 1
        if self._has_labels:
            self._take_in(graphs, first, means, seed)

    @abstractmethod
    def _take_in(self, graphs: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        """Learns from labels, one a function."""

    # Answers with labels; those without are here below.

    @abstractmethod
    def _own_posterior(self, rows: IntArray) -> Posterior:
        """As :meth:`posterior`, once there are labels."""

    @abstractmethod
    def _own_scores(self, rows: IntArray) -> FloatArray:
        """As :meth:`scores`, once there are labels."""

    @abstractmethod
    def _own_covariance(self, rows: IntArray) -> FloatArray:
        """As :meth:`covariance`, once there are labels."""

    def posterior(self, rows: IntArray) -> Posterior:
        """Before labels the transferred score; what it leaves open has the residual's prior deviation."""
        if self._has_labels:
            return self._own_posterior(rows)
        first, places = one_per_function(self._known_graphs(), rows)
        _, deviation = self._transferred.predict(GaussianProcess(self._transferred.views), first)
        return Posterior(self.scores(rows), self._unexplained * deviation[places])

    def scores(self, rows: IntArray) -> FloatArray:
        return self._own_scores(rows) if self._has_labels else self._transferred.drift(rows)

    def covariance(self, rows: IntArray) -> FloatArray:
        if self._has_labels:
            return self._own_covariance(rows)
        prior = GaussianProcess(self._transferred.views).covariance(self._transferred.inputs(rows))
        return self._unexplained**2 * prior

    def probability(self, first: IntArray, second: IntArray) -> FloatArray:
        """Probabilities, first x second; calibrated on spaces left out, then on labels left out."""
        gaps = self.scores(first)[:, None] - self.scores(second)[None, :]
        # Where all networks are alike there is no scale either: equal ones win half a time each.
        scaled = np.divide(gaps, self._temperature, out=np.zeros_like(gaps), where=gaps != 0)
        return antisymmetric(scaled, expit)

    @property
    def basis(self) -> dict[str, Any]:
        return {} if self._graphs is None else {"similarity": self._transferred.similarity}

    @property
    def _unexplained(self) -> float:
        return math.sqrt(1 - self._transferred.slope**2)

    def share_score(self, graphs: GraphSource | None, transferred: TransferredScore) -> None:
        """Takes the transferred score that another ranker of this model has for its graphs."""
        self._graphs, self._transferred = graphs, transferred

    def _calibrate(self, left_out: FloatArray, labels: FloatArray) -> None:
        """Takes the temperature that explains comparisons of labels left out, and the one before labels.

        Few comparisons, all of them right, would make the ranker sure of everything.
        """
        pairs = all_pairs(np.arange(len(labels)), labels)
        observed = calibrate(left_out, pairs.better, pairs.worse)
        believed = self._believed(len(labels))
        self._temperature = self._temperature**believed * observed ** (1 - believed)

    def _believed(self, labels: int) -> float:
        """w_0: the share of the transferred score before so many labels say how good it is."""
        worth = self.labels_worth * (FAR_WORTH + (1 - FAR_WORTH) * self._transferred.trusted)
        return worth / (worth + labels)

    def _best_share(self, errors: FloatArray, explained: FloatArray, largest: float) -> float:
        """w = argmin  sum over i of (errors_i - w explained_i)^2 + 5 (w - w_0)^2,  -1 <= w <= largest."""
        believed = BELIEF * self._believed(len(errors))
        return float(np.clip((explained @ errors + believed) / (explained @ explained + BELIEF), -1, largest))

    def unlike(self, rows: IntArray) -> FloatArray:
        """The share of a network's statistics in which no labelled space has its like."""
        return self._model.unlike(self._known_graphs().statistics_of(rows))

    def _statistics_and_score(self, graphs: GraphSource, rows: IntArray) -> FloatArray:
        return np.column_stack([graphs.statistics_of(rows), self._transferred.drift(rows)])

    def _tree_scores(self, rows: IntArray) -> FloatArray:
        """Scores of the trees that read statistics and the transferred score, once they are fitted."""
        first, places = one_per_function(self._known_graphs(), rows)
        return self._trees.scores(first)[places]

    def _known_graphs(self) -> GraphSource:
        assert self._graphs is not None, "call fit() before asking for predictions"
        return self._graphs


class StackedRanker(_ExperiencedRanker):
    """What other spaces taught, a comparator trained on the labels and trees, each by its share.

    With f_i the transferred score less its mean over labels, and g_i and t_i what comparator and trees
    predict of label q_i from others,

        w = argmin  sum over i of (w_f f_i + w_g g_i + w_t t_i - q_i)^2
                    + 10 (w_f - b)^2 + 3 (w_t - .3 (1 - b))^2,
            w_f + w_g + w_t = 1,  0 <= w_g, w_t <= 2,

    b being the share w_0 of the module's head; where w_f < 0, better networks are those that the others call
    worse. That is stacking: Wolpert, Stacked Generalization, Neural Networks, 1992; Breiman, Stacked
    Regressions, Machine Learning, 1996.
    """

    def __init__(
        self,
        model: TransferModel | None = None,
        features: EncoderFeatures | None = None,
        *,
        comparing: CompareParameters | None = None,
    ) -> None:
        super().__init__(model, features)
        self._comparator = ComparatorRanker(self._features, comparing=comparing)

    def _take_in(self, graphs: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        for part in (self._comparator, self._trees):
            part.fit(graphs, labelled, labels, seed)
        model, targets = self._comparator.comparator, normal_quantiles(labels)
        kernel = kernel_matrix(model).astype(np.float64)
        drift = self._transferred.drift(labelled)
        parts = np.column_stack(
            [
                drift - drift.mean(),
                left_out_scores(kernel, float(model.noise), targets),
                self._trees.left_out_scores(STACKED_FOLDS),
            ]
        )
        self._shares = _best_shares(parts, targets, self._believed(len(labels)))
        self._calibrate(parts @ self._shares, labels)

    def _own_posterior(self, rows: IntArray) -> Posterior:
        mean, deviation = self._comparator.posterior(rows)
        return Posterior(self._stacked(rows, mean), deviation)

    def _own_scores(self, rows: IntArray) -> FloatArray:
        return self._stacked(rows, self._comparator.scores(rows))

    def _own_covariance(self, rows: IntArray) -> FloatArray:
        return self._comparator.covariance(rows)

    def _stacked(self, rows: IntArray, compared: FloatArray) -> FloatArray:
        parts = [self._transferred.drift(rows), compared, self._tree_scores(rows)]
        return np.column_stack(parts) @ self._shares


def _best_shares(parts: FloatArray, targets: FloatArray, believed: float) -> FloatArray:
    """The shares, which sum to 1, that explain the targets best, see :class:`StackedRanker`.

    The first part's share is what the others leave, which makes it a least-squares problem with bounds.
    """
    first, others = parts[:, 0], parts[:, 1:]
    score, trees = math.sqrt(SCORE_BELIEF), math.sqrt(TREES_BELIEF)
    system = np.vstack([others - first[:, None], [-score, -score], [0, trees]])
    wanted = [score * (believed - 1), trees * TREES_SHARE * (1 - believed)]
    shares = lsq_linear(system, np.concatenate([targets - first, wanted]), bounds=(0, 2)).x
    return np.concatenate([[1 - shares.sum()], shares])


class KrigingRanker(_ExperiencedRanker):
    """What other spaces taught, as the drift of a Gaussian process on the pretrained encoder.

    q(x) = w f(x) + r(x) + noise, so that predictions near a label follow the label: kriging with an external
    drift, e.g. Chiles and Delfiner, Geostatistics, 2nd edition, 2012, section 5.6. With e_i and d_i the
    errors of predicting label i, and f(x_i), from all others (Rasmussen and Williams, Gaussian Processes for
    Machine Learning, 2006, equation 5.12),

        w = argmin  sum over i of (e_i - w d_i)^2 + 5 (w - w_0)^2,    -1 <= w <= 1.2.
    """

    labels_worth = LABELS_WORTH_AS_DRIFT

    def _take_in(self, graphs: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        targets = normal_quantiles(labels)
        drift, inputs = self._transferred.drift(labelled), self._transferred.inputs(labelled)
        self._centre = float(drift.mean())
        drift = drift - self._centre
        # The kernel of the share is the one that explains the labels without a drift.
        process = GaussianProcess(self._transferred.views)
        process.fit(inputs, targets)
        kernel, noise = process.prior_covariance(), process.hyperparameters[2]
        missed = targets - left_out_scores(kernel, noise, targets)
        drift_missed = drift - left_out_scores(kernel, noise, drift)
        self._share = self._best_share(missed, drift_missed, LARGEST_SHARE)
        self._residual = GaussianProcess(self._transferred.views)
        self._residual.fit(inputs, targets - self._share * drift)
        self._calibrate(targets - missed + self._share * drift_missed, labels)

    @property
    def noise(self) -> float:
        """Variance of a label's noise, in normal quantiles."""
        return self._residual.hyperparameters[2]

    def _own_posterior(self, rows: IntArray) -> Posterior:
        first, places = one_per_function(self._known_graphs(), rows)
        residual, deviation = self._transferred.predict(self._residual, first)
        means = self._share * (self._transferred.drift(first) - self._centre) + residual
        return Posterior(means[places], deviation[places])

    def _own_scores(self, rows: IntArray) -> FloatArray:
        return self._own_posterior(rows).mean

    def _own_covariance(self, rows: IntArray) -> FloatArray:
        return self._residual.covariance(self._transferred.inputs(rows))


class TransferRanker(_ExperiencedRanker):
    """The mean of kriging and of trees that read what other spaces taught beside graph statistics.

    A process says that alike networks have alike accuracies, trees find thresholds; their errors differ, so
    the mean has smaller ones than either (docs/search.md has what each is worth). Trees know nothing beyond
    the labels, so their weight v grows with the number n of labels, up to that of the process:

        v = n / (m + n) / 2,

    with m the labels that the transferred score is worth: 10, or 5 where no space is near.

    Deviations are those of kriging. Trees: Geurts et al., Extremely Randomized Trees, Machine Learning, 2006.
    """

    def __init__(self, model: TransferModel | None = None, features: EncoderFeatures | None = None) -> None:
        super().__init__(model, features)
        self._kriging = KrigingRanker(self._model, self._features)

    def _take_in(self, graphs: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        self._kriging.share_score(self._graphs, self._transferred)
        for part in (self._kriging, self._trees):
            part.fit(graphs, labelled, labels, seed)
        self._weight = (1 - self._believed(len(labels))) / 2
        self._temperature = self._kriging._temperature

    def _own_posterior(self, rows: IntArray) -> Posterior:
        mean, deviation = self._kriging.posterior(rows)
        return Posterior((1 - self._weight) * mean + self._weight * self._tree_scores(rows), deviation)

    def _own_scores(self, rows: IntArray) -> FloatArray:
        return self._own_posterior(rows).mean

    def _own_covariance(self, rows: IntArray) -> FloatArray:
        return self._kriging.covariance(rows)
