"""Where an accuracy comes from, and what whoever gives it can say about a network that was chosen by it."""

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from contrastive_nas.errors import InputError, instead
from contrastive_nas.spaces.base import Architecture

if TYPE_CHECKING:
    import pandas as pd

    from contrastive_nas.evaluators.pending import Pending

logger = logging.getLogger(__name__)
Origin = Literal["trained", "looked_up", "predicted", "cached"]
# Name of the fidelity of a whole training: the label that counts.
FULL = "full"
# What torch says in a RuntimeError, on the CPU and on a GPU.
_OUT_OF_MEMORY = ("can't allocate memory", "out of memory")


@dataclass(frozen=True)
class Fidelity:
    """How thoroughly an accuracy is measured: by a short training, or by the full one.

    Attributes:
        name: ``full`` for the full training.
        cost: of one measurement, in full trainings.
    """

    name: str = FULL
    cost: float = 1.0


@dataclass(frozen=True)
class Evaluation:
    """The answer to one query.

    Attributes:
        architecture: what was asked for.
        accuracy: validation accuracy in percent, the label that a search may see; NaN where it failed.
        origin: how the answer was found; ``cached`` is a network of the same function trained earlier.
        seconds: processor seconds that it cost, 0 for look-ups.
        error: why it failed, empty where it did not.
        machine_fault: it failed for want of memory, disk or a process, which says nothing of the network: a
            search that is started again asks once more.
        fidelity: name of the fidelity that was asked for; the ledger notes it.
    """

    architecture: Architecture
    accuracy: float
    origin: Origin
    seconds: float = 0.0
    error: str = ""
    machine_fault: bool = False
    fidelity: str = FULL


def is_machine_fault(error: Exception) -> bool:
    """Return whether an exception tells of the machine (memory, disk, a killed process), not of a network."""
    if isinstance(error, MemoryError | OSError | BrokenExecutor):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _OUT_OF_MEMORY)


def failure(architecture: Architecture, origin: Origin, error: Exception) -> Evaluation:
    """Warn of an evaluation that has raised an exception, and return the answer to its query."""
    logger.warning("Evaluating %s failed: %s", architecture, error)
    text, fault = f"{type(error).__name__}: {error}", is_machine_fault(error)
    return Evaluation(architecture, math.nan, origin, error=text, machine_fault=fault)


def with_full(shorter: Iterable[Fidelity]) -> tuple[Fidelity, ...]:
    """Return fidelities from the cheapest to the full training.

    Raises:
        InputError: one is called as the full training is, costs nothing, or no less than that.
    """
    found = sorted(shorter, key=lambda fidelity: fidelity.cost)
    for fidelity in found:
        if fidelity.name == FULL:
            raise InputError(
                f"fidelity {FULL!r} is the full training, which is always offered: rename this one"
            )
        if not 0 < fidelity.cost < 1:
            raise InputError(
                f"fidelity {fidelity.name!r} costs {fidelity.cost:g} full trainings: a cheaper measurement "
                "costs more than 0 and less than 1"
            )
    return (*found, Fidelity())


class Evaluator(ABC):
    """Gives accuracies for architectures; only the ledger of a search calls it: every query counts.

    A context manager: leaving it closes the evaluator.

    Attributes:
        origin: how new answers are found.
        fidelities: what a network may be measured at, the cheapest first; the full training is the last.
    """

    origin: ClassVar[Origin]
    fidelities: tuple[Fidelity, ...] = (Fidelity(),)
    # Evaluators of the cheaper fidelities, by name; whoever offers some sets both.
    _shorter: Mapping[str, "Evaluator"] = MappingProxyType({})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027  most evaluators have nothing to end
        """End processes that the evaluator has started; what they have not begun is given up."""

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """All that decides the answers (data, label, recipe, seeds, options), as data that JSON takes.

        Two evaluators of one identity give one architecture the same answer; a ledger is only ever continued
        by an evaluator with the identity of the one that began it.
        """

    def at(self, fidelity: str) -> "Evaluator":
        """Return the evaluator of one fidelity, which is closed with this one; itself for the full one.

        Raises:
            InputError: it offers no such fidelity.
        """
        if fidelity == FULL:
            return self
        if fidelity not in self._shorter:
            known = [one.name for one in self.fidelities]
            raise InputError(f"fidelity {fidelity!r} is unknown{instead(fidelity, known)}")
        return self._shorter[fidelity]

    def _identity_of_shorter(self) -> dict[str, Any]:
        """What an identity has besides, where more than the full training is offered."""
        if not self._shorter:
            return {}
        offered = {one.name: {"cost": one.cost, **self.at(one.name).identity} for one in self.fidelities[:-1]}
        return {"fidelities": offered}

    @abstractmethod
    def evaluate(self, architectures: Sequence[Architecture]) -> list[Evaluation]:
        """Return one evaluation per architecture, in their order; a failure is recorded in it, not raised.

        Raises:
            InputError: the evaluator as a whole cannot work (missing table, missing data set).
        """

    def stream(self, architectures: Sequence[Architecture]) -> Iterator[Evaluation]:
        """Yield the same answers in the same order, each as soon as it is known: a kill then loses none.

        Evaluators that work on several architectures at once override this.

        Raises:
            InputError: as :meth:`evaluate`.
        """
        for architecture in architectures:
            yield from self.evaluate([architecture])

    def pending(self) -> "Pending":
        """Return what begins queries and waits for any of them, for searches with several at the same time.

        Raises:
            InputError: the evaluator answers one query after another.
        """
        raise InputError(
            f"search.parallel: {type(self).__name__} answers one query after another; set search.parallel to "
            "0, or take an evaluator that trains networks itself (evaluator.kind: training)"
        )

    def prepare(self) -> None:  # noqa: B027  most evaluators answer at once
        """Start what answers would wait for, as queries will come; return at once."""

    def recall(self, evaluations: Sequence[Evaluation]) -> None:  # noqa: B027  look-ups have nothing to keep
        """Is told, in order, what an interrupted run of a search paid for, to answer as if it still ran."""

    def final_accuracy(self, architecture: Architecture) -> float:
        """Return what a network that a search chose is worth, in percent: test accuracy where the evaluator
        has one.

        By default the answer to the same question, asked afresh.

        Raises:
            InputError: there is none; the message says why.
        """
        (answer,) = self.evaluate([architecture])
        if not math.isfinite(answer.accuracy):
            raise InputError(f"{architecture} has no accuracy: {answer.error or 'it is not a finite number'}")
        return answer.accuracy

    def reference(self, table: "pd.DataFrame", columns: Sequence[str]) -> "pd.DataFrame":
        """Return the table with its accuracies on the evaluator's scale, for a choice to be ranked among its
        rows.

        Args:
            table: known architectures.
            columns: accuracies in percent; NaN in the result where nothing comparable is known.
        """
        return table

    def quality(self) -> dict[str, float]:
        """Return figures that say how far the last final accuracy is to be trusted; empty where it is what
        it is.
        """
        return {}
