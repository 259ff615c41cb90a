"""Where an accuracy comes from."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from typing_extensions import Self

from contrastive_nas.spaces.base import Architecture

Origin = Literal["trained", "looked_up", "predicted", "cached"]


@dataclass(frozen=True)
class Evaluation:
    """The answer to one query.

    Attributes:
        architecture: what was asked for.
        accuracy: validation accuracy in percent, the label that a search may see; NaN where it failed.
        origin: how the answer was found; ``cached`` is a network of the same function trained earlier.
        seconds: processor seconds that it cost, 0 for look-ups.
        error: why it failed, empty where it did not.
    """

    architecture: Architecture
    accuracy: float
    origin: Origin
    seconds: float = 0.0
    error: str = ""


class Evaluator(ABC):
    """Gives accuracies for architectures; only the ledger of a search calls it: every query counts.

    A context manager: leaving it closes the evaluator.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027  most evaluators have nothing to end
        """Ends processes that the evaluator has started; what they have not begun is given up."""

    @abstractmethod
    def evaluate(self, architectures: Sequence[Architecture]) -> list[Evaluation]:
        """One evaluation per architecture, in their order; a failure is recorded in it, not raised.

        Raises:
            InputError: the evaluator as a whole cannot work (missing table, missing data set).
        """

    def stream(self, architectures: Sequence[Architecture]) -> Iterator[Evaluation]:
        """The same answers in the same order, each as soon as it is known: a kill then loses none.

        Evaluators that work on several architectures at once override this.

        Raises:
            InputError: as :meth:`evaluate`.
        """
        for architecture in architectures:
            yield from self.evaluate([architecture])

    def recall(self, evaluations: Sequence[Evaluation]) -> None:  # noqa: B027  look-ups have nothing to keep
        """Is told, in order, what an interrupted run of a search paid for, to answer as if it still ran."""
