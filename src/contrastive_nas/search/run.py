"""One search from the first query to the last."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator, Origin
from contrastive_nas.progress import progress
from contrastive_nas.search.front import hypervolume, pareto_front
from contrastive_nas.search.ledger import Ledger
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.predictor import Predictor
from contrastive_nas.search.strategies.base import Setting, Strategy
from contrastive_nas.search.strategies.registry import create_strategy
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.costs import Costs
from contrastive_nas.spaces.wrapped.limited import LimitedSpace

logger = logging.getLogger(__name__)
# Random numbers of a search are others than those that a table of the same seed was sampled with.
_STREAM = 0x5EA4C4


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        best_architecture: the one with the highest accuracy among all queries, the earliest of equals.
        best_accuracy: its accuracy in percent, as the search saw it.
        history: one row per query: query, round, reason, architecture, accuracy, origin, seconds, error,
            best_accuracy (so far); with objectives also their costs, hypervolume (so far, see
            :func:`contrastive_nas.search.front.hypervolume`) and on_front (at the end).
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
    cost_table: pd.DataFrame | None = None,
    paid: Sequence[Evaluation] = (),
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
        identity: what else decides the course (predictor), to tell ledgers apart; what decides the answers is
            in the evaluator's own.
        cost_table: costs that are not counted from graphs, such as a latency, by the column ``architecture``.
        paid: labels bought before, such as a comparator's first ones; they count as queries and take the
            place of the strategy's own first labels.

    Raises:
        InputError: more paid than the budget allows, a missing predictor, an unknown cost, limits that
            nothing respects or that something paid for breaks, an evaluator that cannot work, a damaged
            ledger, or no query that succeeded.
    """
    if len(paid) > parameters.queries:
        raise InputError(
            f"a budget of {parameters.queries} queries is smaller than the {len(paid)} first labels: raise "
            "queries or buy fewer first labels"
        )
    if parameters.limits:
        costs = Costs(space, list(parameters.limits), cost_table)
        space = LimitedSpace(space, costs, list(parameters.limits.values()))
        _check_paid(paid, costs, list(parameters.limits.values()))
    objectives = Costs(space, parameters.objectives, cost_table) if parameters.objectives else None
    rng = np.random.default_rng([parameters.seed, _STREAM])
    strategy = create_strategy(Setting(space, rng, parameters, predictor, objectives))
    ledger = _open_ledger(space, evaluator, parameters, folder, identity)
    strategy.tell(ledger.credit(paid, "first label"))
    _spend(strategy, ledger, parameters)
    return _result(strategy, ledger, objectives)


def _check_paid(paid: Sequence[Evaluation], costs: Costs, limits: Sequence[float]) -> None:
    beyond = (costs.measure([evaluation.architecture for evaluation in paid]) > limits).any(axis=1)
    if beyond.any():
        name = paid[int(np.flatnonzero(beyond)[0])].architecture
        raise InputError(f"{name} was paid for, but it is beyond the limits on {', '.join(costs.names)}")


def _spend(strategy: Strategy, ledger: Ledger, parameters: SearchParameters) -> None:
    """Asks, buys and tells until the budget is spent."""
    for round in progress(_rounds(ledger), f"search {strategy.space.name} ({parameters.strategy})"):
        count = parameters.batch if len(ledger) else parameters.initial
        proposals = strategy.ask(min(count, ledger.remaining))
        if not proposals:
            logger.warning("Nothing new to ask for after %d of %d queries", len(ledger), ledger.budget)
            break
        strategy.tell(ledger.buy(proposals, round))


def _result(strategy: Strategy, ledger: Ledger, objectives: Costs | None) -> SearchResult:
    ledger.check_answers()
    history = ledger.history()
    failures = int(history["accuracy"].isna().sum())
    if failures:
        logger.warning("%d of %d queries failed; see the column error of the history", failures, len(history))
    if objectives is not None:
        history = _with_front(history, objectives)
    best = history.iloc[int(np.nanargmax(history["accuracy"].to_numpy()))]
    return SearchResult(
        best_architecture=str(best["architecture"]),
        best_accuracy=float(best["accuracy"]),
        history=history,
        trace=pd.DataFrame(strategy.trace),
        origins=ledger.origins,
    )


def _with_front(history: pd.DataFrame, objectives: Costs) -> pd.DataFrame:
    accuracies = history["accuracy"].to_numpy()
    costs = objectives.measure(history["architecture"].tolist())
    reference = objectives.reference
    volumes = [hypervolume(accuracies[:n], costs[:n], reference) for n in range(1, len(history) + 1)]
    columns = dict(zip(objectives.names, costs.T, strict=True))
    return history.assign(**columns, hypervolume=volumes, on_front=pareto_front(accuracies, costs))


def _rounds(ledger: Ledger) -> Iterator[int]:
    """Round numbers for as long as there is budget; round 0 is that of the first labels."""
    round = min(len(ledger), 1)
    while ledger.remaining:
        yield round
        round += 1


def _open_ledger(
    space: SearchSpace, evaluator: Evaluator, parameters: SearchParameters, folder: Path | None, identity: str
) -> Ledger:
    search = {
        "space": space.identity,
        "parameters": parameters.model_dump(mode="json", exclude={"queries"}),
        "identity": identity,
    }
    return Ledger.in_folder(evaluator, parameters.queries, folder, search)
