"""Accuracies predicted by a model of a table, so that a space can be searched beyond the table's rows.

Source: Zela et al., Surrogate NAS Benchmarks, ICLR 2022, which fit gradient boosting to the choices of an
architecture and add the residual noise.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator
from contrastive_nas.graphs.costs import graph_multiply_accumulates, graph_parameters
from contrastive_nas.spaces.base import Architecture, SearchSpace

FloatArray = NDArray[np.float64]
FOLDS = 5
CHUNK = 512


@dataclass(frozen=True)
class SurrogateQuality:
    """How well the model predicts rows that it has not seen, by cross-validation.

    Attributes:
        rows: of the table.
        kendall_tau: between predictions and accuracies.
        noise: standard deviation of their difference, in percentage points.
    """

    rows: int
    kendall_tau: float
    noise: float


class SurrogateEvaluator(Evaluator):
    """Gradient boosting on an architecture's choices, multiply-accumulates and parameters.

    Args:
        space: of the architectures; the whole of it can be asked for.
        table: a tidy table with the column ``architecture``.
        label: the column of accuracies in percent.
        seed: of the model and of the noise.
        noisy: adds noise of the size of the model's error, always the same for one architecture.

    Raises:
        InputError: a missing column, too few rows, or a row that is no architecture of the space.
    """

    def __init__(
        self, space: SearchSpace, table: pd.DataFrame, label: str, *, seed: int = 0, noisy: bool = False
    ) -> None:
        for column in ("architecture", label):
            if column not in table.columns:
                raise InputError(
                    f"table has no column {column!r}; it has {', '.join(map(str, table.columns))}"
                )
        rows = table.dropna(subset=[label])
        if len(rows) < 2 * FOLDS:
            raise InputError(f"{len(rows)} rows with a value of {label!r} are too few for a surrogate")
        self._space = space
        self._seed = seed
        self._noisy = noisy
        self._known: dict[Architecture, float] = {}
        features = self._features(rows["architecture"].tolist())
        accuracies = rows[label].to_numpy(dtype=float)
        self._features_of_rows, self._accuracies = features, accuracies
        self._model = self._new_model().fit(features, accuracies)

    def evaluate(self, architectures: Sequence[Architecture]) -> list[Evaluation]:
        accuracies = self.predict(architectures)
        if self._noisy:
            accuracies = accuracies + [self._noise(name) for name in architectures]
        pairs = zip(architectures, accuracies.tolist(), strict=True)
        return [Evaluation(name, accuracy, "predicted") for name, accuracy in pairs]

    def predict(self, architectures: Sequence[Architecture]) -> FloatArray:
        """Predicted accuracies without noise, percent."""
        new = [name for name in dict.fromkeys(architectures) if name not in self._known]
        if new:
            self._known.update(zip(new, self._model.predict(self._features(new)).tolist(), strict=True))
        return np.array([self._known[name] for name in architectures])

    @cached_property
    def quality(self) -> SurrogateQuality:
        """Of the model on rows held out; the first call fits it five times."""
        features, accuracies = self._features_of_rows, self._accuracies
        predicted = np.zeros_like(accuracies)
        for seen, unseen in KFold(FOLDS, shuffle=True, random_state=self._seed).split(features):
            model = self._new_model().fit(features[seen], accuracies[seen])
            predicted[unseen] = model.predict(features[unseen])
        tau = float(kendalltau(predicted, accuracies).statistic)
        return SurrogateQuality(len(accuracies), tau, float(np.std(predicted - accuracies)))

    def _new_model(self) -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(
            max_iter=500, learning_rate=0.05, min_samples_leaf=10, random_state=self._seed
        )

    def _features(self, architectures: list[Architecture]) -> FloatArray:
        """Option numbers of all choices, then the logarithms of the costs."""
        parts: list[FloatArray] = []
        for start in range(0, len(architectures), CHUNK):
            names = architectures[start : start + CHUNK]
            graphs = self._space.graphs(names)
            choices = np.array([self._space.encode(name) for name in names], dtype=float)
            costs = np.stack([graph_multiply_accumulates(graphs), graph_parameters(graphs)], axis=1)
            parts.append(np.concatenate([choices, np.log1p(costs)], axis=1))
        return np.concatenate(parts)

    def _noise(self, architecture: Architecture) -> float:
        digest = hashlib.sha256(f"{self._seed} {architecture}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
        return float(rng.normal(0.0, self.quality.noise))
