"""Queries that were begun and are not answered yet, and whose answers come in the order they are found in."""

from abc import ABC, abstractmethod
from collections import deque
from typing import Self

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.base import Evaluation, Evaluator, failure
from contrastive_nas.spaces.base import Architecture


class Pending(ABC):
    """Begins queries and waits for any of them.

    A context manager: leaving it gives up what has not been answered.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.give_up()

    @abstractmethod
    def begin(self, architecture: Architecture) -> None:
        """Begin a query; return at once.

        Raises:
            InputError: the evaluator as a whole cannot work.
            Exception: the query has failed.
        """

    @abstractmethod
    def finished(self) -> list[Evaluation]:
        """Wait until a query that was begun has an answer; return all new answers, in the order in which
        those queries were begun. A failure is recorded in the answer, not raised.

        Raises:
            InputError: the evaluator as a whole cannot work.
        """

    def give_up(self) -> None:  # noqa: B027  look-ups have nothing to end
        """End what has not been answered, as far as it has not begun."""

    def at_work(self) -> list[str]:
        """Say of every training that runs where, on what and for how long; the oldest first."""
        return []


class LookUps(Pending):
    """Answers that take no time: what was asked for first is answered first, one query at a time."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._asked: deque[Architecture] = deque()

    def begin(self, architecture: Architecture) -> None:
        self._asked.append(architecture)

    def finished(self) -> list[Evaluation]:
        architecture = self._asked.popleft()
        try:
            return self._evaluator.evaluate([architecture])
        except InputError:
            raise
        except Exception as error:
            return [failure(architecture, self._evaluator.origin, error)]
