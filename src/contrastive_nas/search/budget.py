"""What a search may spend: queries, full trainings, or hours of training."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

# Sums of costs such as .06 are not exact.
TOLERANCE = 1e-9
_SECONDS = 3600.0
# Full trainings that the shorter ones of a round cost together: more would be chosen by one state of belief.
ROUND = 1.0


class Paid(Protocol):
    """What is known of a query that was paid for: its cost in full trainings, its processor seconds."""

    @property
    def cost(self) -> float: ...

    @property
    def seconds(self) -> float: ...


@dataclass(frozen=True)
class Budget:
    """So much of one unit.

    Attributes:
        amount: of the unit.
        unit: ``queries``: every one counts as 1; ``trainings``: each counts as its part of a full training;
            ``hours``: processor hours that answers took, so that a killed search has spent the same. What a
            training takes is known at its end, so the last one may run over.
    """

    amount: float
    unit: Literal["queries", "trainings", "hours"] = "queries"

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"

    def spent(self, paid: Collection[Paid]) -> float:
        """Return what so many queries have spent, in the budget's unit."""
        if self.unit == "queries":
            return len(paid)
        if self.unit == "trainings":
            return math.fsum(query.cost for query in paid)
        return math.fsum(query.seconds for query in paid) / _SECONDS

    def left(self, spent: float) -> str:
        """Say what is left."""
        whole = f"{self.amount:g}" if self.unit == "queries" else str(self)
        return f"{max(self.amount - spent, 0.0):.4g} of {whole}"

    def covers(self, paid: Collection[Paid], costs: Sequence[float]) -> bool:
        """Return whether further queries may be begun.

        Args:
            paid: queries that were answered.
            costs: of the further ones, in full trainings; none asks whether the budget is not spent.
        """
        left = self.amount - self.spent(paid)
        if self.unit == "hours":
            return left > 0
        more = len(costs) if self.unit == "queries" else math.fsum(costs)
        return more <= left + TOLERANCE

    def queries_left(self, paid: Collection[Paid], cheapest: float) -> int:
        """Return how many more queries are possible at most.

        Args:
            paid: queries that were answered.
            cheapest: least cost of a query, in full trainings.
        """
        left = self.amount - self.spent(paid)
        if self.unit == "queries":
            return max(0, int(left))
        if self.unit == "trainings":
            return max(0, math.floor((left + TOLERANCE) / cheapest))
        if left <= 0:
            return 0
        trained, hours = math.fsum(query.cost for query in paid), self.spent(paid)
        # As long as the others took, for their cost.
        return max(1, math.floor(left / (cheapest * hours / trained))) if hours > 0 else 1
