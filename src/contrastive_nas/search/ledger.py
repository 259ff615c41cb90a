"""The ledger: the only way from a search to an accuracy.

A query is one architecture string whose accuracy was trained, looked up or predicted, at one fidelity. Every
query counts against the budget, the ones that failed and the ones for a comparator's first labels included;
asking again for a string at the same fidelity is free.
"""

import errno
import fcntl
import json
import logging
import math
import os
import weakref
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import FULL, Evaluation, Evaluator, Origin, failure
from contrastive_nas.identity import digest
from contrastive_nas.search.budget import Budget
from contrastive_nas.spaces.base import Architecture

logger = logging.getLogger(__name__)
FORMAT = 2
_ADVICE = "; correct or delete this line, or delete the file to repeat all its queries"


# What identifies a query: an architecture, and the name of a fidelity.
Request = tuple[Architecture, str]
# What a search with the full training alone does not record.
_OF_FIDELITIES = ("fidelity", "cost")


class Proposal(NamedTuple):
    """An architecture that a strategy wants to know the accuracy of, why, and how thoroughly."""

    architecture: Architecture
    reason: str
    fidelity: str = FULL

    @property
    def request(self) -> Request:
        """What it asks for."""
        return self.architecture, self.fidelity


@dataclass(frozen=True)
class Query:
    """One paid answer; ``number`` counts from 1, ``accuracy`` is NaN where the evaluation failed.

    ``cost`` is in full trainings.
    """

    number: int
    round: int
    reason: str
    architecture: Architecture
    accuracy: float
    origin: Origin
    seconds: float
    error: str
    machine_fault: bool = False
    fidelity: str = FULL
    cost: float = 1.0

    @property
    def request(self) -> Request:
        """What was asked for."""
        return self.architecture, self.fidelity

    @property
    def evaluation(self) -> Evaluation:
        """The answer without its place in the search."""
        answer = self.architecture, self.accuracy, self.origin, self.seconds, self.error
        return Evaluation(*answer, self.machine_fault, self.fidelity)


class BudgetExceededError(RuntimeError):
    """More new architectures were asked for than the budget has left; none of them was evaluated."""


class Ledger:
    """Buys accuracies, counts them, and writes each to a file as soon as it is known.

    A search that is started again on the file of a killed one is answered from it as long as it asks the same
    questions, so a deterministic search arrives where it was, at no cost. Should it ask others (another
    machine, another version), the answers already paid for join its history first. What failed by a fault of
    the machine is asked again.

    The file begins with what the evaluator and the search are, and is never continued by others, nor by two
    processes at once.

    Args:
        evaluator: where accuracies come from.
        budget: what may be spent; a whole number is one of queries.
        path: file of one JSON object a line; None keeps the queries in memory only.
        search: what the search is (space, parameters), as plain data.

    Raises:
        InputError: the file belongs to another search or evaluator, or to one that runs in another process, a
            line of it is damaged, or it cannot be written.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        budget: int | Budget,
        path: Path | None = None,
        search: Mapping[str, Any] | None = None,
    ) -> None:
        self.budget = budget if isinstance(budget, Budget) else Budget(budget)
        self._evaluator = evaluator
        self._costs = {fidelity.name: fidelity.cost for fidelity in evaluator.fidelities}
        self._queries: dict[Request, Query] = {}
        self._replay: deque[Query] = deque()
        self._file: int | None = None
        self._listener: Callable[[], None] | None = None
        if path is not None:
            self._file = _claimed(path)
            # The system frees what a killed process had claimed.
            weakref.finalize(self, os.close, self._file)
            self._replay.extend(_read(path, self._file, _header(evaluator, search or {})))
        if self._replay:
            logger.info("continuing after %d recorded queries", len(self._replay))

    @classmethod
    def in_folder(
        cls, evaluator: Evaluator, budget: int | Budget, folder: Path | None, search: Mapping[str, Any]
    ) -> Self:
        """Return a ledger whose file is named by evaluator and search, so that a folder may serve several of
        them.

        Args:
            evaluator: where accuracies come from.
            budget: what may be spent; not part of the name, so that a larger one continues.
            folder: None keeps the queries in memory only.
            search: what the search is.
        """
        if folder is None:
            return cls(evaluator, budget)
        name = f"ledger-{digest(_header(evaluator, search))}.jsonl"
        return cls(evaluator, budget, folder / name, search)

    def __len__(self) -> int:
        return len(self._queries)

    def __contains__(self, architecture: Architecture) -> bool:
        return (architecture, FULL) in self._queries

    @property
    def queries(self) -> list[Query]:
        """All queries in the order in which they were bought."""
        return list(self._queries.values())

    @property
    def spent(self) -> float:
        """What all queries cost, in the budget's unit."""
        return self.budget.spent(self._queries.values())

    @property
    def remaining(self) -> int:
        """How many more queries the budget allows at most; at least 1 where hours are left."""
        return self.budget.queries_left(self._queries.values(), min(self._costs.values()))

    def affordable(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        """Return the first proposals, as far as the budget covers them; those bought before cost nothing."""
        found: list[Proposal] = []
        costs: list[float] = []
        for proposal in proposals:
            if proposal.request not in self._queries:
                costs.append(self._costs[proposal.fidelity])
            if not self.budget.covers(self._queries.values(), costs):
                break
            found.append(proposal)
        return found

    @property
    def origins(self) -> Counter[Origin]:
        """Number of queries by origin."""
        return Counter(query.origin for query in self._queries.values())

    @property
    def best_accuracy(self) -> float:
        """The highest accuracy of a full training so far, percent; NaN before the first success."""
        full = (query.accuracy for query in self._queries.values() if query.fidelity == FULL)
        return max((accuracy for accuracy in full if not math.isnan(accuracy)), default=math.nan)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after every new answer; not after those that were paid for earlier."""
        self._listener = listener

    def buy(self, proposals: Sequence[Proposal], round: int) -> list[Evaluation]:
        """Return evaluations of architectures, in order, and of others that had been paid for earlier (see
        class).

        Args:
            proposals: what to evaluate; what was bought before, or stands here twice, costs nothing.
            round: recorded with every new query.

        Returns:
            one evaluation per distinct proposal, then those that an earlier, interrupted run had paid for.

        Raises:
            BudgetExceededError: more new ones than the budget has left.
        """
        wanted = {proposal.request: proposal for proposal in proposals}
        new = [proposal for request, proposal in wanted.items() if request not in self._queries]
        if len(self.affordable(new)) < len(new):
            raise BudgetExceededError(f"{len(new)} queries asked for, {self.budget.left(self.spent)} left")
        recovered = self._answer_from_file(new, round)
        new = [proposal for proposal in new if proposal.request not in self._queries]
        # Recovered answers may have used up what was meant for new ones.
        self._evaluate(self.affordable(new), round)
        asked = [self._queries[request].evaluation for request in wanted if request in self._queries]
        return asked + [query.evaluation for query in recovered if query.request not in wanted]

    def credit(self, evaluations: Sequence[Evaluation], reason: str) -> list[Evaluation]:
        """Enter answers that were paid for before the search began; each counts as a query of round 0.

        Args:
            evaluations: of different architectures, before anything was bought.
            reason: recorded with each.

        Raises:
            BudgetExceededError: more answers than the budget allows.
        """
        if not self.budget.covers([], [self._costs[one.fidelity] for one in evaluations]):
            raise BudgetExceededError(f"{len(evaluations)} first labels, but a budget of {self.budget}")
        for evaluation in evaluations:
            if self._replay and self._replay[0].request == (evaluation.architecture, evaluation.fidelity):
                self._keep(self._replay.popleft())
            else:
                self._record(evaluation, reason, round=0)
        self._evaluator.recall(evaluations)
        return [query.evaluation for query in self.queries]

    def check_answers(self) -> None:
        """Raise InputError, with the first reason, where queries were asked and none has an accuracy."""
        failed = [query for query in self.queries if math.isnan(query.accuracy)]
        if failed and len(failed) == len(self):
            raise InputError(
                f"no architecture could be evaluated, {len(failed)} failed; the first, "
                f"{failed[0].architecture}: {failed[0].error}"
            )

    def history(self) -> pd.DataFrame:
        """Return one row per query in order, with ``best_accuracy`` so far (NaN before the first success).

        That is of full trainings. Where the evaluator offers several fidelities, ``fidelity`` and ``cost``,
        in full trainings, are columns too.
        """
        columns = list(Query.__dataclass_fields__)
        frame = pd.DataFrame([asdict(query) for query in self.queries], columns=columns)
        full = frame["accuracy"].to_numpy(dtype=float, copy=True)
        full[(frame["fidelity"] != FULL).to_numpy()] = math.nan
        dropped = ["machine_fault", *([] if self._has_fidelities else _OF_FIDELITIES)]
        frame = frame.drop(columns=dropped).rename(columns={"number": "query"})
        frame["best_accuracy"] = np.fmax.accumulate(full)
        return frame

    @property
    def _has_fidelities(self) -> bool:
        return len(self._costs) > 1

    def _answer_from_file(self, proposals: Sequence[Proposal], round: int) -> list[Query]:
        """Takes recorded queries in their order; returns the others where the search left that order."""
        for proposal in proposals:
            if not self._replay:
                return []
            if self._replay[0].request != proposal.request:
                break
            recorded = self._replay.popleft()
            if recorded.machine_fault:
                self._evaluate([proposal], round)
            else:
                self._recover(recorded)
        else:
            return []
        return self._take_over()

    def _take_over(self) -> list[Query]:
        """Enters what is left of a record that the search does not follow any more."""
        paid = [query for query in self._replay if not query.machine_fault]
        self._replay.clear()
        logger.warning("The search now differs from its record: it reuses %d recorded queries", len(paid))
        return [self._recover(query) for query in paid]

    def _evaluate(self, proposals: Sequence[Proposal], round: int) -> None:
        for fidelity, group in groupby(proposals, lambda proposal: proposal.fidelity):
            reasons = {proposal.architecture: proposal.reason for proposal in group}
            for evaluation in _answers(self._evaluator.at(fidelity), list(reasons)):
                answer = replace(evaluation, fidelity=fidelity)
                self._record(answer, reasons[evaluation.architecture], round)
                if self._listener is not None:
                    self._listener()
                # How long a training takes is known at its end: the last one may run over.
                if not self.budget.covers(self._queries.values(), []):
                    return

    def _record(self, evaluation: Evaluation, reason: str, round: int) -> Query:
        query = Query(
            number=len(self._queries) + 1,
            round=round,
            reason=reason,
            architecture=evaluation.architecture,
            accuracy=evaluation.accuracy,
            origin=evaluation.origin,
            seconds=evaluation.seconds,
            error=evaluation.error,
            machine_fault=evaluation.machine_fault,
            fidelity=evaluation.fidelity,
            cost=self._costs[evaluation.fidelity],
        )
        self._append(query)
        return self._keep(query)

    def _recover(self, recorded: Query) -> Query:
        # Others before it may not have been taken over.
        query = self._keep(replace(recorded, number=len(self._queries) + 1))
        self._evaluator.at(query.fidelity).recall([query.evaluation])
        return query

    def _keep(self, query: Query) -> Query:
        self._queries[query.request] = query
        return query

    def _append(self, query: Query) -> None:
        if self._file is None:
            return
        record = asdict(query)
        record["accuracy"] = None if math.isnan(query.accuracy) else query.accuracy
        if not self._has_fidelities:
            record = {name: value for name, value in record.items() if name not in _OF_FIDELITIES}
        _append_line(self._file, record)


def _answers(evaluator: Evaluator, architectures: Sequence[Architecture]) -> Iterator[Evaluation]:
    """One evaluation per architecture; the evaluator is asked for the rest again after one that raised."""
    done = 0
    while done < len(architectures):
        for evaluation in _answers_until_failure(evaluator, architectures[done:]):
            done += 1
            yield evaluation


def _answers_until_failure(
    evaluator: Evaluator, architectures: Sequence[Architecture]
) -> Iterator[Evaluation]:
    """Evaluations in order; where the evaluator raises, a recorded failure is the last."""
    done = 0
    try:
        for evaluation in evaluator.stream(architectures):
            if evaluation.architecture != architectures[done]:
                raise RuntimeError(
                    f"the evaluator answered for {evaluation.architecture!r} when another architecture was "
                    "asked for"
                )
            done += 1
            yield checked(evaluation)
        if done < len(architectures):
            raise RuntimeError("evaluator gave no answer")
    except InputError:
        raise
    except Exception as error:
        # A user's evaluator may raise anything; one bad network must not end a search of days.
        yield failure(architectures[done], evaluator.origin, error)


def checked(evaluation: Evaluation) -> Evaluation:
    """Return an answer that has a finite accuracy, or a reason why it has none."""
    if math.isfinite(evaluation.accuracy):
        return evaluation
    error = evaluation.error or "accuracy is not a finite number"
    logger.warning("No accuracy for %s: %s", evaluation.architecture, error)
    return replace(evaluation, accuracy=float("nan"), error=error)


def _header(evaluator: Evaluator, search: Mapping[str, Any]) -> dict[str, Any]:
    header = {"format": FORMAT, "evaluator": evaluator.identity, "search": search}
    found: dict[str, Any] = json.loads(json.dumps(header))  # as it is read back
    return found


def _claimed(path: Path) -> int:
    """A handle that appends to the file, which no other process writes to."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(f"{path}: the ledger cannot be written: {error.strerror}") from error
    try:
        _claim(file, path)
    except InputError:
        os.close(file)
        raise
    return file


def _claim(file: int, path: Path) -> None:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some network file systems have no locks.
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise InputError(
                f"{path}: another process is running this search: wait until it ends, or name another folder"
            ) from None


def _read(path: Path, file: int, header: dict[str, Any]) -> list[Query]:
    """The recorded queries; begins an empty file and cuts off a line that a kill left unfinished."""
    # Closing another handle of the file would free it for other processes.
    with open(file, "rb", closefd=False) as stream:
        data = stream.read()
    complete = data[: data.rfind(b"\n") + 1]
    if len(complete) < len(data):
        os.ftruncate(file, len(complete))
    if not complete:
        _append_line(file, header)
        return []
    try:
        first, *lines = complete.decode().splitlines()
    except UnicodeDecodeError as error:
        number = complete.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path} line {number} is damaged: not UTF-8{_ADVICE}") from None
    recorded = _parse(path, 1, first)
    if recorded != header:
        difference = "; ".join(_differences(recorded, header))
        raise InputError(f"{path} records another search ({difference}): name another folder or remove it")
    queries = [_query(path, number, line) for number, line in enumerate(lines, start=2)]
    # What a fault of the machine had failed, and was asked again later, keeps its place.
    return list({query.request: query for query in queries}.values())


def _differences(recorded: dict[str, Any], asked: dict[str, Any], name: str = "") -> Iterator[str]:
    for key in sorted(recorded.keys() | asked.keys()):
        before, now = recorded.get(key), asked.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from _differences(before, now, f"{name}{key}.")
        elif before != now:
            yield f"{name}{key} is {before!r:.60} there and {now!r:.60} here"


def _query(path: Path, number: int, line: str) -> Query:
    record = _parse(path, number, line)
    try:
        accuracy = record.pop("accuracy")
        query = Query(accuracy=float("nan") if accuracy is None else float(accuracy), **record)
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(f"{path} line {number} is not a query: {error}{_ADVICE}") from None
    if not isinstance(query.architecture, str) or math.isinf(query.accuracy) or isinstance(accuracy, bool):
        wrong = f"the accuracy of {query.architecture!r:.60} is {accuracy!r:.20}"
        raise InputError(f"{path} line {number} is not a query: {wrong}{_ADVICE}")
    return query


def _parse(path: Path, number: int, line: str) -> dict:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{path} line {number} is damaged: {error}{_ADVICE}") from None
    if not isinstance(record, dict):
        raise InputError(f"{path} line {number} is damaged: not a JSON object{_ADVICE}")
    return record


def _append_line(file: int, record: dict) -> None:
    with open(file, "ab", closefd=False) as stream:
        stream.write(json.dumps(record).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
