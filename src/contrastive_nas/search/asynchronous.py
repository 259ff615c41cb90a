"""Asynchronous search: so many networks are under way at all times, and each answer leads to the next choice.

A round of a batch lasts as long as its slowest training. Here the strategy is told an answer as soon as it is
known and asked for one more network, as if what is under way were known to be as predicted (the kriging
believer, see :func:`contrastive_nas.search.acquisition.bought_together`).

Choices depend on the seed and on the order of answers, which is that of the ledger's lines; answers that were
found together have one round number. So a search that is started again chooses what it chose before, takes
the recorded answers in their order, and begins once more what was under way when it was killed.
"""

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator, Fidelity, failure
from contrastive_nas.latency.parameters import LATENCY
from contrastive_nas.search.budget import Budget
from contrastive_nas.search.latency import is_measured
from contrastive_nas.search.ledger import Ledger, Proposal, Query, Request, checked
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.strategies.base import Strategy

logger = logging.getLogger(__name__)
# Trainings that a line of progress names; it says how many more there are.
_NAMED = 4


class AsynchronousLedger(Ledger):
    """A ledger whose answers come in the order in which they are found; see :class:`Ledger`.

    While it is answered from its file nothing is begun: the file may hold the answer.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        budget: int | Budget,
        path: Path | None = None,
        search: Mapping[str, Any] | None = None,
    ) -> None:
        self._pending = evaluator.pending()
        super().__init__(evaluator, budget, path, search)
        self._under_way: dict[Request, Proposal] = {}
        self._not_begun: list[Proposal] = []

    @contextmanager
    def giving_up(self) -> Iterator[None]:
        """Give up, at the end, what has no answer; there is some after an error or an interruption alone."""
        with self._pending:
            yield

    @property
    def under_way(self) -> int:
        """How many queries have no answer yet."""
        return len(self._under_way)

    def room(self, most: int) -> int:
        """Return how many more queries may be begun, of which so many at most are under way."""
        free = most - self.under_way
        paid = self._queries.values()
        covered = (n for n in range(free, 0, -1) if self.budget.covers(paid, [1.0] * (self.under_way + n)))
        return next(covered, 0)

    def begin(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        """Begin queries that the budget covers, and return them: those that were not bought before."""
        new = {one.request: one for one in proposals if one.request not in self._queries | self._under_way}
        self._under_way.update(new)
        self._not_begun.extend(new.values())
        return list(new.values())

    def answers(self, round: int) -> list[Evaluation]:
        """Wait for answers to what is under way: all that are known, one at least.

        Also returns what an interrupted run had paid for, should the search not ask for it any more.

        Args:
            round: recorded with every new answer.
        """
        found = self._recorded_answers(round) if self._replay else self._new_answers(round)
        self._forget(found)
        return [query.evaluation for query in found]

    def at_work(self) -> str:
        """Say what runs where and for how long."""
        running = self._pending.at_work()
        more = [f"{len(running) - _NAMED} more"] if len(running) > _NAMED else []
        return "; ".join(running[:_NAMED] + more)

    def _recorded_answers(self, round: int) -> list[Query]:
        """Those that were found together."""
        found: list[Query] = []
        together = self._replay[0].round
        while self._replay and self._replay[0].round == together:
            proposal = self._under_way.get(self._replay[0].request)
            if proposal is None:
                return found or self._take_over()
            recorded = self._replay.popleft()
            if recorded.machine_fault:
                found += self._entered(self._begun([proposal]) or self._pending.finished(), round)
            else:
                found.append(self._recover(recorded))
        return found

    def _take_over(self) -> list[Query]:
        found = super()._take_over()
        self._forget(found)
        # They may have used up what was meant for others.
        while self._not_begun and not self.budget.covers(self._queries.values(), [1.0] * self.under_way):
            del self._under_way[self._not_begun.pop().request]
        return found

    def _forget(self, answered: Sequence[Query]) -> None:
        for query in answered:
            self._under_way.pop(query.request, None)
        self._not_begun = [one for one in self._not_begun if one.request in self._under_way]

    def _new_answers(self, round: int) -> list[Query]:
        proposals, self._not_begun = self._not_begun, []
        return self._entered(self._begun(proposals) or self._pending.finished(), round)

    def _begun(self, proposals: Sequence[Proposal]) -> list[Evaluation]:
        """Begins queries; returns those that have failed at once."""
        failed: list[Evaluation] = []
        for proposal in proposals:
            try:
                self._pending.begin(proposal.architecture)
            except InputError:
                raise
            except Exception as error:
                # A user's space may raise anything; one bad network must not end a search of days.
                failed.append(failure(proposal.architecture, self._evaluator.origin, error))
        return failed

    def _entered(self, evaluations: Sequence[Evaluation], round: int) -> list[Query]:
        found: list[Query] = []
        for evaluation in evaluations:
            reason = self._under_way[evaluation.architecture, evaluation.fidelity].reason
            found.append(self._record(checked(evaluation), reason, round))
            if self._listener is not None:
                self._listener()
        return found


def spend_asynchronously(
    strategy: Strategy, ledger: AsynchronousLedger, parameters: SearchParameters, most: int
) -> None:
    """Ask, begin, wait and tell until the budget is spent and everything is answered.

    Args:
        strategy: of full trainings alone.
        ledger: with the first labels, if some were paid for.
        parameters: of the search.
        most: how many queries are under way at the same time.
    """
    proposed: deque[Proposal] = deque()
    count = 0 if len(ledger) else min(parameters.initial, ledger.remaining)
    round = min(len(ledger), 1)
    with ledger.giving_up():
        while True:
            while room := ledger.room(most):
                if not proposed:
                    proposed.extend(strategy.ask(count or room))
                    count = 0
                if not proposed:
                    break
                begun = ledger.begin([proposed.popleft() for _ in range(min(room, len(proposed)))])
                strategy.begin([one.architecture for one in begun])
            if not ledger.under_way:
                break
            strategy.tell(ledger.answers(round))
            round += 1
    if ledger.room(most):
        logger.warning("No new architecture is left after %g of %s", ledger.spent, ledger.budget)


def check_parallel(
    parameters: SearchParameters, offered: Sequence[Fidelity], cost_table: pd.DataFrame | None
) -> None:
    """Refuse what cannot be done with several queries under way.

    Args:
        parameters: of the search.
        offered: fidelities.
        cost_table: see :func:`contrastive_nas.search.run.run_search`.

    Raises:
        InputError: shorter trainings, or latencies that are measured on this machine.
    """
    if len(offered) > 1:
        raise InputError(
            "search.parallel needs full trainings alone: set it to 0, or leave evaluator.fidelities out"
        )
    if is_measured(parameters, cost_table):
        raise InputError(
            "search.parallel: latencies are not measured beside trainings; set it to 0, or give the table a "
            f"column {LATENCY!r}"
        )
