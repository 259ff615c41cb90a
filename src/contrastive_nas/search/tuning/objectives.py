"""What a setting of a stage is worth under one seed; labels are known or predicted, no network is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from contrastive_nas.evaluators.base import Evaluator
from contrastive_nas.evaluators.parameters import EvaluatorParameters
from contrastive_nas.evaluators.registry import open_evaluator
from contrastive_nas.evaluators.table import TableEvaluator
from contrastive_nas.graphs.storage.store import open_store
from contrastive_nas.ranking.comparator.training import comparator_scores, train_comparator
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.encoder.weights import load_encoder
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.ranking.parameters import CompareParameters
from contrastive_nas.ranking.space_ranker import SpaceRanker, create_space_ranker
from contrastive_nas.search.parameters import RankerParameters, SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.search.tuning.parameters import with_values
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.spaces.registry import load_space
from contrastive_nas.spaces.wrapped.pool import Pool


@dataclass
class SearchObjective:
    """The mean over the queries of the best label so far, in percent.

    Attributes:
        parameters: of the search; what is tuned is replaced.
        ranker: what guides it.
        evaluator: of the experiment; a surrogate is used as it is, everything else is looked up in the table.
        space: name and options, as ``load_space`` takes them.
        table: holds ``label``.
        label: what a search sees.
    """

    parameters: SearchParameters
    ranker: RankerParameters
    evaluator: EvaluatorParameters
    space: tuple[str, dict[str, Any]]
    table: pd.DataFrame
    label: str

    def __call__(self, values: Mapping[str, Any], seed: int) -> float:
        content = with_values(self.parameters, values) | {"seed": seed}
        space, source, ranker = self._known
        result = run_search(space, source, SearchParameters.model_validate(content), ranker=ranker)
        return float(result.history["best_accuracy"].mean())

    @cached_property
    def _known(self) -> tuple[SearchSpace, Evaluator, SpaceRanker]:
        """Made in the process that uses it, once for all settings."""
        name, options = self.space
        space = load_space(name, **options)
        source = open_evaluator(self.evaluator, name, options, self.table, self.label)
        if source.origin != "predicted":
            source = TableEvaluator(self.table, self.label)
            space = Pool(space, self.table["architecture"].tolist())
        ranker = create_space_ranker(self.ranker.name, space, seed=0, options=self.ranker.options)
        return space, source, ranker


@dataclass
class CompareObjective:
    """Kendall's tau of the comparator over the rows that are not labelled.

    Attributes:
        parameters: of the comparator's training; what is tuned is replaced.
        encoder: weights.
        graphs: graph store of the table's rows.
        accuracies: of the rows, percent.
        labels: how many the comparator learns from.
    """

    parameters: CompareParameters
    encoder: Path
    graphs: Path
    accuracies: np.ndarray
    labels: int

    def __call__(self, values: Mapping[str, Any], seed: int) -> float:
        content = with_values(self.parameters, values)
        store = open_store(self.graphs)
        chosen = np.random.default_rng(seed).choice(len(store), size=self.labels, replace=False)
        comparator = train_comparator(
            EncoderFeatures(load_encoder(self.encoder)),
            store,
            chosen,
            self.accuracies[chosen],
            CompareParameters.model_validate(content),
            seed=seed,
        )
        rest = np.setdiff1d(np.arange(len(store)), chosen)
        return kendall_tau(comparator_scores(comparator, store, rest), self.accuracies[rest])
