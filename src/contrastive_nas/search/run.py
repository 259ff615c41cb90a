"""One search from the first query to the last."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluator, Origin
from contrastive_nas.progress import progress
from contrastive_nas.search.ledger import Ledger
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.predictor import Predictor
from contrastive_nas.search.registry import create_strategy
from contrastive_nas.spaces.base import Architecture, SearchSpace

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        best_architecture: the one with the highest accuracy among all queries, the earliest of equals.
        best_accuracy: its accuracy in percent, as the search saw it.
        history: one row per query: query, round, reason, architecture, accuracy, origin, seconds, error,
            best_accuracy (so far).
        trace: one row per step inside the strategy (for curriculum: queries, step, baseline, mean_reward,
        entropy). origins: number of queries by origin.
    """

    best_architecture: Architecture
    best_accuracy: float
    history: pd.DataFrame
    trace: pd.DataFrame
    origins: Counter[Origin]


def run_search(
    space: SearchSpace,
    evaluator: Evaluator,
    predictor: Predictor | None,
    parameters: SearchParameters,
    folder: Path | None = None,
    identity: str = "",
) -> SearchResult:
    """Searches until the budget is spent or nothing new is to be found.

    Args:
        space: what is searched.
        evaluator: where accuracies come from; only the ledger asks it.
        predictor: refitted by the strategies that use one; None for those that do not.
        parameters: strategy, budget, seed.
        folder: where the ledger is written, one file for each distinct search: a killed search continues
            without paying twice, one with a larger budget likewise, a changed one starts anew; None keeps
            the ledger in memory.
        identity: what else decides the answers or the course (label, predictor, data), to tell ledgers apart.

    Raises:
        InputError: a missing predictor, an evaluator that cannot work, a damaged ledger, or no
            query that succeeded.
    """
    strategy = create_strategy(space, predictor, parameters)
    ledger = _open_ledger(space, evaluator, parameters, folder, identity)
    for round in progress(_rounds(ledger), f"search {space.name} ({parameters.strategy})"):
        count = parameters.initial if round == 0 else parameters.batch
        proposals = strategy.ask(min(count, ledger.remaining))
        if not proposals:
            logger.warning("Nothing new to ask for after %d of %d queries", len(ledger), ledger.budget)
            break
        strategy.tell(ledger.buy(proposals, round))
    history = ledger.history()
    failures = int(history["accuracy"].isna().sum())
    if failures:
        logger.warning("%d of %d queries failed; see the column error of the history", failures, len(history))
    if failures == len(history):
        raise InputError(
            f"no architecture could be evaluated; the first error was: {history['error'].iloc[0]}"
        )
    best = history.iloc[int(np.nanargmax(history["accuracy"].to_numpy()))]
    return SearchResult(
        best_architecture=str(best["architecture"]),
        best_accuracy=float(best["accuracy"]),
        history=history,
        trace=pd.DataFrame(strategy.trace),
        origins=ledger.origins,
    )


def _rounds(ledger: Ledger) -> Iterator[int]:
    """Round numbers from 0 for as long as there is budget."""
    round = 0
    while ledger.remaining:
        yield round
        round += 1


def _open_ledger(
    space: SearchSpace, evaluator: Evaluator, parameters: SearchParameters, folder: Path | None, identity: str
) -> Ledger:
    search = {
        "space": space.name,
        "parameters": parameters.model_dump(mode="json", exclude={"queries"}),
        "identity": identity,
    }
    text = json.dumps(search, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = None if folder is None else folder / f"ledger-{digest}.jsonl"
    return Ledger(evaluator, parameters.queries, path, text)
