"""Accuracies predicted by a model of a table, so that a space can be searched beyond the table's rows.

Source: Zela et al., Surrogate NAS Benchmarks, ICLR 2022, which fit gradient boosting to the choices of an
architecture and add the residual noise.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from numpy.typing import NDArray
from scipy.stats import kendalltau
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator
from contrastive_nas.evaluators.pending import LookUps, Pending
from contrastive_nas.evaluators.table import check_columns, table_digest
from contrastive_nas.graphs.costs import graph_costs
from contrastive_nas.spaces.base import Architecture, SearchSpace

FloatArray = NDArray[np.float64]
FOLDS = 5
CHUNK = 512
# To be raised with every change of the model or its features: earlier predictions then answer no more.
VERSION = 1


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

    Every column has a model of its own, fitted when it is first asked for and once only.

    Args:
        space: of the architectures; the whole of it can be asked for.
        table: a tidy table with the column ``architecture``.
        label: the column of accuracies in percent.
        test: the column that a chosen network is reported with; the label where it is not given.
        seed: of the models and of the noise.
        noisy: adds noise of the size of the model's error, always the same for one architecture.

    Raises:
        InputError: a missing column, too few rows, or a row that is no architecture of the space.
    """

    origin = "predicted"

    def __init__(
        self,
        space: SearchSpace,
        table: pd.DataFrame,
        label: str,
        test: str | None = None,
        *,
        seed: int = 0,
        noisy: bool = False,
    ) -> None:
        check_columns(table, label, test or label)
        self._space = space
        self._table = table
        self._label, self._test = label, test or label
        self._seed = seed
        self._noisy = noisy
        self._features: dict[Architecture, FloatArray] = {}
        self._models: dict[str, _ColumnModel] = {}
        self._features_of(self._rows(label)["architecture"].tolist())

    @cached_property
    def identity(self) -> dict[str, Any]:
        return {
            "kind": "surrogate",
            "space": self._space.identity,
            "label": self._label,
            "table": table_digest(self._table, self._label),
            "seed": self._seed,
            "noisy": self._noisy,
            "version": [VERSION, sklearn.__version__],
        }

    def pending(self) -> Pending:
        return LookUps(self)

    def evaluate(self, architectures: Sequence[Architecture]) -> list[Evaluation]:
        accuracies = self.predict(architectures, self._label)
        if self._noisy:
            accuracies = accuracies + [self._noise(name) for name in architectures]
        pairs = zip(architectures, accuracies.tolist(), strict=True)
        return [Evaluation(name, accuracy, "predicted") for name, accuracy in pairs]

    def final_accuracy(self, architecture: Architecture) -> float:
        """Return the predicted test accuracy in percent, without noise."""
        return float(self.predict([architecture], self._test)[0])

    def reference(self, table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
        """Return predictions in place of accuracies: they spread less, so a choice is compared with its
        like.
        """
        names = table["architecture"].tolist()
        return table.assign(**{column: self.predict(names, column) for column in dict.fromkeys(columns)})

    def quality(self) -> dict[str, float]:
        """Return ``surrogate_kendall_tau`` and ``surrogate_noise`` (points) of test accuracies on rows held
        out.
        """
        found = self.cross_validated(self._test)
        return {"surrogate_kendall_tau": found.kendall_tau, "surrogate_noise": found.noise}

    def predict(self, architectures: Sequence[Architecture], column: str) -> FloatArray:
        """Return predicted accuracies of a column of the table, without noise, percent."""
        if not architectures:
            return np.empty(0)
        return self._model(column).predict(self._features_of(list(architectures)))

    def cross_validated(self, column: str) -> SurrogateQuality:
        """Predict a column on rows held out; the first call fits the model five times."""
        return self._model(column).quality

    def _model(self, column: str) -> "_ColumnModel":
        if column not in self._models:
            rows = self._rows(column)
            features = self._features_of(rows["architecture"].tolist())
            self._models[column] = _ColumnModel(features, rows[column].to_numpy(dtype=float), self._seed)
        return self._models[column]

    def _rows(self, column: str) -> pd.DataFrame:
        rows = self._table.dropna(subset=[column])
        if len(rows) < 2 * FOLDS:
            raise InputError(f"{len(rows)} rows with a value of {column!r} are too few for a surrogate")
        return rows

    def _features_of(self, architectures: list[Architecture]) -> FloatArray:
        """Option numbers of all choices, then the logarithms of the costs; one row an architecture."""
        new = [name for name in dict.fromkeys(architectures) if name not in self._features]
        for start in range(0, len(new), CHUNK):
            names = new[start : start + CHUNK]
            graphs = self._space.graphs(names)
            choices = np.array([self._space.encode(name) for name in names], dtype=float)
            costs = graph_costs(graphs)
            self._features.update(zip(names, np.concatenate([choices, np.log1p(costs)], axis=1), strict=True))
        return np.array([self._features[name] for name in architectures])

    def _noise(self, architecture: Architecture) -> float:
        digest = hashlib.sha256(f"{self._seed} {architecture}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
        return float(rng.normal(0.0, self.cross_validated(self._label).noise))


class _ColumnModel:
    """The model of one column.

    Args:
        features: rows x features.
        accuracies: of the rows, percent.
        seed: of the model.
    """

    def __init__(self, features: FloatArray, accuracies: FloatArray, seed: int) -> None:
        self._features, self._accuracies = features, accuracies
        self._seed = seed
        self._fitted = self._new().fit(features, accuracies)

    def predict(self, features: FloatArray) -> FloatArray:
        """Accuracies in percent."""
        return np.asarray(self._fitted.predict(features), dtype=np.float64)

    @cached_property
    def quality(self) -> SurrogateQuality:
        features, accuracies = self._features, self._accuracies
        predicted = np.zeros_like(accuracies)
        for seen, unseen in KFold(FOLDS, shuffle=True, random_state=self._seed).split(features):
            predicted[unseen] = self._new().fit(features[seen], accuracies[seen]).predict(features[unseen])
        tau = float(kendalltau(predicted, accuracies).statistic)
        return SurrogateQuality(len(accuracies), tau, float(np.std(predicted - accuracies)))

    def _new(self) -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(
            max_iter=500, learning_rate=0.05, min_samples_leaf=10, random_state=self._seed
        )
