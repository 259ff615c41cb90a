"""One search from the first query to the last."""

import logging
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator, Fidelity, Origin
from contrastive_nas.evaluators.function import AccuracyFunction, FunctionEvaluator
from contrastive_nas.identity import described
from contrastive_nas.latency.measured import MeasuredLatency
from contrastive_nas.latency.parameters import LATENCY
from contrastive_nas.progress import Progress
from contrastive_nas.ranking.base import FloatArray, Ranker
from contrastive_nas.ranking.space_ranker import SpaceRanker, create_space_ranker
from contrastive_nas.search.asynchronous import AsynchronousLedger, check_parallel, spend_asynchronously
from contrastive_nas.search.budget import Budget
from contrastive_nas.search.front import hypervolume, pareto_front
from contrastive_nas.search.latency import bought_within, open_latency, with_milliseconds
from contrastive_nas.search.ledger import Ledger
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.strategies.base import FIRST, Setting, Strategy
from contrastive_nas.search.strategy_registry import WITH_HALVING, WITH_RANKER, create_strategy
from contrastive_nas.search.summary import best_query
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.costs import Costs
from contrastive_nas.spaces.registry import load_space
from contrastive_nas.spaces.wrapped.limited import LimitedSpace

logger = logging.getLogger(__name__)
# By measurement, see docs/search.md.
DEFAULT_RANKER = "transfer"
# Random numbers of a search are others than those that a table of the same seed was sampled with.
_STREAM = 0x5EA4C4
# How progress says what happens to networks.
_COUNTED = {
    "trained": "networks trained",
    "cached": "networks trained",
    "looked_up": "networks looked up",
    "predicted": "networks predicted",
}
_PERCENT = 100.0
# Percentage points by which an accuracy may lie outside of the others.
_NEAR = 10.0


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        best_architecture: the one with the highest accuracy among all queries, the earliest of equals; among
            full trainings, where there are shorter ones too.
        best_accuracy: its accuracy in percent, as the search saw it.
        history: one row per query: query, round, reason, architecture, accuracy, origin, seconds, error,
            best_accuracy (so far); where the evaluator offers several fidelities also fidelity and cost, in
            full trainings; with objectives also their costs, hypervolume (so far, see
            :func:`contrastive_nas.search.front.hypervolume`) and on_front (at the end); where latency counts
            and is measured, milliseconds and milliseconds_predicted (before they were measured).
        trace: one row per step inside the strategy (for curriculum: queries, step, baseline, mean_reward,
            entropy).
        origins: number of queries by origin.
        basis: what the choice rests on besides labels: ``initial_design`` (promising or random networks), and
            what :attr:`contrastive_nas.ranking.base.Ranker.basis` says.
    """

    best_architecture: Architecture
    best_accuracy: float
    history: pd.DataFrame
    trace: pd.DataFrame
    origins: Counter[Origin]
    basis: dict[str, Any] = field(default_factory=dict)


def run_search(
    space: SearchSpace | str,
    evaluate: Evaluator | AccuracyFunction,
    parameters: SearchParameters | None = None,
    *,
    ranker: SpaceRanker | Ranker | str = DEFAULT_RANKER,
    folder: Path | None = None,
    identity: str = "",
    cost_table: pd.DataFrame | None = None,
    paid: Sequence[Evaluation] = (),
    measured: Path | None = None,
) -> SearchResult:
    """Search until the budget is spent or nothing new is to be found.

    Args:
        space: what is searched, or its name as :func:`contrastive_nas.spaces.load_space` takes it.
        evaluate: where accuracies come from, or a function that takes an architecture and gives its accuracy
            in percent; only the ledger asks it, and an exception is a failed query.
        parameters: strategy, budget, initial design, seed; 60 queries by default.
        ranker: guides the strategies that ask one; by name (see
            :func:`contrastive_nas.ranking.registry.list_rankers`), or itself. What it learned from other
            spaces never includes labels of this one.
        folder: where the ledger is written, one file for each distinct search: a killed search continues
            without paying twice, one with a larger budget likewise, a changed one starts anew; None keeps
            the ledger in memory.
        identity: what else decides the course, to tell ledgers apart (an encoder's checksum); what decides
            the answers is in the evaluator's own.
        cost_table: costs that are not counted from graphs, such as a latency, by the column ``architecture``.
        paid: labels bought before, such as those of an initial design; they count as queries and take the
            place of the search's own initial design.
        measured: folder that keeps latencies; by default that of the ledger.

    Raises:
        InputError: more paid than the budget allows, an unknown space, ranker or cost, limits that nothing
            respects or that something paid for breaks, an evaluator that cannot work, a damaged ledger, or
            no query that succeeded.
    """
    parameters = parameters or SearchParameters()
    space = load_space(space) if isinstance(space, str) else space
    folder = None if folder is None else Path(folder)
    _check_kinds(space, evaluate, parameters, ranker)
    evaluator = evaluate if isinstance(evaluate, Evaluator) else FunctionEvaluator(evaluate)
    budget = parameters.may_spend
    _check_budget(evaluator, budget)
    costs = {fidelity.name: fidelity.cost for fidelity in evaluator.fidelities}
    if not budget.covers([], [costs[one.fidelity] for one in paid]):
        raise InputError(
            f"a budget of {budget} is smaller than the {len(paid)} first labels: raise {budget.unit} or buy "
            "fewer first labels"
        )
    # Without a count of costs a short training would be as dear as a full one.
    offered = (Fidelity(),) if budget.unit == "queries" else evaluator.fidelities
    if parameters.parallel > 1:
        check_parallel(parameters, offered, cost_table)
    guide = _guide(ranker, space, parameters)
    latency = open_latency(space, parameters, cost_table, measured or folder)
    live = {} if latency is None else {LATENCY: latency.measure}
    if latency is not None and paid:
        latency.buy([evaluation.architecture for evaluation in paid])
    if parameters.limits:
        limited = Costs(space, list(parameters.limits), cost_table, live)
        space = LimitedSpace(space, limited, list(parameters.limits.values()))
        _check_paid(paid, limited, list(parameters.limits.values()))
    objectives = Costs(space, parameters.objectives, cost_table, live) if parameters.objectives else None
    rng = np.random.default_rng([parameters.seed, _STREAM])
    strategy = create_strategy(Setting(space, rng, parameters, guide, objectives, offered))
    name = ranker if isinstance(ranker, str) else _described(guide)
    ledger = _open_ledger(space, evaluator, parameters, folder, [name if guide else "", identity])
    strategy.tell(ledger.credit(paid, FIRST))
    _spend(strategy, ledger, parameters, evaluator.origin, latency)
    if isinstance(evaluator, FunctionEvaluator):
        _warn_of_scale(ledger.history()["accuracy"].to_numpy())
    result = _result(strategy, ledger, objectives, guide)
    return result if latency is None else replace(result, history=with_milliseconds(result.history, latency))


def _check_budget(evaluator: Evaluator, budget: Budget) -> None:
    """Refuses a budget that buys nothing, or never ends."""
    cheapest = evaluator.fidelities[0]
    if budget.unit == "trainings" and not budget.covers([], [cheapest.cost]):
        raise InputError(
            f"a budget of {budget} is below the cheapest request: the fidelity {cheapest.name!r} costs "
            f"{cheapest.cost:g} of a training; raise the budget or offer a shorter training"
        )
    if budget.unit == "hours" and evaluator.origin != "trained":
        raise InputError(
            f"a budget of {budget} never ends, as no network is trained here: give it in trainings"
        )


def _check_kinds(space: object, evaluate: object, parameters: object, ranker: object) -> None:
    """Refuses at once what would fail after the first queries were paid for."""
    wanted = {
        "space": (space, isinstance(space, SearchSpace), "a SearchSpace or the name of one"),
        "evaluate": (
            evaluate,
            isinstance(evaluate, Evaluator) or (callable(evaluate) and not isinstance(evaluate, type)),
            "an Evaluator or a function that takes an architecture; `evaluators.function.load_function` "
            "finds one by its name",
        ),
        "parameters": (parameters, isinstance(parameters, SearchParameters), "SearchParameters"),
        "ranker": (
            ranker,
            ranker is None or isinstance(ranker, SpaceRanker | Ranker | str),
            "a ranker or the name of one",
        ),
    }
    for name, (given, fits, what) in wanted.items():
        if not fits:
            raise InputError(f"run_search: {name} is {given!r:.100}, not {what}")


def _guide(
    ranker: SpaceRanker | Ranker | str, space: SearchSpace, parameters: SearchParameters
) -> SpaceRanker | None:
    if parameters.strategy not in WITH_RANKER:
        return None
    if isinstance(ranker, str):
        return create_space_ranker(ranker, space, seed=parameters.seed)
    return SpaceRanker(ranker, space, seed=parameters.seed) if isinstance(ranker, Ranker) else ranker


def _described(guide: SpaceRanker | None) -> str:
    return "" if guide is None else str(described(guide.ranker))


def _check_paid(paid: Sequence[Evaluation], costs: Costs, limits: Sequence[float]) -> None:
    beyond = (costs.measure([evaluation.architecture for evaluation in paid]) > limits).any(axis=1)
    if beyond.any():
        name = paid[int(np.flatnonzero(beyond)[0])].architecture
        raise InputError(f"{name} has a label already, but it exceeds the limits on {', '.join(costs.names)}")


def _spend(
    strategy: Strategy,
    ledger: Ledger,
    parameters: SearchParameters,
    origin: Origin,
    latency: MeasuredLatency | None,
) -> None:
    """Asks, buys and tells until the budget is spent."""
    what = f"searching {strategy.space.name}"
    total = int(ledger.budget.amount) if ledger.budget.unit == "queries" else None
    at_work = ledger.at_work if isinstance(ledger, AsynchronousLedger) else None
    with Progress(what, total, unit=_COUNTED[origin], done=len(ledger), at_work=at_work) as shown:
        ledger.listen(lambda: shown.update(len(ledger), _best_so_far(ledger)))
        if isinstance(ledger, AsynchronousLedger):
            spend_asynchronously(strategy, ledger, parameters, parameters.parallel)
            return
        for round in _rounds(ledger):
            count = parameters.batch if len(ledger) else parameters.initial
            count = min(count, ledger.remaining)
            if latency is None:
                asked = strategy.ask(count)
            else:
                asked = bought_within(strategy, count, latency, parameters.limits.get(LATENCY))
            if not asked:
                logger.warning("No new architecture is left after %g of %s", ledger.spent, ledger.budget)
                break
            proposals = ledger.affordable(asked)
            if not proposals:
                break
            strategy.tell(ledger.buy(proposals, round))


def _best_so_far(ledger: Ledger) -> str:
    best = ledger.best_accuracy
    return "no accuracy so far" if math.isnan(best) else f"best accuracy {best:.2f} % so far"


def _result(
    strategy: Strategy, ledger: Ledger, objectives: Costs | None, guide: SpaceRanker | None
) -> SearchResult:
    ledger.check_answers()
    history = ledger.history()
    failures = int(history["accuracy"].isna().sum())
    if failures:
        logger.warning("%d of %d queries failed; see the column error of the history", failures, len(history))
    if objectives is not None:
        history = _with_front(history, objectives)
    best = best_query(history)
    return SearchResult(
        best_architecture=str(best["architecture"]),
        best_accuracy=float(best["accuracy"]),
        history=history,
        trace=pd.DataFrame(strategy.trace),
        origins=ledger.origins,
        basis={"initial_design": strategy.design, **({} if guide is None else guide.basis)},
    )


def _warn_of_scale(accuracies: FloatArray) -> None:
    """A function may give fractions, or both; nothing else that a search says shows it."""
    known = accuracies[np.isfinite(accuracies)]
    if (known < 0).any() or (known > _PERCENT).any():
        logger.warning(
            "The function returned %g to %g: accuracies must be from 0 to 100 percent",
            known.min(),
            known.max(),
        )
    fractions, others = known[(known > 0) & (known <= 1)], known[known > 1]
    if len(fractions) == 0:
        return
    if len(others) == 0:
        logger.warning("The function returned nothing above 1: accuracies must be in percent, not fractions")
    # At chance level among many classes a network has 1 percent too, and no other a hundred times as much.
    elif others.min() - _NEAR <= _PERCENT * fractions.max() <= others.max() + _NEAR:
        logger.warning(
            "The function returned both %g and %g: is one a fraction in place of percent?",
            fractions.max(),
            others.max(),
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
    space: SearchSpace,
    evaluator: Evaluator,
    parameters: SearchParameters,
    folder: Path | None,
    course: Sequence[str],
) -> Ledger:
    search = {
        "space": space.identity,
        "parameters": _identifying(parameters),
        "course": list(course),
    }
    kind = AsynchronousLedger if parameters.parallel > 1 else Ledger
    return kind.in_folder(evaluator, parameters.may_spend, folder, search)


def _identifying(parameters: SearchParameters) -> dict[str, Any]:
    """What tells searches apart: not the budget, nor what the search does not use."""
    unused = {"batch"} if parameters.parallel > 1 else {"parallel"}
    found = parameters.model_dump(mode="json", exclude={"queries", "budget", "halving", LATENCY} | unused)
    if LATENCY in (*parameters.limits, *parameters.objectives):
        found[LATENCY] = parameters.latency.model_dump(mode="json")
    if parameters.strategy in WITH_HALVING:
        found["halving"] = parameters.halving.model_dump(mode="json")
    if parameters.strategy == "random_then_best" and parameters.budget is not None:
        found["budget"] = parameters.budget.model_dump(mode="json")
    return found
