"""Parameters of the search stage."""

from typing import Any

from pydantic import Field

from contrastive_nas.search.budget import ROUND
from contrastive_nas.search.parameters import (
    BudgetParameters,
    RankerParameters,
    SearchParameters,
    SearchSettings,
)
from contrastive_nas.search.strategy_registry import LEARN_FROM_FIDELITIES
from contrastive_nas.typed import Seed


class SearchStageParameters(SearchSettings):
    """The search: strategy, budget, and the ranker that guides it.

    Its first round is ``compare.first_labels``, its seed the experiment's ``seed``.

    Attributes:
        ranker: What ranks the candidates. It is refitted to all labels in every round.
        final_seeds: Seeds of the trainings that measure the accuracy of the chosen network for the report,
            one training each. Use seeds that no other training has. Only where queries are trained.
        pool: Whether only architectures of the table may be queried, for tables that hold a part of the
            space.
    """

    ranker: RankerParameters = RankerParameters()
    final_seeds: tuple[Seed, ...] = Field(default=(100, 101, 102), min_length=1)
    pool: bool = False

    def of_search(self, initial: int, seed: int, queries: int | None = None) -> SearchParameters:
        """Return parameters of the search itself.

        Args:
            initial: labels of the initial design.
            seed: of everything random.
            queries: in place of the budget.
        """
        changed = {} if queries is None else {"queries": queries, "budget": None}
        return SearchParameters(**self._settings() | changed | {"initial": initial, "seed": seed})

    def first_round(self, initial: int, seed: int, fidelities: bool) -> SearchParameters:
        """Return parameters of a search that ends with its first round.

        Args:
            initial: labels of the initial design, where they are full trainings.
            seed: of everything random.
            fidelities: whether shorter trainings are offered.
        """
        if not self.buys_shorter_first(fidelities) or self.budget is None:
            queries = initial if self.budget is not None else min(initial, self.queries)
            return self.of_search(initial, seed, queries)
        first = BudgetParameters(trainings=min(self.budget.trainings or ROUND, ROUND))
        return SearchParameters(**self._settings() | {"budget": first, "initial": initial, "seed": seed})

    def buys_shorter_first(self, fidelities: bool) -> bool:
        """Return whether the first round is of shorter trainings, which are offered or not."""
        return fidelities and self.strategy in LEARN_FROM_FIDELITIES

    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in SearchSettings.model_fields}
