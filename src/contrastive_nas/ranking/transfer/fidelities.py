"""Labels of shorter trainings as one more source beside what other spaces taught.

Labels of one fidelity are only compared with each other: each counts as the normal quantile of its rank among
those of its fidelity. From the cheapest fidelity to the full training, every level is kriging
(:class:`contrastive_nas.ranking.transfer.ranker.KrigingRanker`) whose drift is what the level below says:

    q_l(x) = w_l d_l(x) + r_l(x) + noise,      d_1 = f,      d_(l+1) = (1 - b_l) f + b_l E[q_l(x)],

with f the transferred score, r_l a Gaussian process of that level, and w_l the share that predicts labels
left out best. That is co-kriging by recursion: Kennedy and O'Hagan, Predicting the Output from a Complex
Computer Code When Fast Approximations Are Available, Biometrika, 2000, equation 1; Le Gratiet and Garnier,
Recursive Co-Kriging Model, 2014, section 3. In place of one slope there are two, so that f still counts where
a short training misleads: networks that learn quickly are not always those that end best. The share b_l is

    b = argmin  sum over i of (q_i - (1 - b) f_i - b m_i)^2 + BELIEF (b - SHARE)^2,    0 <= b <= 1,

over labels q_i of the level above, whose networks have f_i and m_i = E[q_l(x_i)].
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from contrastive_nas.graphs.schema import IntArray
from contrastive_nas.ranking.base import FloatArray, Posterior, normal_quantiles
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.graph_source import GraphSource, PerFunction
from contrastive_nas.ranking.transfer.model import TransferModel
from contrastive_nas.ranking.transfer.ranker import BELIEF, KrigingRanker, TransferRanker, TransferredScore

# Before labels of the level above say how much a shorter training tells, it counts as other spaces do.
SHARE = 0.5
# Fewer labels of a shorter training say nothing.
_LEAST = 2


class Lower(NamedTuple):
    """Labels of one shorter training.

    Attributes:
        rows: of the graphs.
        labels: accuracies, higher is better; compared with each other alone.
    """

    rows: IntArray
    labels: FloatArray


class Level(NamedTuple):
    """What is known of a shorter training.

    Attributes:
        says: mean and deviation of what is predicted of the graphs at given rows: rows x 2.
        noise: variance of a label's noise.
        share: the level's share b in the drift of the one above.
    """

    says: PerFunction
    noise: float
    share: float

    def means(self, rows: IntArray) -> FloatArray:
        """Return what is predicted of the graphs at ``rows``."""
        return self.says(rows)[:, 0]

    def deviations(self, rows: IntArray) -> FloatArray:
        """Return how unsure that is."""
        return self.says(rows)[:, 1]


class FidelitiesRanker(TransferRanker):
    """The ranker ``transfer`` with labels of shorter trainings (see the module).

    Without such labels it is that ranker.
    """

    def __init__(self, model: TransferModel | None = None, features: EncoderFeatures | None = None) -> None:
        super().__init__(model, features)
        self._lower: Sequence[Lower] = ()
        self.levels: list[Level | None] = []

    @classmethod
    def like(cls, ranker: TransferRanker) -> "FidelitiesRanker":
        """Make one with the model and the features of another one."""
        return cls(ranker._model, ranker._features)

    def take_lower(self, lower: Sequence[Lower]) -> None:
        """Take labels of shorter trainings, the cheapest first, which the next fit learns from too."""
        self._lower = lower

    def _learn(self, graphs: GraphSource, labelled: IntArray, labels: FloatArray, seed: int) -> None:
        if graphs is not self._graphs:
            self._base = TransferredScore(self._model, self._features, graphs, seed)
        known = [*self._lower, Lower(labelled, labels)]
        score, self.levels = self._base, []
        for lower, higher in itertools.pairwise(known):
            level = self._level(graphs, score, lower, higher, seed)
            self.levels.append(level)
            if level is not None:
                score = self._base.informed_by(level.means, level.share)
        self.share_score(graphs, score)
        super()._learn(graphs, labelled, labels, seed)

    def _level(
        self, graphs: GraphSource, score: TransferredScore, lower: Lower, higher: Lower, seed: int
    ) -> Level | None:
        if len(np.unique(lower.labels)) < _LEAST:
            return None
        ranker = KrigingRanker(self._model, self._features)
        ranker.share_score(graphs, score)
        ranker.fit(graphs, lower.rows, lower.labels, seed)
        if not ranker._has_labels:
            return None
        # Drifts of the levels above, deviations and gains ask for the same again.
        says = PerFunction(graphs, lambda rows: np.column_stack(ranker.posterior(rows)))
        level = Level(says, ranker.noise, SHARE)
        return level._replace(share=self._share_of(level, higher))

    def _share_of(self, level: Level, higher: Lower) -> float:
        """b of the level above."""
        if len(np.unique(higher.labels)) < _LEAST:
            return SHARE
        quantiles = normal_quantiles(higher.labels)
        known = self._base.drift(higher.rows)
        known = known - known.mean()
        said = level.means(higher.rows)
        gap = said - said.mean() - known
        share = (gap @ (quantiles - known) + BELIEF * SHARE) / (gap @ gap + BELIEF)
        return float(np.clip(share, 0, 1))

    def posterior(self, rows: IntArray) -> Posterior:
        """Return beliefs with what the shorter trainings leave open of their own part."""
        mean, deviation = super().posterior(rows)
        return Posterior(mean, np.hypot(deviation, self.open(rows, len(self.levels))))

    def open(self, rows: IntArray, upto: int) -> FloatArray:
        """Return the deviation that the levels below so many leave in what is predicted above them."""
        found, part = np.zeros(len(rows)), 1.0
        for level in reversed(self.levels[:upto]):
            if level is not None:
                part *= level.share
                found = np.hypot(found, part * level.deviations(rows))
        return found

    def resolved(self, rows: IntArray, number: int) -> FloatArray:
        """Return the standard deviation of what its label at a shorter training changes in a network's score.

        That is b v / sqrt(v + n), with v the variance of what is predicted there, n that of the label's noise
        and b the level's share in the score.
        """
        level = self.levels[number]
        later = [one.share for one in self.levels[number:] if one is not None]
        if level is None:
            prior = math.prod(later) * SHARE
            return np.full(len(rows), prior)
        variance = level.deviations(rows) ** 2
        return math.prod(later) * variance / np.sqrt(variance + level.noise)
