"""The ledger: the only way from a search to an accuracy.

A query is one architecture string whose accuracy was trained, looked up or predicted. Every query counts
against the budget, the ones that failed and the ones for a comparator's first labels included; asking again
for a string is free.
"""

import json
import logging
import math
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator, Origin
from contrastive_nas.spaces.base import Architecture

logger = logging.getLogger(__name__)
FORMAT = 1


class Proposal(NamedTuple):
    """An architecture that a strategy wants to know the accuracy of, and why."""

    architecture: Architecture
    reason: str


@dataclass(frozen=True)
class Query:
    """One paid answer; ``number`` counts from 1, ``accuracy`` is NaN where the evaluation failed."""

    number: int
    round: int
    reason: str
    architecture: Architecture
    accuracy: float
    origin: Origin
    seconds: float
    error: str

    @property
    def evaluation(self) -> Evaluation:
        """The answer without its place in the search."""
        return Evaluation(self.architecture, self.accuracy, self.origin, self.seconds, self.error)


class BudgetExceededError(RuntimeError):
    """More new architectures were asked for than the budget has left; none of them was evaluated."""


class Ledger:
    """Buys accuracies, counts them, and writes each to a file as soon as it is known.

    A search that is started again on the file of a killed one is answered from it as long as it asks the same
    questions, so a deterministic search arrives where it was, at no cost. Should it ask others (another
    machine, another version), the answers already paid for join its history first.

    Args:
        evaluator: where accuracies come from.
        budget: number of queries allowed.
        path: file of one JSON object a line; None keeps the queries in memory only.
        identity: what the search is (space, parameters); a file of another one is refused.

    Raises:
        InputError: the file belongs to another search, or a line of it is damaged.
    """

    def __init__(
        self, evaluator: Evaluator, budget: int, path: Path | None = None, identity: str = ""
    ) -> None:
        self.budget = budget
        self._evaluator = evaluator
        self._path = path
        self._queries: dict[Architecture, Query] = {}
        self._replay: deque[Query] = deque()
        if path is not None:
            self._replay.extend(_open(path, identity))
        if self._replay:
            logger.info("continuing with %d queries that are paid already", len(self._replay))

    def __len__(self) -> int:
        return len(self._queries)

    def __contains__(self, architecture: Architecture) -> bool:
        return architecture in self._queries

    @property
    def queries(self) -> list[Query]:
        """All queries in the order in which they were bought."""
        return list(self._queries.values())

    @property
    def remaining(self) -> int:
        """How many more queries the budget allows."""
        return max(0, self.budget - len(self._queries))

    @property
    def origins(self) -> Counter[Origin]:
        """Number of queries by origin."""
        return Counter(query.origin for query in self._queries.values())

    def buy(self, proposals: Sequence[Proposal], round: int) -> list[Evaluation]:
        """Evaluations of architectures, in order, and of others that had been paid for earlier (see class).

        Args:
            proposals: what to evaluate; strings that were bought before, or stand here twice, cost nothing.
            round: recorded with every new query.

        Returns:
            one evaluation per distinct proposal, then those that an earlier, interrupted run had paid for.

        Raises:
            BudgetExceededError: more new strings than the budget has left.
        """
        wanted = {proposal.architecture: proposal for proposal in proposals}
        new = [proposal for name, proposal in wanted.items() if name not in self._queries]
        if len(new) > self.remaining:
            raise BudgetExceededError(f"{len(new)} queries asked for, {self.remaining} of {self.budget} left")
        recovered = self._answer_from_file(new)
        new = [proposal for proposal in new if proposal.architecture not in self._queries]
        # Recovered answers may have used up what was meant for new ones.
        self._evaluate(new[: self.remaining], round)
        asked = [self._queries[name].evaluation for name in wanted if name in self._queries]
        return asked + [query.evaluation for query in recovered if query.architecture not in wanted]

    def credit(self, evaluations: Sequence[Evaluation], reason: str) -> list[Evaluation]:
        """Enters answers that were paid for before the search began; each counts as a query of round 0.

        Args:
            evaluations: of different architectures, before anything was bought.
            reason: recorded with each.

        Raises:
            BudgetExceededError: more answers than the budget allows.
        """
        if len(evaluations) > self.budget:
            raise BudgetExceededError(f"{len(evaluations)} first labels, but a budget of {self.budget}")
        for evaluation in evaluations:
            if self._replay and self._replay[0].architecture == evaluation.architecture:
                self._keep(self._replay.popleft())
            else:
                self._record(evaluation, reason, round=0)
        self._evaluator.recall(evaluations)
        return [query.evaluation for query in self.queries]

    def history(self) -> pd.DataFrame:
        """One row per query in order, with ``best_accuracy`` so far (NaN before the first success)."""
        columns = list(Query.__dataclass_fields__)
        frame = pd.DataFrame([asdict(query) for query in self.queries], columns=columns)
        frame = frame.rename(columns={"number": "query"})
        frame["best_accuracy"] = np.fmax.accumulate(frame["accuracy"].to_numpy(dtype=float))
        return frame

    def _answer_from_file(self, proposals: Sequence[Proposal]) -> list[Query]:
        """Takes recorded queries in their order; returns the others where the search left that order."""
        for proposal in proposals:
            if not self._replay:
                return []
            if self._replay[0].architecture != proposal.architecture:
                break
            self._recover()
        else:
            return []
        logger.warning("The search left its recorded course: %d paid queries join it", len(self._replay))
        return [self._recover() for _ in range(len(self._replay))]

    def _evaluate(self, proposals: Sequence[Proposal], round: int) -> None:
        reasons = {proposal.architecture: proposal.reason for proposal in proposals}
        for evaluation in _answers(self._evaluator, list(reasons)):
            self._record(evaluation, reasons[evaluation.architecture], round)

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
        )
        self._append(query)
        return self._keep(query)

    def _recover(self) -> Query:
        query = self._keep(self._replay.popleft())
        self._evaluator.recall([query.evaluation])
        return query

    def _keep(self, query: Query) -> Query:
        self._queries[query.architecture] = query
        return query

    def _append(self, query: Query) -> None:
        if self._path is None:
            return
        record = asdict(query)
        record["accuracy"] = None if math.isnan(query.accuracy) else query.accuracy
        _append_line(self._path, record)


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
                raise RuntimeError(f"evaluator answered {evaluation.architecture!r} out of turn")
            done += 1
            yield _checked(evaluation)
        if done < len(architectures):
            raise RuntimeError("evaluator gave no answer")
    except InputError:
        raise
    except Exception as error:
        # A user's evaluator may raise anything; one bad network must not end a search of days.
        logger.warning("Evaluating %s failed: %s", architectures[done], error)
        text = f"{type(error).__name__}: {error}"
        yield Evaluation(architectures[done], float("nan"), "trained", error=text)


def _checked(evaluation: Evaluation) -> Evaluation:
    if math.isfinite(evaluation.accuracy):
        return evaluation
    error = evaluation.error or "accuracy is not a finite number"
    logger.warning("No accuracy for %s: %s", evaluation.architecture, error)
    return Evaluation(evaluation.architecture, float("nan"), evaluation.origin, evaluation.seconds, error)


def _open(path: Path, identity: str) -> list[Query]:
    """The recorded queries; starts a missing file and cuts off a line that a kill left unfinished."""
    header = {"format": FORMAT, "identity": identity}
    data = path.read_bytes() if path.exists() else b""
    complete = data[: data.rfind(b"\n") + 1]
    if not complete:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        _append_line(path, header)
        return []
    if len(complete) < len(data):
        with path.open("rb+") as stream:
            stream.truncate(len(complete))
    first, *lines = complete.decode().splitlines()
    if _parse(path, 1, first) != header:
        raise InputError(f"{path} records another search; name another folder or remove it")
    return [_query(path, number, line) for number, line in enumerate(lines, start=2)]


def _query(path: Path, number: int, line: str) -> Query:
    record = _parse(path, number, line)
    try:
        accuracy = record.pop("accuracy")
        return Query(accuracy=float("nan") if accuracy is None else float(accuracy), **record)
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(f"{path} line {number} is no query: {error}") from None


def _parse(path: Path, number: int, line: str) -> dict:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{path} line {number} is damaged: {error}") from None
    if not isinstance(record, dict):
        raise InputError(f"{path} line {number} is damaged: no JSON object")
    return record


def _append_line(path: Path, record: dict) -> None:
    with path.open("ab") as stream:
        stream.write(json.dumps(record).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
